"""Programs run for AWS: clean surroundings, and nothing of them left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from localaws.core import sandbox
from localaws.core.rlimits import Limits

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory")


def _run(folder, code, **more):
    arguments = {"env": {}} | more
    argv = [sys.executable, "-c", code]
    process = sandbox.spawn(argv, folder=folder, log=folder / "log", **arguments)
    try:
        return process.wait(20.0)
    finally:
        sandbox.stop(process, grace=0.0)


def test_output_and_exit_code_are_kept(tmp_path):
    assert _run(tmp_path, "import sys; print('said'); sys.exit(3)") == 3
    assert (tmp_path / "log").read_text() == "said\n"


def test_nothing_of_the_servers_environment_is_seen(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    _run(tmp_path, "import os; print(sorted(os.environ)); print(os.getcwd())", env={"GIVEN": "1"})
    seen, folder = (tmp_path / "log").read_text().splitlines()
    assert "'GIVEN'" in seen
    assert "AWS" not in seen
    assert folder == str(tmp_path)


def test_stopping_a_program_ends_its_children_too(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    argv = [sys.executable, "-c", code]
    process = sandbox.spawn(argv, folder=tmp_path, env={}, log=tmp_path / "log")
    while not (tmp_path / "log").read_text().endswith("\n"):
        time.sleep(0.02)
    sandbox.stop(process, grace=0.0)
    assert _is_gone(int((tmp_path / "log").read_text()))


def test_programs_end_with_a_server_that_is_killed(tmp_path):
    server = (
        "import sys, time, pathlib\n"
        "from localaws.core import sandbox\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "argv = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "print(sandbox.spawn(argv, folder=folder, env={}, log=folder / 'log').pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", server, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    program = int(process.stdout.readline())
    process.kill()
    process.wait()
    assert _is_gone(program)


def test_stop_all_ends_what_was_spawned(tmp_path):
    process = sandbox.spawn(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        folder=tmp_path,
        env={},
        log=tmp_path / "log",
    )
    sandbox.stop_all()
    assert process.poll() is not None


SHOW_LIMITS = (
    "import resource as r; print([r.getrlimit(k)[0] >> 20 for k in (r.RLIMIT_AS, r.RLIMIT_FSIZE)],"
    " r.getrlimit(r.RLIMIT_NOFILE)[0], r.getrlimit(r.RLIMIT_CORE)[0], flush=True)\n"
)


@on_linux
def test_limits_hold_from_the_first_instruction_and_for_children(tmp_path):
    limits = Limits(memory_mb=700, file_mb=3, open_files=99)
    code = SHOW_LIMITS + (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {SHOW_LIMITS!r}])\n"
    )  # fmt: skip
    assert _run(tmp_path, code, limits=limits) == 0
    assert (tmp_path / "log").read_text().splitlines() == ["[700, 3] 99 0"] * 2


@on_linux
def test_nothing_runs_without_limits(tmp_path):
    assert _run(tmp_path, SHOW_LIMITS) == 0
    memory, files, core = 8192, 4096, 0
    assert (tmp_path / "log").read_text() == f"[{memory}, 8192] {files} {core}\n"


@on_linux
def test_too_much_memory_is_a_memory_error(tmp_path):
    assert _run(tmp_path, "bytearray(2_000_000_000)", limits=Limits(memory_mb=500)) != 0
    assert "MemoryError" in (tmp_path / "log").read_text()


def test_a_file_that_grows_too_large_ends_the_program(tmp_path):
    code = "open('big', 'wb').write(b'x' * 3_000_000)"
    assert _run(tmp_path, code, limits=Limits(file_mb=1)) != 0
    assert "File too large" in (tmp_path / "log").read_text()
    assert (tmp_path / "big").stat().st_size <= 1 << 20


def test_signals_are_as_a_shell_expects_them(tmp_path):
    argv = ["/bin/bash", "-c", "yes | head -n 1; echo ${PIPESTATUS[0]}"]
    process = sandbox.spawn(argv, folder=tmp_path, env={}, log=tmp_path / "log")
    process.wait(20)
    sandbox.stop(process, grace=0.0)
    assert (tmp_path / "log").read_text() == "y\n141\n"  # 128 + SIGPIPE


@pytest.mark.parametrize("program", ["no-such-program", "./no-such-file", "/no/such/path"])
def test_a_program_that_is_not_there_is_told_at_once(tmp_path, program):
    with pytest.raises(FileNotFoundError, match=program):
        sandbox.spawn([program], folder=tmp_path, env={}, log=tmp_path / "log")


def test_names_of_variables_need_not_be_a_shells(tmp_path):
    code = "import os; print(os.environ['SM_HP_learning-rate'])"
    assert _run(tmp_path, code, env={"SM_HP_learning-rate": "0.1"}) == 0


def _is_gone(pid):
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    # Killed but not yet collected by whoever inherited it counts as gone.
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123
        return stat.read().split()[2] == "Z"
