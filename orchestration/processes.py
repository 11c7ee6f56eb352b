"""The long-running processes of a laptop: started detached, known by pid, stopped by that pid.

What runs in them does not belong here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resources.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_STOP_SECONDS = 20.0
_KILL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Service:
    """One process by name; its pid file and log lie in the state folder."""

    name: str
    state: Path

    @property
    def pid_file(self) -> Path:
        """Return where the pid and its start time are kept."""
        return self.state / "run" / f"{self.name}.json"

    @property
    def log(self) -> Path:
        """Return the file both output streams go to."""
        return self.state / "logs" / f"{self.name}.log"

    def pid(self) -> int | None:
        """Return the pid if the very process that was started still runs."""
        try:
            record = json.loads(self.pid_file.read_text())
            pid, began = int(record["pid"]), record["started_at"]
        except (OSError, ValueError, TypeError, KeyError):
            return None  # never started, or the file was cut short
        # A process that ended before it was looked at has no start time, and does not run.
        return pid if began is not None and started_at(pid) == began else None

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        ready: Callable[[], bool],
        timeout: float = 60.0,
        cwd: Path | None = None,
    ) -> bool:
        """Start the process and wait until it is ready. False: it ran already.

        Raises:
            Terminal: It ended, or was not ready in time; the message has the log's tail.
        """
        if self.pid() is not None and ready():
            return False
        for folder in (self.pid_file.parent, self.log.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                list(argv),
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=cwd,
            )
        record = {"pid": process.pid, "started_at": started_at(process.pid)}
        self.pid_file.write_text(json.dumps(record))
        self._wait(process, ready, timeout)
        return True

    def _wait(
        self, process: subprocess.Popen[bytes], ready: Callable[[], bool], timeout: float
    ) -> None:
        deadline = time.monotonic() + timeout
        while not ready():
            if process.poll() is not None:
                raise Terminal(
                    f"{self.name} ended with exit code {process.returncode}.\n{self.tail()}"
                )
            if time.monotonic() > deadline:
                self.stop()
                raise Terminal(f"{self.name} was not ready within {timeout:.0f} s.\n{self.tail()}")
            time.sleep(0.1)

    def stop(self) -> bool:
        """Ask the process to end, and insist after a while. False: it did not run."""
        pid = self.pid()
        if pid is None:
            self.pid_file.unlink(missing_ok=True)
            return False
        os.kill(pid, signal.SIGTERM)
        if not self._gone(pid, _STOP_SECONDS):
            os.killpg(pid, signal.SIGKILL)
            self._gone(pid, _KILL_SECONDS)
        self.pid_file.unlink(missing_ok=True)
        return True

    def _gone(self, pid: int, timeout: float) -> bool:
        """Wait until the process has ended; say whether it did in time."""
        deadline = time.monotonic() + timeout
        while self.pid() is not None and time.monotonic() < deadline:
            _reap(pid)
            time.sleep(0.05)
        return self.pid() is None

    def tail(self, lines: int = 15) -> str:
        """Return the end of the log, with its path."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join([f"Its log, {self.log}, ends:", *text.splitlines()[-lines:]])


def started_at(pid: int) -> str | None:
    """Return when a process started, in clock ticks since boot; None if it does not run.

    Field 22 of proc(5)'s stat. It tells a process from a later one that was given the same pid.
    Elsewhere than on Linux `ps` is asked.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
        answer = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return answer.stdout.strip() or None
    return None if fields[0] == "Z" else fields[19]


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # started by an earlier command: init reaps it
