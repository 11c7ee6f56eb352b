"""Work that must not get lost: posted in the transaction of its cause, carried out by a thread.

A courier takes what is due, oldest first, and forgets it once it is carried: at least once over a
kill, once otherwise. What is carried, and what to do when that fails, belongs to its user.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.provider import Document
    from localaws.core.store import Store

_log = logging.getLogger(__name__)
_BATCH = 50
_END = ":"  # sorts after every digit
_UNEXPECTED_ATTEMPTS = 8
_LONGEST_PAUSE = 60.0
_TROUBLED_PAUSE = 2.0
_JOIN_SECONDS = 10.0
_numbers = itertools.count()


def post(store: Store, kind: str, body: Document, *, due: float = 0.0, attempts: int = 0) -> None:
    """Hand something to the courier of ``kind``.

    Args:
        store: The server's store; call within a transaction to part it from nothing.
        kind: The courier's kind of documents.
        body: What to carry.
        due: When, in epoch seconds; by default now.
        attempts: How often it was tried already.
    """
    moment = time.time_ns() if not due else int(due * 1e9)
    # Keys sort by due time; the number keeps two of the same nanosecond apart and in order.
    key = f"{moment:020d}{next(_numbers):012d}"
    store.table(kind).put(key, {"body": body, "attempts": attempts})


class Courier:
    """One kind of work and the thread that does it.

    Args:
        store: The server's store.
        kind: Kind of the waiting documents.
        carry: Is given the body and how often it was tried before; returns None when it is done
            with, or seconds until the next try.
    """

    def __init__(
        self, store: Store, kind: str, carry: Callable[[Document, int], float | None]
    ) -> None:
        self._store = store
        self._kind = kind
        self._carry = carry
        self._table = store.table(kind)
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"courier {kind}", daemon=True)
        store.watch(kind, self._posted)

    def start(self) -> None:
        """Begin, with what a former server left."""
        self._thread.start()

    def stop(self) -> None:
        """End after the piece in hand; the rest waits for the next server."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_SECONDS)

    def _posted(self, _key: str, _before: Document | None, after: Document | None) -> None:
        if after is not None:
            self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._carry_due()
            except Exception:  # noqa: BLE001 - a disk that is full, say: what waits must not be stranded
                if not self._stopping:
                    _log.exception("The courier of %s cannot work", self._kind)
                    self._wake.wait(_TROUBLED_PAUSE)

    def _carry_due(self) -> None:
        """Carry what is due, then sleep until something is."""
        while not self._stopping:
            self._wake.clear()
            waiting = self._table.between("", _END, limit=_BATCH)
            for key, piece in waiting:
                if self._stopping or _due(key) > time.time():
                    break
                self._take(key, piece)
            else:
                if waiting:
                    continue
            self._pause()

    def _pause(self) -> None:
        # An idle courier sleeps until something is posted: it does not poll.
        first = self._table.between("", _END, limit=1)
        pause = _due(first[0][0]) - time.time() if first else None
        if pause is None or pause > 0:
            self._wake.wait(pause)

    def _take(self, key: str, piece: Document) -> None:
        attempts = int(piece["attempts"])
        try:
            again = self._carry(piece["body"], attempts)
        except Exception:  # noqa: BLE001 - one bad piece must not stop the others
            _log.exception("%s could not be carried (attempt %d)", self._kind, attempts + 1)
            again = min(_LONGEST_PAUSE, 2.0**attempts) if attempts < _UNEXPECTED_ATTEMPTS else None
        if self._stopping and again is not None:
            return
        with self._store.transaction():
            self._table.delete(key)
            if again is not None:
                due = time.time() + again
                post(self._store, self._kind, piece["body"], due=due, attempts=attempts + 1)


def _due(key: str) -> float:
    return int(key[:20]) / 1e9
