"""A process that outlives a killed server just long enough to end the programs it was running.

The server tells it of each process group, one line at a time; when the pipe closes without a word,
because the server is gone in whatever way, it kills the groups it knows of. Run as a script, with
nothing but the standard library, so that it starts fast and stays small.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading


class Leash:
    """The server's end. Started at the first group."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def add(self, group: int) -> None:
        """Have this process group killed if the server dies."""
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Forget a group that has ended; its number may come to mean another."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End the process; groups it still knows are killed."""
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()
                self._process.wait()
            self._process = None

    def _tell(self, line: str) -> None:
        with self._lock:
            if self._process is None:
                self._process = _start()
            if self._process.stdin is not None:
                # If it was killed itself, the programs go on without it, as they would anyway.
                with contextlib.suppress(BrokenPipeError):
                    self._process.stdin.write(line.encode())
                    self._process.stdin.flush()


def _start() -> subprocess.Popen[bytes]:
    # Isolated and without site-packages: 15 ms and 8 MB. Own session: Ctrl-C is not for it.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={},
        start_new_session=True,
    )


def main() -> None:
    """Read lines until the server is gone, then kill what is left."""
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line.startswith("+") else groups.discard)(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
