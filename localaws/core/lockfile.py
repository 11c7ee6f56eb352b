"""One server per state folder, and one per process. What the folder holds does not belong here."""

from __future__ import annotations

import fcntl
import os
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class StateInUseError(RuntimeError):
    """Another server uses the state folder."""


class StateLock:
    """Held from construction until ``release``; the system releases it if the process dies.

    Raises:
        StateInUseError: Another process, or another lock of this one, holds the folder.
    """

    def __init__(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(0o700)  # it holds private keys and secrets of the embedded AWS
        self._file: IO[str] = (state / "lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise StateInUseError(
                f"Another server (process {holder}) uses the state folder {state}. "
                "Stop it, or choose another folder with --state."
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let another server have the folder."""
        self._file.close()
