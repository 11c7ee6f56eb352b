"""The raw tables of all use cases, each once: two models may read the same one. Pure grouping.

What is promised of a table is judged per use case, because "newest" means the sources it is read
with. Asking the catalogue does not belong here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from decisions.catalogue import schema_drift
from decisions.freshness import Late, judge_source
from usecases import asset_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime, timedelta

    from decisions.catalogue import SchemaDrift
    from decisions.freshness import SourceFacts, SourceFreshness
    from usecases.declaration import UseCase
    from usecases.fields import SourceTable

TableName = tuple[str, str]
"""Database and table."""


@dataclass(frozen=True, slots=True)
class RawTable:
    """A raw table, and the use cases that count on it."""

    database: str
    name: str
    users: tuple[UseCase, ...]

    @property
    def key(self) -> list[str]:
        """Give its asset key."""
        return asset_keys.source(self.database, self.name)

    @property
    def declared(self) -> dict[str, SourceTable]:
        """Give its declarations by use case."""
        return {each.name: each.sources.tables[self.name] for each in self.users}

    @property
    def description(self) -> str:
        """Give what the first use case says of it."""
        return next((each.description for each in self.declared.values() if each.description), "")

    @property
    def partition_key(self) -> str | None:
        """Give the daily partition that the first use case to declare one declares."""
        keys = (each.partition_key for each in self.declared.values())
        return next((key for key in keys if key is not None), None)

    @property
    def start(self) -> date | None:
        """Give the first day of its partitions: the earliest that any use case declares."""
        days = [each.sources.start for each in self.users if each.sources.start is not None]
        return min(days, default=None)

    @property
    def arrival(self) -> timedelta | None:
        """Give the shortest wait between two landings that any use case allows."""
        waits = [each.policy.arrival for each in self.declared.values()]
        return min((wait for wait in waits if wait is not None), default=None)


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a use case's sources stand, by table; a table that could not be judged is in none.

    Attributes:
        lag: Data time behind the newest source; None where it was never said.
    """

    freshness: Mapping[str, SourceFreshness]
    drift: Mapping[str, SchemaDrift]
    lag: Mapping[str, timedelta | None] = field(default_factory=dict)

    @property
    def late(self) -> str | None:
        """Say which sources are late and how late, if any is."""
        found = [f"{t}: {v.why}" for t, v in self.freshness.items() if isinstance(v, Late)]
        return " ".join(found) or None

    @property
    def schema_drift(self) -> str | None:
        """Say which sources lack what the use case counts on, if any does."""
        found = [f"{table}: {drift.why}" for table, drift in self.drift.items() if drift.breaks]
        return "; ".join(found) or None


NOTHING_SEEN = Outlook({}, {})


def raw_tables(use_cases: Iterable[UseCase]) -> dict[TableName, RawTable]:
    """Return every raw table that any of the use cases reads, sorted."""
    users: dict[TableName, list[UseCase]] = defaultdict(list)
    for use_case in use_cases:
        for table in use_case.sources.tables:
            users[use_case.sources.database, table].append(use_case)
    return {name: RawTable(*name, tuple(users[name])) for name in sorted(users)}


class Look(Protocol):
    """What was seen of a table: its facts, or why there are none, and whether there is no table."""

    @property
    def facts(self) -> SourceFacts | None:
        """Return what the catalogue says."""

    @property
    def gone(self) -> bool:
        """Say whether the catalogue has no such table, rather than that it could not be asked."""


def outlook(use_case: UseCase, seen: Mapping[TableName, Look], now: datetime | None) -> Outlook:
    """Judge a use case's sources: their columns, and their age against the newest of them.

    Args:
        use_case: Whose promises are judged.
        seen: What was seen of its tables, at least. While one is out of reach it may be the
            newest, so that the age of none can be judged.
        now: The wall clock (naive UTC) where arrivals are judged, else None.
    """
    mine = {table: seen[use_case.sources.database, table] for table in use_case.sources.tables}
    facts = {table: each.facts for table, each in mine.items() if each.facts is not None}
    there = {name: each for name, each in use_case.sources.tables.items() if name in facts}
    drift = {
        name: schema_drift(
            each.columns,
            facts[name].columns,
            partition_key=each.partition_key,
            keys=facts[name].keys,
        )
        for name, each in there.items()
    }
    if any(each.facts is None and not each.gone for each in mine.values()):
        return Outlook({}, drift)
    marks = {name: facts[name].landed_through for name in there}
    newest = max((mark for mark in marks.values() if mark is not None), default=None)
    return Outlook(
        {n: judge_source(facts[n], e.policy, newest=newest, now=now) for n, e in there.items()},
        drift,
        {n: newest - mark if newest and mark else None for n, mark in marks.items()},
    )
