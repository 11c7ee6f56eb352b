"""A job's program: how it is stopped, and what it cannot do to the server that reads its files."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from localaws.services.sagemaker.jobs.workspace import (
    StoppedError,
    TimeLimitError,
    Workspace,
    last_text,
)

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True); time.sleep(60)"
)


def _workspace(tmp_path):
    return Workspace(tmp_path, threading.Semaphore(1))


def _run(workspace, code, timeout=30.0):
    argv = [sys.executable, "-c", code]
    return workspace.run(argv, {}, folder=workspace.folder, timeout=timeout)


def test_a_stop_returns_at_once_and_ends_even_a_stubborn_program(tmp_path):
    workspace = _workspace(tmp_path)
    took = []

    def stop():
        while "ready" not in last_text(workspace.log):
            time.sleep(0.02)
        began = time.monotonic()
        workspace.stop(grace=0.5)
        took.append(time.monotonic() - began)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(StoppedError):
        _run(workspace, STUBBORN)
    thread.join()
    assert took[0] < 0.4


def test_a_stop_before_the_start_lets_nothing_start(tmp_path):
    workspace = _workspace(tmp_path)
    workspace.stop(grace=0.0)
    with pytest.raises(StoppedError):
        _run(workspace, "print('started')")
    assert last_text(workspace.log) == ""


def test_time_is_limited(tmp_path):
    with pytest.raises(TimeLimitError):
        _run(_workspace(tmp_path), "import time; time.sleep(60)", timeout=0.3)


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    (tmp_path / "log").write_bytes(b"x" * 1000 + "\u00e4 end".encode())
    assert last_text(tmp_path / "log", 5).endswith(" end")
    assert last_text(tmp_path / "missing") == ""


def test_a_message_is_cut_before_it_is_read(tmp_path):
    workspace = _workspace(tmp_path)
    path = workspace.path("/opt/ml/output/failure")
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(b"why")
        file.truncate(20 * 1024**3)  # sparse: takes no room on disk, and must take none here
    assert workspace.message("/opt/ml/output/failure").startswith("why")
