"""Programs run for AWS: clean surroundings, and nothing of them left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from localaws.core import sandbox


def _run(folder, code, **more):
    arguments = {"env": {}, "timeout": 20.0} | more
    return sandbox.run([sys.executable, "-c", code], folder=folder, log=folder / "log", **arguments)


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


def test_a_program_that_takes_too_long_is_killed_with_its_children(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with pytest.raises(TimeoutError):
        _run(tmp_path, code, timeout=2.0)
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


def test_a_memory_limit_holds(tmp_path):
    code = "import time; time.sleep(0.5); bytearray(2_000_000_000)"
    assert _run(tmp_path, code, memory_mb=500) != 0
    assert "MemoryError" in (tmp_path / "log").read_text()


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
