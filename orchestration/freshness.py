"""How fresh every source is, as a table for a terminal. Looks at the catalogue; changes nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from decisions.freshness import CannotTell, Late, write_length
from resources.sightings import look
from usecases.raw_tables import outlook, raw_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from decisions.catalogue import SchemaDrift
    from decisions.freshness import SourceFreshness
    from resources.platform import Platform
    from resources.sightings import Sighting
    from usecases.declaration import UseCase
    from usecases.raw_tables import Outlook

_COLUMNS = (
    "table",
    "landed through",
    "lag",
    "allowed",
    "verdict",
    "parts",
    "last change",
    "schema",
)


def freshness_tables(platform: Platform, use_cases: Sequence[UseCase]) -> Iterator[Table]:
    """Yield one table per use case."""
    wanted = {name: raw.partition_key for name, raw in raw_tables(use_cases).items()}
    sightings = look(platform.catalogue, wanted, {}, clock=time.time())
    now = platform.clock() if platform.clock else None
    for use_case in use_cases:
        shown = Table(*_COLUMNS, title=use_case.title, title_justify="left")
        judged = outlook(use_case, sightings, now)
        for name in use_case.sources.tables:
            sighting = sightings[use_case.sources.database, name]
            # Text, not markup: a column may be called [red] upstream.
            cells = _row(use_case, name, sighting, judged)
            shown.add_row(*(Text(cell) for cell in cells))
        yield shown


def _row(use_case: UseCase, name: str, sighting: Sighting, judged: Outlook) -> tuple[str, ...]:
    allowed = _allowed(use_case, name)
    if sighting.facts is None or sighting.table is None:
        return (name, "", "", allowed, f"cannot tell: {sighting.problem}", "", "", "")
    facts, verdict = sighting.facts, judged.freshness.get(name)
    partitioned = sighting.table.partition_keys and sighting.partitions is not None
    return (
        name,
        str(facts.landed_through or "never said"),
        _lag(judged, name),
        allowed,
        _verdict(verdict),
        str(len(sighting.partitions or {})) if partitioned else "-",
        f"{facts.moved_at:%Y-%m-%d %H:%M} UTC",
        _schema(judged.drift[name]),
    )


def _allowed(use_case: UseCase, name: str) -> str:
    policy = use_case.sources.tables[name].policy
    said = [write_length(policy.event_time_lag)] if policy.event_time_lag is not None else []
    if policy.arrival is not None:
        said.append(f"a landing every {write_length(policy.arrival)}")
    return ", ".join(said) or "any"


def _lag(judged: Outlook, name: str) -> str:
    age = judged.lag.get(name)
    return "" if age is None else write_length(age)


def _verdict(verdict: SourceFreshness | None) -> str:
    if verdict is None:
        return "cannot tell: a source it is read with is out of reach"
    if isinstance(verdict, Late):
        return f"late by {write_length(verdict.by)}, since {verdict.since:%Y-%m-%d %H:%M}"
    return f"cannot tell: {verdict.why}" if isinstance(verdict, CannotTell) else "fresh"


def _schema(drift: SchemaDrift) -> str:
    if drift.breaks:
        return drift.why
    return f"as declared, {len(drift.undeclared)} more" if drift.undeclared else "as declared"
