"""Runs other people's programs for the providers: jobs, builds, endpoint hosts.

Belongs here: a clean environment, an own process group, the end of that group. What to run, and
what its exit code means to AWS, belongs to the providers. This is tidiness, not isolation: the
child runs as the same user and sees the same file system (see docs/localaws.md).
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from localaws.core.leash import Leash

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_GRACE_SECONDS = 5.0

_leash = Leash()
_live: set[subprocess.Popen[bytes]] = set()
_live_lock = threading.Lock()


def run(
    argv: list[str],
    *,
    folder: Path,
    env: dict[str, str],
    log: Path,
    timeout: float,
    memory_mb: int | None = None,
) -> int:
    """Run a program to its end and return its exit code (negative: the signal that ended it).

    Whatever the program left running in its process group ends with it.

    Args:
        argv: Program and arguments; never a shell string.
        folder: Working directory and HOME of the program.
        env: Environment beyond PATH, HOME, LANG and PYTHONUNBUFFERED.
        log: File that stdout and stderr are appended to.
        timeout: Seconds after which the whole process group is killed.
        memory_mb: Address space limit of the program, where the system knows one (Linux).

    Raises:
        TimeoutError: The program was killed because it took longer than ``timeout``.
        OSError: The program could not be started, for example because it does not exist.
    """
    process = spawn(argv, folder=folder, env=env, log=log, memory_mb=memory_mb)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{argv[0]} was killed after {timeout:g} s") from error
    finally:
        stop(process, grace=0.0)


def spawn(
    argv: list[str],
    *,
    folder: Path,
    env: dict[str, str],
    log: Path,
    memory_mb: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program and return at once; end it with ``stop``. Arguments as for ``run``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=_environment(folder, env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with _live_lock:
        _live.add(process)
    _leash.add(process.pid)
    if memory_mb is not None:
        _limit_memory(process, memory_mb)
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


def _environment(folder: Path, extra: dict[str, str]) -> dict[str, str]:
    # Not os.environ: a job must not see the server's credentials, endpoints or PYTHONPATH.
    return {
        "PATH": f"{Path(sys.executable).parent}:{_SYSTEM_PATH}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    } | extra


def _limit_memory(process: subprocess.Popen[bytes], memory_mb: int) -> None:
    # prlimit from outside: a preexec_fn is not safe in a threaded parent.
    if hasattr(resource, "prlimit"):
        size = memory_mb * 1024 * 1024
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (size, size))


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # start_new_session made the child's pid its group's id; the group may outlive the child.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
