"""Which daily partitions of a dataset have to be made again, and why. Catalogue facts in, plan out.

A partition is named by the digest of what it is made from. It is made again when that digest is not
the one the table has, and only then: a restated input changes the digests of just those days that
read it. Making partitions does not belong here.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Literal

from decisions.model import Fact, digest_of

Day = date
Why = Literal["new", "query", "input", "known later", "asked for"]


class Made(Fact):
    """What a partition was, or would be, made from.

    Attributes:
        query: Digest of the SQL and the declared columns.
        known: Data time up to which outcomes count, cut off once the day is settled.
        inputs: Version by "table" or "table/partition".
    """

    query: str
    known: datetime
    inputs: dict[str, str]

    @property
    def digest(self) -> str:
        """Return the name of the partition's content."""
        return digest_of(self.model_dump(mode="json"))


class Stale(Fact):
    """A day that has to be made: the first reason that applies, and the inputs that changed."""

    day: Day
    why: Why
    changed: tuple[str, ...] = ()
    made: Made


class PartitionPlan(Fact):
    """What has to be made, what is kept as it is, and what is held back.

    Attributes:
        stale: In order of day.
        held: Days whose newest version was quarantined; nothing would change by making it again.
    """

    stale: tuple[Stale, ...]
    kept: int
    held: tuple[Day, ...] = ()

    @property
    def why(self) -> str:
        """Say it in a sentence."""
        total = len(self.stale) + self.kept + len(self.held)
        counts: dict[str, int] = {}
        for each in self.stale:
            counts[each.why] = counts.get(each.why, 0) + 1
        parts = [f"{count} {_WORDS[why]}" for why, count in counts.items()]
        changed = sorted({name for each in self.stale for name in each.changed})
        if changed:
            shown = ", ".join(changed[:5]) + (", ..." if len(changed) > 5 else "")  # noqa: PLR2004
            parts.append(f"changed inputs: {shown}")
        if self.held:
            parts.append(f"{len(self.held)} held in quarantine")
        return f"{len(self.stale)} of {total} days to make" + (
            f" ({'; '.join(parts)})" if parts else ""
        )


_WORDS: dict[str, str] = {
    "new": "new",
    "query": "by another query",
    "input": "whose input changed",
    "known later": "not settled yet",
    "asked for": "asked for",
}


def plan(
    wanted: Mapping[Day, Made],
    found: Mapping[Day, Made | None],
    *,
    quarantined: Mapping[Day, str] | None = None,
    asked: frozenset[Day] = frozenset(),
) -> PartitionPlan:
    """Compare what each day would be made from with what the table's partition was.

    Args:
        wanted: What each day is made from now.
        found: What each partition of the table was made from; None where it does not say.
        quarantined: Digest that was refused, by day.
        asked: Days a person asks for: made whatever there is.
    """
    refused = quarantined or {}
    stale, held = [], []
    for day, made in sorted(wanted.items()):
        if day in asked:
            stale.append(Stale(day=day, why="asked for", made=made))
        elif refused.get(day) == made.digest:
            held.append(day)
        elif (reason := _reason(made, found, day)) is not None:
            stale.append(Stale(day=day, why=reason[0], changed=reason[1], made=made))
    kept = len(wanted) - len(stale) - len(held)
    return PartitionPlan(stale=tuple(stale), kept=kept, held=tuple(held))


def runs(days: Iterable[Day], *, longest: int) -> tuple[tuple[Day, Day], ...]:
    """Return the first and last day of each unbroken run of days, none longer than ``longest``.

    Raises:
        ValueError: ``longest`` is below 1.
    """
    if longest < 1:
        raise ValueError(f"longest is {longest}; at least 1")
    found: list[tuple[Day, Day]] = []
    for day in sorted(set(days)):
        if found:
            first, last = found[-1]
            if day - last == timedelta(days=1) and (day - first).days < longest:
                found[-1] = (first, day)
                continue
        found.append((day, day))
    return tuple(found)


def days_between(start: datetime, end: datetime) -> tuple[Day, ...]:
    """Return the days that hold a moment of [start, end)."""
    if end <= start:
        return ()
    last = (end - timedelta(microseconds=1)).date()
    count = (last - start.date()).days + 1
    return tuple(start.date() + timedelta(days=n) for n in range(count))


def known_by(day: Day, as_of: datetime, settles: timedelta) -> datetime:
    """Return the moment that counts for a day: ``as_of`` until the day is settled, then no later.

    What becomes known after that shows as a restated input, whose version is in the digest too.
    """
    return min(as_of, datetime.combine(day, time()) + timedelta(days=1) + settles)


def _reason(
    made: Made, found: Mapping[Day, Made | None], day: Day
) -> tuple[Why, tuple[str, ...]] | None:
    before = found.get(day)
    if before is None:
        return "new", ()
    if before == made:
        return None
    if before.query != made.query:
        return "query", ()
    changed = tuple(
        sorted(
            name
            for name in {*before.inputs, *made.inputs}
            if before.inputs.get(name) != made.inputs.get(name)
        )
    )
    return ("input", changed) if changed else ("known later", ())
