"""The embedded AWS as a process that is killed and started again on the same port and state.

When it is killed belongs to moments.py.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 90.0


class ServerLife:
    """One server's life, through many deaths.

    Attributes:
        port: The same throughout.
        restarts: Seconds from each kill until the server answered again.
        generation: How often it was started.
    """

    def __init__(self, state: Path) -> None:
        self.port = free_port()
        self.restarts: list[float] = []
        self.generation = 0
        self._state = state
        self._log = state.parent / "localaws.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._killed_at = 0.0

    @property
    def url(self) -> str:
        """Return the server's own address; the project is told the proxy's."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it answers.

        Raises:
            RuntimeError: It ended, or did not answer in time; the message has its log's end.
        """
        command = [sys.executable, "-m", "localaws", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--state", str(self._state)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.generation += 1
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self._log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"the embedded AWS did not start again:\n{tail}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would, and return when it is gone."""
        if self._process is not None:
            self._killed_at = time.monotonic()
            self._process.kill()
            self._process.wait()

    def revive(self) -> None:
        """Start it again after ``kill``, and note how long clients were without it."""
        self.start()
        self.restarts.append(time.monotonic() - self._killed_at)

    def stop(self) -> None:
        """End it as its user does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/_localaws/health", timeout=2) as answer:  # noqa: S310 - loopback
                return bool(answer.status == HTTPStatus.OK)
        except (URLError, OSError):
            return False


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
