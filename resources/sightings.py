"""A look at many Glue tables at once: one call per page of a database, no scan, no S3 call.

Partitions are asked for only where a table's entry differs from the one seen before. Glue changes a
partition without touching its table, so the tables whose partitions were not read for longest are
read again in turn, a few a look and for some seconds at most: a silent restatement is seen too,
some minutes later. What follows from what is seen does not belong here.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from decisions.catalogue import partition_version, table_version
from decisions.model import digest_of
from resources.errors import Missing, PerennialError, Terminal
from resources.glue import TableFacts, source_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from decisions.freshness import SourceFacts
    from resources.glue import Catalogue, PartitionFacts
    from resources.polling import Clock

Name = tuple[str, str]
"""Database and table."""

Entry = TableFacts | PerennialError
"""A table's entry, or why it is not known."""

_NO_DATABASE = "Glue has no database {0}. Have its owner create it, or mend sources.database."
_NO_TABLE = "Glue has no table {0}. Have its owner land it, or mend sources.tables.{1}."

#: Seconds after which partitions are read again although the table's entry did not change.
REREAD_AFTER = 600
#: Tables a look reads again for that reason, at most, and for how many seconds it begins to; a
#: change is read however many there are.
REREADS_A_LOOK = 10
REREAD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a table: digests of its entry and its data, and when it was read."""

    entry: str
    version: str
    read_at: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """A table as it is now.

    Attributes:
        table: Its entry; None where there is none, or it could not be asked for.
        facts: What decisions look at of it.
        seen: What to remember; None where nothing was learnt.
        partitions: Version by partition, where they were read.
        problem: Why it is not known.
        gone: There is no such table; otherwise it may only have been out of reach.
    """

    table: TableFacts | None = None
    facts: SourceFacts | None = None
    seen: Seen | None = None
    partitions: Mapping[str, str] | None = None
    problem: str = ""
    gone: bool = False


def look(
    catalogue: Catalogue,
    wanted: Mapping[Name, str | None],
    before: Mapping[Name, Seen],
    *,
    clock: float,
    reads: int | None = None,
    listed: Mapping[Name, Sighting] | None = None,
    timer: Clock = time.monotonic,
) -> dict[Name, Sighting]:
    """Look at tables; whatever is wrong with one of them is said there, and the others go on.

    Args:
        catalogue: Where they are.
        wanted: The tables, with the key by whose values their partitions are told apart.
        before: What is remembered of them.
        clock: Seconds since the epoch.
        reads: Tables whose partitions are read, at most; the others are as they were seen before.
        listed: What a look a moment ago saw of them all: entries are then not asked for again.
        timer: Monotonic seconds; tests pass their own.
    """
    if listed is None:
        entries = _entries(catalogue, wanted)
    else:
        entries = {name: _entry(listed[name]) for name in wanted}
    changed, again = _due(entries, before, clock, reads)
    found = {}
    until = timer() + REREAD_SECONDS
    for name, entry in entries.items():
        if isinstance(entry, PerennialError):
            found[name] = Sighting(problem=str(entry), gone=isinstance(entry, Missing))
            continue
        # What is not read again in time goes first at the next look: it waited longer.
        if name in changed or (name in again and timer() < until):
            found[name] = _read(catalogue, entry, wanted[name], clock)
        else:
            found[name] = _as_before(entry, before.get(name))
    return found


def _entry(seen: Sighting) -> Entry:
    return seen.table or (Missing if seen.gone else Terminal)(seen.problem)


def _as_before(table: TableFacts, last: Seen | None) -> Sighting:
    try:
        return Sighting(table, source_facts(table), last)
    except PerennialError as error:
        return Sighting(table, problem=str(error))


def _read(catalogue: Catalogue, table: TableFacts, key: str | None, clock: float) -> Sighting:
    try:
        facts = source_facts(table)
        partitions = _partitions(catalogue, table, key)
    except PerennialError as error:
        return Sighting(table, problem=str(error))
    version = version_of(table, partitions)
    return Sighting(table, facts, Seen(entry_digest(table), version, clock), partitions)


def version_of(table: TableFacts, partitions: Mapping[str, str]) -> str:
    """Name a table's data, given its partitions' versions: what Dagster and datasets go by."""
    return table_version(
        columns={each.name: each.type for each in table.columns},
        keys={each.name: each.type for each in table.partition_keys},
        location=table.location,
        parameters=table.parameters,
        partitions=partitions,
    )


def _partitions(catalogue: Catalogue, table: TableFacts, key: str | None) -> dict[str, str]:
    if not table.partition_keys:
        return {}
    names = [each.name for each in table.partition_keys]
    listed = catalogue.partitions(table.database, table.name)
    return versions(listed, names.index(key) if key in names else None)


def versions(partitions: Iterable[PartitionFacts], place: int | None) -> dict[str, str]:
    """Return a version per value of one key; without one, per partition.

    Partitions that share the value, of a table with further keys, have one version together.
    """
    grouped: dict[str, list[str]] = defaultdict(list)
    for each in partitions:
        value = "/".join(each.values) if place is None else each.values[place]
        version = partition_version(each.values, each.location, each.created_at, each.parameters)
        grouped[value].append(version)
    return {
        value: several[0] if len(several) == 1 else digest_of(several)[:16]
        for value, several in grouped.items()
    }


def entry_digest(table: TableFacts) -> str:
    """Return a digest of all that a table's entry says."""
    said = [
        table.version_id,
        table.updated_at.isoformat(),
        dict(table.parameters),
        [[each.name, each.type] for each in (*table.columns, *table.partition_keys)],
        table.location,
    ]
    return digest_of(said)[:16]


def _entries(catalogue: Catalogue, wanted: Iterable[Name]) -> dict[Name, Entry]:
    databases: dict[str, list[str]] = defaultdict(list)
    for database, table in wanted:
        databases[database].append(table)
    return {
        (database, table): entry
        for database, tables in databases.items()
        for table, entry in _of_database(catalogue, database, tables).items()
    }


def _of_database(catalogue: Catalogue, database: str, tables: list[str]) -> dict[str, Entry]:
    try:
        listed = {each.name: each for each in catalogue.tables(database)}
    except Missing:
        return dict.fromkeys(tables, Missing(_NO_DATABASE.format(database)))
    except PerennialError as error:
        return dict.fromkeys(tables, error)
    return {
        table: listed.get(table) or Missing(_NO_TABLE.format(f"{database}.{table}", table))
        for table in tables
    }


def _due(
    entries: Mapping[Name, Entry], before: Mapping[Name, Seen], clock: float, reads: int | None
) -> tuple[set[Name], set[Name]]:
    """Return the tables to read: those that changed, and a few that were not read for longest."""
    there = {n: each for n, each in entries.items() if not isinstance(each, PerennialError)}
    known = {name: before[name] for name in there if name in before}
    changed = {n for n in there if n not in known or known[n].entry != entry_digest(there[n])}
    old = [
        (seen.read_at, name)
        for name, seen in known.items()
        if there[name].partition_keys
        and name not in changed
        and clock - seen.read_at >= REREAD_AFTER
    ]
    again = [name for _, name in sorted(old)[:REREADS_A_LOOK]]
    # What was never read, or not for longest, goes first: none waits for ever.
    first = sorted(changed, key=lambda name: (known[name].read_at if name in known else 0.0, name))
    paid = [name for name in first if there[name].partition_keys]
    chosen = set([*paid, *again][:reads])
    return changed.difference(paid) | (chosen & changed), chosen - changed
