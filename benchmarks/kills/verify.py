"""Looks every acknowledged fact up again, and tells which are lost."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.kills.facts import Key, histories
from benchmarks.kills.readers import Readers

if TYPE_CHECKING:
    from benchmarks.kills.facts import History
    from benchmarks.kills.ledger import Ledger

_RECENT = 20


@dataclass(frozen=True, slots=True)
class Loss:
    """A fact that was acknowledged and is not there."""

    key: Key
    expected: str
    found: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.key}: expected {self.expected:.160}, found {self.found:.160}"


class Verifier:
    """Compares a ledger with a server; remembers each loss once."""

    def __init__(self, ledger: Ledger, url: str) -> None:
        self.losses: dict[Key, Loss] = {}
        self.checked: set[Key] = set()
        self.unchecked: dict[str, int] = {}
        self._ledger = ledger
        self.readers = Readers(url)
        self._lock = threading.Lock()

    def recent(self) -> None:
        """Check the newest facts: what a kill would take first."""
        keys, _ = self._keys()
        newest = sorted(keys, key=lambda key: keys[key].newest)[-_RECENT:]
        for key in newest:
            self._check(key, keys[key])

    def everything(self) -> None:
        """Check every fact."""
        keys, self.unchecked = self._keys()
        for key, history in keys.items():
            self._check(key, history)

    def _keys(self) -> tuple[dict[Key, History], dict[str, int]]:
        with self._lock:
            found, unchecked = histories(list(self._ledger.calls))
            return self._by_record(found), unchecked

    def _check(self, key: Key, history: History) -> None:
        before = history.acceptable()
        if before is None or key in self.losses:
            return
        found = self.readers.read(key)
        self.checked.add(key)
        if self._fits(key, before, found):
            return
        # Somebody may have written meanwhile; what had not begun by then cannot have been read.
        later = self._keys()[0][key].acceptable() or []
        if not self._fits(key, later, found):
            expected = " or ".join(sorted({repr(value) for value in before}))
            self.losses[key] = Loss(key, expected, repr(found))

    def _fits(self, key: Key, acceptable: list[Any], found: Any) -> bool:
        if key.kind == "features record":  # not older than the newest of them
            return all(self.readers.agrees(key, value, found) for value in acceptable)
        return any(self.readers.agrees(key, value, found) for value in acceptable)

    def _by_record(self, found: dict[Key, History]) -> dict[Key, History]:
        """Put the writes to one record together: only the newest event time must be there."""
        kept: dict[Key, History] = {}
        for key, history in found.items():
            if key.kind != "features record":
                kept[key] = history
                continue
            if history.acceptable() is None:
                continue
            identity, dated = self.readers.group(key.account, key.name[0])
            values = json.loads(key.name[1])
            place = Key(key.kind, key.account, (key.name[0], values[identity]))
            known = kept.get(place)
            if known is None or values[dated] > known.writes[0][1][dated]:
                kept[place] = history
        return kept
