"""Runs other people's programs for the providers: jobs, builds, endpoint hosts.

Belongs here: a clean environment, limits, an own process group, the end of that group. What to
run, how long it may take, and what its exit code means to AWS, belongs to the providers. This is
tidiness, not isolation: the child runs as the same user and sees the same file system (see
docs/localaws.md).
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from localaws.core.leash import Leash
from localaws.core.rlimits import Limits, launcher

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_GRACE_SECONDS = 5.0

_leash = Leash()
_live: set[subprocess.Popen[bytes]] = set()
_live_lock = threading.Lock()


def spawn(
    argv: list[str],
    *,
    folder: Path,
    env: dict[str, str],
    log: Path,
    limits: Limits = Limits(),  # noqa: B008 - immutable
) -> subprocess.Popen[bytes]:
    """Start a program and return at once; whoever starts it ends it in time, with ``stop``.

    Args:
        argv: Program and arguments; never a shell string.
        folder: Working directory and HOME of the program.
        env: Environment beyond PATH, HOME, LANG and PYTHONUNBUFFERED.
        log: File that stdout and stderr are appended to.
        limits: What it may take; in force before it starts, and for its children.

    Raises:
        FileNotFoundError: There is no such program.
    """
    environment = _environment(folder, env)
    if shutil.which(_from(folder, argv[0]), path=environment["PATH"]) is None:
        raise FileNotFoundError(errno.ENOENT, "There is no such program", argv[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            launcher(argv, limits),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with _live_lock:
        _live.add(process)
    _leash.add(process.pid)
    return process


def stop(process: subprocess.Popen[bytes], *, grace: float = _GRACE_SECONDS) -> None:
    """End a program and everything in its process group; harmless when it has ended already."""
    with _live_lock:
        if process not in _live:
            return  # its number may mean another process by now
    if grace > 0 and process.poll() is None:
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    _signal_group(process, signal.SIGKILL)
    process.wait()
    with _live_lock:
        _live.discard(process)
    _leash.remove(process.pid)


def stop_all() -> None:
    """End every program still running. The server calls this last, after its providers' stop."""
    with _live_lock:
        processes = list(_live)
    for process in processes:
        _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < deadline and any(p.poll() is None for p in processes):
        time.sleep(0.05)
    for process in processes:
        stop(process, grace=0.0)
    _leash.close()


def _from(folder: Path, program: str) -> str:
    # A path is meant from the program's folder; a bare name is looked up in PATH.
    return str(folder / program) if "/" in program else program


def _environment(folder: Path, extra: dict[str, str]) -> dict[str, str]:
    # Not os.environ: a job must not see the server's credentials, endpoints or PYTHONPATH.
    return {
        "PATH": f"{Path(sys.executable).parent}:{_SYSTEM_PATH}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    } | extra


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # start_new_session made the child's pid its group's id; the group may outlive the child.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
