"""A server that is told to end does, whichever of its threads the kernel tells."""

from __future__ import annotations

import ctypes
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_TGKILL = {"x86_64": 234, "aarch64": 131}
#: The state is saved, and a loaded machine is slow.
_PATIENCE = 30


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in _TGKILL, reason="tgkill is Linux's"
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_handed_to_another_thread_ends_the_server(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "localaws", "--port", "0", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            assert b"ready" in process.stdout.readline()
            _hand_to_another_thread(process.pid, number)
            assert process.wait(_PATIENCE) == 0
        finally:
            process.kill()


def _hand_to_another_thread(pid: int, number: signal.Signals) -> None:
    """Do what the kernel may do with a process's signal at any time."""
    threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
    thread = next(each for each in threads if each != pid)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(_TGKILL[platform.machine()], pid, thread, int(number)) == 0
