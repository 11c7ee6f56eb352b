"""Keeps moto's state on disk: loads it at start, condenses its journal now and then and at stop.

What is on record and how belongs to core.journal and core.generations; the providers' documents
need no keeper.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from localaws.core import snapshot
from localaws.core.generations import Generations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localaws.core.passthrough import Moto

_log = logging.getLogger(__name__)

_SYNC_SECONDS = 1.0
#: A checkpoint is due when the journal has become so long, or so old.
_CALLS = 1000
_BYTES = 32 * 1024 * 1024
_AGE_SECONDS = 15.0
#: Checkpoints may take at most one part in so many of the time.
_SHARE = 10


class Keeper:
    """Syncs the journal every second and replaces it by a snapshot when that is due.

    Attributes:
        problem: Why the last attempt failed; empty if it did not.
    """

    def __init__(self, moto: Moto, folder: Path, *, salvage: bool = False) -> None:
        self.problem = ""
        self._moto = moto
        self._generations = Generations(folder, salvage=salvage)
        self._saved = 0
        self._first_change: float | None = None
        self._rest_until = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="localaws-keeper", daemon=True)

    @property
    def notes(self) -> list[str]:
        """What was wrong with the state at start, though it could be mended."""
        return self._generations.notes

    def load(self) -> None:
        """Give moto the state on disk and nothing else, and put its changes on record from now on.

        Raises:
            StateError: The state cannot be used.
        """
        self._moto.journal = None
        snapshot.forget(self._moto)
        self._generations.load(self._moto)
        self._moto.journal = self._generations.journal
        self._saved = self._generations.journal.base

    def start(self) -> None:
        """Begin to save."""
        self._thread.start()

    def stop(self) -> None:
        """Save a last time and make moto forget; no request may be under way any more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            self._attempt(self.save)
        finally:
            self._moto.journal = None
            self._generations.journal.close()
            snapshot.forget(self._moto)

    def save(self) -> None:
        """Write a snapshot if anything changed since the last one."""
        seq = self._generations.journal.seq
        if seq != self._saved:
            self._generations.checkpoint(self._moto)
            self._saved = seq

    def _run(self) -> None:
        while not self._stop.wait(_SYNC_SECONDS):
            self._attempt(self._tick)

    def _tick(self) -> None:
        self._generations.journal.sync()
        began = time.monotonic()
        if self._is_due(began) and began >= self._rest_until:
            self.save()
            self._first_change = None
            ended = time.monotonic()
            self._rest_until = ended + _SHARE * (ended - began)

    def _is_due(self, now: float) -> bool:
        journal = self._generations.journal
        if journal.seq == self._saved:
            return False
        self._first_change = self._first_change or now
        too_old = now - self._first_change >= _AGE_SECONDS
        return too_old or journal.calls >= _CALLS or journal.size >= _BYTES

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
            self.problem = ""
        except Exception as error:  # noqa: BLE001 - the next attempt may work; health tells
            self.problem = f"{type(error).__name__}: {error}"
            _log.exception("The state of S3, Glue, IAM and the like could not be condensed")
