"""What of a use case's data in S3 and Glue may go: nothing that anything points at. Pure.

What is superseded is not told by its age: data of last year may have been replaced a minute ago,
and a query still reads it. So what nothing points at is marked when that is first seen, and expires
once it has been marked for as long as is declared. A mark that is lost costs a delay, never data.
Listing, asking Glue and deleting belong to assets/expiry.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from decisions.model import Fact

Fate = Literal["kept", "marked", "expired"]


class Location(Fact):
    """Objects that were written as one, all below ``prefix`` (which ends in "/"), or just one.

    Attributes:
        prefix: A folder's key, or an object's.
        newest: When the last of its objects was written, wall clock in naive UTC.
    """

    prefix: str
    objects: int
    size: int
    newest: datetime


class Pointer(Fact):
    """Something that needs what is at a key, or below it: ``who`` says what."""

    key: str
    who: str


class Leftover(Fact):
    """A table that a run makes for itself, and drops when it is done.

    Attributes:
        touched: When its entry last changed, wall clock in naive UTC.
    """

    table: str
    touched: datetime


class Expiry(Fact):
    """What becomes of a location or a table, and why."""

    what: str
    fate: Fate
    why: str


class ExpiryPlan(Fact):
    """What becomes of each location and each leftover table.

    Attributes:
        marks: Since when each location that is marked has been, to be remembered for the next look.
    """

    locations: tuple[Expiry, ...]
    tables: tuple[Expiry, ...]
    marks: dict[str, datetime]

    @property
    def why(self) -> str:
        """Say it in a sentence."""
        counts = dict.fromkeys(("expired", "marked", "kept"), 0)
        for each in self.locations:
            counts[each.fate] += 1
        tables = sum(each.fate == "expired" for each in self.tables)
        return (
            f"{counts['expired']} of {len(self.locations)} locations expired, {counts['marked']} "
            f"wait, {counts['kept']} are in use; {tables} of {len(self.tables)} leftover tables "
            "expired"
        )


def plan(
    locations: Sequence[Location],
    pointers: Iterable[Pointer],
    leftovers: Iterable[Leftover],
    marks: Mapping[str, datetime],
    *,
    keep: timedelta,
    now: datetime,
) -> ExpiryPlan:
    """Say what may go.

    Args:
        locations: All that there is.
        pointers: All that is needed. A pointer to a folder needs what lies below it, and one to
            something inside a location needs the whole location.
        leftovers: Tables of runs; what they point at is among the pointers as long as they exist.
        marks: What the last look remembered.
        keep: How long what is superseded, or was left, is kept.
        now: Wall clock, naive UTC.
    """
    needed = _Needed(pointers)
    found, marked = [], {}
    for each in locations:
        verdict, since = _fate(each, needed, marks, keep=keep, now=now)
        found.append(verdict)
        if since is not None:
            marked[each.prefix] = since
    tables = tuple(_of_leftover(each, keep=keep, now=now) for each in leftovers)
    return ExpiryPlan(locations=tuple(found), tables=tables, marks=marked)


def overlap(prefix: str, key: str) -> bool:
    """Say whether a pointer to a key needs something of a location."""
    return _within(key, prefix) or _within(prefix, key)


class Snapshots(Fact):
    """An Iceberg table's history: when each snapshot was committed (naive UTC), by id."""

    committed: dict[str, datetime]
    current: str


class Maintenance(Fact):
    """Whether an Iceberg table is to be vacuumed, down to which age of snapshots, and why."""

    due: bool
    age: timedelta
    why: str


def maintenance(
    history: Snapshots, pinned: Iterable[str], *, keep: timedelta, now: datetime
) -> Maintenance:
    """Say whether old snapshots are to be forgotten, and from which age on.

    VACUUM goes by when a snapshot was committed, and may so forget one that served until a minute
    ago. The age is therefore beyond that of every snapshot superseded more lately than is kept, and
    of those pinned. It is done once the oldest has been superseded for twice as long as is kept,
    about once in that span: each time costs statements and versions.

    Args:
        history: The table's.
        pinned: Snapshots that a training set in reach was made from: kept, and all younger ones.
        keep: How long a superseded snapshot is kept.
        now: Wall clock, naive UTC.
    """
    needed = set(pinned)
    ordered = sorted(history.committed.items(), key=lambda each: each[1])
    followed = [moment for _, moment in ordered[1:]] + [now]
    past = [
        (name, committed, until)
        for (name, committed), until in zip(ordered, followed, strict=True)
        if name != history.current
    ]
    held = [at for name, at, until in past if name in needed or now - until < keep]
    # An hour more, so that a held one is still younger when VACUUM looks.
    age = max([keep, *(now - committed + timedelta(hours=1) for committed in held)])
    beyond = [until for _, committed, until in past if now - committed > age]
    if not beyond:
        return Maintenance(due=False, age=age, why="no snapshot was superseded that long ago")
    if now - min(beyond) < 2 * keep:
        return Maintenance(due=False, age=age, why=f"{len(beyond)} snapshots may go before long")
    why = f"{len(beyond)} of {len(ordered)} snapshots are older than {age.days} days"
    return Maintenance(due=True, age=age, why=why)


class _Needed:
    """The pointers, looked up by location without comparing each with each."""

    def __init__(self, pointers: Iterable[Pointer]) -> None:
        self._exact: dict[str, str] = {}
        self._above: dict[str, str] = {}
        for each in pointers:
            key = each.key.rstrip("/")
            self._exact.setdefault(key, each.who)
            parts = key.split("/")
            for count in range(1, len(parts)):
                self._above.setdefault("/".join(parts[:count]), each.who)

    def by(self, prefix: str) -> str | None:
        """Return who needs something of a location: it, below it, or a folder that holds it."""
        key = prefix.rstrip("/")
        if (who := self._exact.get(key) or self._above.get(key)) is not None:
            return who
        parts = key.split("/")
        holders = ("/".join(parts[:count]) for count in range(1, len(parts)))
        return next((self._exact[each] for each in holders if each in self._exact), None)


def _fate(
    location: Location,
    needed: _Needed,
    marks: Mapping[str, datetime],
    *,
    keep: timedelta,
    now: datetime,
) -> tuple[Expiry, datetime | None]:
    what = location.prefix
    if (who := needed.by(what)) is not None:
        return Expiry(what=what, fate="kept", why=f"{who} points at it"), None
    # A mark from the future is a clock that went back: begin anew.
    since = min(marks.get(what, now), now)
    # Written to since it was marked, it was something else then.
    since = max(since, min(location.newest, now))
    waited = now - since
    if waited >= keep:
        why = f"nothing has pointed at it since {since:%Y-%m-%d %H:%M} at the latest"
        return Expiry(what=what, fate="expired", why=why), since
    why = f"nothing points at it; it expires on {since + keep:%Y-%m-%d %H:%M}"
    return Expiry(what=what, fate="marked", why=why), since


def _of_leftover(table: Leftover, *, keep: timedelta, now: datetime) -> Expiry:
    age = now - table.touched
    if age >= keep:
        why = f"a run that made it {age.days} days ago never dropped it"
        return Expiry(what=table.table, fate="expired", why=why)
    return Expiry(what=table.table, fate="kept", why="a run may be using it")


def _within(key: str, folder: str) -> bool:
    return f"{key.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")
