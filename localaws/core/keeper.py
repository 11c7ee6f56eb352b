"""Keeps moto's state on disk: loads it at start, saves it while it changes and at stop.

The snapshot itself belongs to core.snapshot; the providers' documents need no keeper.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from localaws.core import snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from localaws.core.passthrough import Moto

_log = logging.getLogger(__name__)

_INTERVAL_SECONDS = 2.0
#: Saving may take at most one part in so many of the time.
_SHARE = 10


class Keeper:
    """Saves a changed state every two seconds, less often where saving takes long.

    Attributes:
        problem: Why the last save failed; empty if it did not.
    """

    def __init__(self, moto: Moto, folder: Path) -> None:
        self.problem = ""
        self._moto = moto
        self._snapshot = snapshot.Snapshot(folder)
        self._saved_changes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="localaws-keeper", daemon=True)

    def load(self) -> None:
        """Give moto the saved state and nothing else.

        Raises:
            SnapshotError: The snapshot cannot be used.
        """
        snapshot.forget(self._moto)
        self._snapshot.load()

    def start(self) -> None:
        """Begin to save."""
        self._thread.start()

    def stop(self) -> None:
        """Save a last time and make moto forget; no request may be under way any more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.save()
        snapshot.forget(self._moto)

    def save(self) -> None:
        """Save if anything changed since the last time."""
        changes = self._moto.changes
        if changes != self._saved_changes:
            self._snapshot.save(self._moto)
            self._saved_changes = changes

    def _run(self) -> None:
        pause = _INTERVAL_SECONDS
        while not self._stop.wait(pause):
            began = time.monotonic()
            try:
                self.save()
                self.problem = ""
            except Exception as error:  # noqa: BLE001 - the next attempt may work; health tells
                self.problem = f"{type(error).__name__}: {error}"
                _log.exception("The state of S3, Glue, IAM and the like could not be saved")
            pause = max(_INTERVAL_SECONDS, _SHARE * (time.monotonic() - began))
