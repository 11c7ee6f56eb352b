"""Captured predictions in the bucket of the account that serves: files listed, lines read.

Where their rows go belongs to predictions.py; what a line says, to decisions/captures.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from decisions.captures import Prediction, read_line
from resources.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resources.objects import Objects

#: ``<use case>/v7/<endpoint>/<variant>/2026/11/30/02/05-12-345-<uuid>.jsonl``
_KEY = re.compile(r"[^/]+/v(?P<version>\d+)/[^/]+/(?P<variant>[^/]+)/\d{4}/\d\d/\d\d/\d\d/[^/]+")
_REASONS = 20
_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A prediction, and who answered."""

    prediction: Prediction
    version: int | None
    variant: str | None


@dataclass
class Account:
    """What became of every line: ``lines`` is the sum of all the others.

    Attributes:
        files: Files that were read.
        gone: Files that expired between being listed and being read.
        lines: Lines of all of them, blank ones aside.
        rows: Lines that are in the table now.
        duplicates: Lines of an event that is in the table already.
        unnamed: Sound lines without an inference id: probes, and callers that want no truth.
        several: Sound lines of more than one instance under one id.
        malformed: Lines that are none of these.
        reasons: How many lines were refused for which reason.
        examples: Where some malformed lines are: key and line number.
    """

    files: int = 0
    gone: int = 0
    lines: int = 0
    rows: int = 0
    duplicates: int = 0
    unnamed: int = 0
    several: int = 0
    malformed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    def add(self, other: Account) -> None:
        """Add another account's counts to these."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons = dict((Counter(self.reasons) + Counter(other.reasons)).most_common(_REASONS))
        self.examples = [*other.examples, *self.examples][:_EXAMPLES]

    def refuse(self, fate: str, why: str, where: str) -> None:
        """Count a line that is no row."""
        setattr(self, fate, getattr(self, fate) + 1)
        self.reasons[why] = self.reasons.get(why, 0) + 1
        if fate == "malformed" and len(self.examples) < _EXAMPLES:
            self.examples.append(f"{where}: {why}")


_COUNTS = (
    "files", "gone", "lines", "rows", "duplicates", "unnamed", "several", "malformed",
)  # fmt: skip


def new_files(
    bucket: Objects, prefix: str, known: set[str], *, most: int
) -> tuple[list[str], set[str]]:
    """Return the keys that are not known, at most so many, and all that are there.

    Every key is listed at each look: what arrived late, or under an hour long past, is seen.
    """
    there = {each.key for each in bucket.list(f"{prefix}/") if each.key.endswith(".jsonl")}
    return sorted(there - known)[:most], there


def read_files(bucket: Objects, keys: Sequence[str], account: Account) -> Iterator[Row]:
    """Yield the predictions of files, and count every line that is none."""
    for key in keys:
        try:
            body = bucket.get(key)
        except Missing:
            account.gone += 1
            continue
        account.files += 1
        yield from _rows(key, body, account)


def _rows(key: str, body: bytes, account: Account) -> Iterator[Row]:
    match = _KEY.fullmatch(key)
    version = int(match["version"]) if match else None
    variant = match["variant"] if match else None
    # Not splitlines(): JSON may hold U+2028 and its like unescaped.
    for number, line in enumerate(body.decode(errors="replace").split("\n"), 1):
        if not line.strip():
            continue
        account.lines += 1
        found = read_line(line)
        if isinstance(found, Prediction):
            yield Row(found, version, variant)
        else:
            account.refuse(found.fate, found.why, f"{key}:{number}")
