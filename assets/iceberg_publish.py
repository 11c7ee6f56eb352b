"""A new version of an Iceberg dataset: made on a fork, then published in one step.

Readers see the version before or the new one. A fork belongs to one attempt: a killed one is left,
and its successor begins another, so that no row is inserted twice whatever was under way (a token
that finds an earlier query again would be wrong here: what it did, it did to another fork). Which
rows go in, and whether they may, is decided before.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from assets import iceberg_statements as statements
from assets.parts import query_metadata
from assets.versions import snapshot_of
from decisions.catalogue import schema_drift
from resources.errors import Missing, Transient
from resources.iceberg import CONFLICT, spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from resources.athena import QueryRun
    from resources.glue import TableFacts
    from resources.iceberg import IcebergEntry
    from resources.platform import Platform

#: Between a table's name and an attempt's mark, in the name of a fork.
FORK = "__fork_"
SNAPSHOT = "perennial.snapshot"
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that go in: those of some partitions of a table, or all of it (``only`` is None).

    Attributes:
        count: How many there are, if it is known: nothing is published that has others.
    """

    table: str
    only: tuple[str, ...] | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What the next version differs by.

    Attributes:
        columns: All columns, name to Hive type, the partition's last.
        partition: The column that the table is partitioned by, if it is.
        removed: Values of ``partition`` whose rows go; None for all rows.
        added: What comes in their place.
    """

    columns: Mapping[str, str]
    added: tuple[Rows, ...]
    partition: str | None = None
    removed: tuple[str, ...] | None = None


def publish(
    platform: Platform,
    database: str,
    name: str,
    change: Change,
    *,
    prefix: str,
    describe: Callable[[TableFacts | None], Mapping[str, str]],
) -> list[dict[str, Any]]:
    """Make the next version and let the table be it; return what the queries took.

    Added columns are added to the table, whose snapshots stay. A column that was removed or has
    another type makes a new table at another location, of the rows that are added alone.

    Args:
        platform: The doors.
        database: The curated one.
        name: The dataset's.
        change: What is to differ.
        prefix: Key of the folder below which a new table gets a location of its own.
        describe: Says what the new version was made from; it is given the table whose other rows
            stay, None if none do.

    Raises:
        Transient: Others published all the time, or Athena was overloaded.
        Terminal: Athena refused a statement. What was published before stays.
    """
    for _ in range(_ATTEMPTS):
        attempt = _Attempt(platform, database, name, change)
        try:
            return attempt.make(prefix, describe)
        except Transient as error:
            if error.code != CONFLICT:
                raise
        finally:
            attempt.forget()
    raise Transient(
        f"{database}.{name} was published by others {_ATTEMPTS} times while a new version was "
        "made; run the step again when they are done."
    )


class _Attempt:
    """One fork, from its beginning to its end."""

    def __init__(self, platform: Platform, database: str, name: str, change: Change) -> None:
        self._platform = platform
        self._database = database
        self._name = name
        self._change = change
        self._mark = secrets.token_hex(4)
        self._fork = f"{name}{FORK}{self._mark}"
        self._queries: list[dict[str, Any]] = []

    def make(
        self, prefix: str, describe: Callable[[TableFacts | None], Mapping[str, str]]
    ) -> list[dict[str, Any]]:
        base = self._platform.iceberg.entry(self._database, self._name)
        if base is None and not self._adds():
            return []  # nothing is there to go
        before = self._before(base)
        new = _lacking(before, self._change.columns) if before and self._adds() else {}
        if base is None or new is None:
            self._begin(f"{prefix}{self._mark}/")
            kept = None
        else:
            self._go_on(base, new)
            kept = before
        self._count()
        self._platform.iceberg.publish(
            self._database,
            self._fork,
            self._name,
            base=base,
            parameters={**describe(kept), **_snapshot(self._platform, self._database, self._fork)},
        )
        return self._queries

    def forget(self) -> None:
        """Delete the fork's entry; its files are the table's now, or VACUUM's."""
        self._platform.catalogue.drop_table(self._database, self._fork)

    def restate(self, *statements_of: Callable[[str], str]) -> list[dict[str, Any]]:
        """Run statements that change no row; what the entry says of the data stays."""
        base = self._platform.iceberg.entry(self._database, self._name)
        if base is None:
            raise Missing(f"Glue has no Iceberg table {self._database}.{self._name}.")
        said = self._platform.catalogue.table(self._database, self._name).parameters
        ours = {
            name: value for name, value in spoken(said).items() if name.startswith("perennial.")
        }
        try:
            self._platform.iceberg.fork(self._database, self._fork, base)
            for statement_of in statements_of:
                self._run(statement_of(self._fork))
            self._platform.iceberg.publish(
                self._database,
                self._fork,
                self._name,
                base=base,
                parameters={**ours, **_snapshot(self._platform, self._database, self._fork)},
            )
        finally:
            self.forget()
        return self._queries

    def _adds(self) -> bool:
        """Return whether any rows go in: where they only go, the columns are left as they are."""
        return any(rows.only != () for rows in self._change.added)

    def _before(self, base: IcebergEntry | None) -> TableFacts | None:
        return self._platform.catalogue.table(self._database, self._name) if base else None

    def _begin(self, prefix: str) -> None:
        change, (first, *rest) = self._change, self._change.added
        self._run(
            statements.create_from(
                self._fork,
                first.table,
                change.columns,
                location=self._platform.lake.uri(prefix),
                partition=change.partition,
                only=first.only,
            )
        )
        self._insert(rest)

    def _go_on(self, base: IcebergEntry, new: Mapping[str, str]) -> None:
        change = self._change
        self._platform.iceberg.fork(self._database, self._fork, base)
        if new:
            self._run(statements.add_columns(self._fork, new))
        if change.removed is None or change.removed:
            self._run(statements.delete(self._fork, change.partition, change.removed))
        self._insert(change.added)

    def _insert(self, added: Sequence[Rows]) -> None:
        for rows in added:
            if rows.only == ():
                continue
            change = self._change
            self._run(
                statements.insert(
                    self._fork,
                    rows.table,
                    change.columns,
                    partition=change.partition,
                    only=rows.only,
                )
            )

    def _count(self) -> None:
        """Hold the rows that went in against those that should have."""
        counts = [each.count for each in self._change.added]
        expected = sum(count for count in counts if count is not None)
        if self._change.partition is None or not counts or None in counts:
            return
        values = [value for each in self._change.added for value in each.only or ()]
        statement = statements.count(self._fork, self._change.partition, values)
        run = self._run(statement)
        found = int(next(iter(self._platform.athena.rows(run)))["n"])
        if found != expected:
            raise Transient(
                f"{self._database}.{self._fork} has {found} rows of the days that were made, "
                f"expected {expected}: what they were made as was changed meanwhile, or another "
                "wrote there. Nothing was published; run the step again."
            )

    def _run(self, statement: str) -> QueryRun:
        # No repetition: one whose answer was a failure may have committed. The next attempt forks.
        run = self._platform.athena.run(
            statement,
            database=self._database,
            intent=f"{self._fork} {len(self._queries)}",
            repeats=0,
        )
        self._queries.append(query_metadata(run))
        return run


def maintain(
    platform: Platform, database: str, name: str, *, snapshot_seconds: int
) -> list[dict[str, Any]]:
    """Forget snapshots older than some seconds, then join small files.

    On forks like any change: the table's entry says what its data was made from, and Athena's own
    commit would not repeat that. VACUUM has a fork of its own, and comes first: on one that was
    optimized, the snapshot that readers have would be no longer the current one, and its files gone
    before the table points at others.

    Raises:
        Missing: There is no such Iceberg table.
        Transient: Somebody published meanwhile; do it another time.
    """
    nothing = Change({}, ())
    age = partial(statements.set_snapshot_age, seconds=snapshot_seconds)
    vacuumed = _Attempt(platform, database, name, nothing).restate(age, statements.vacuum)
    optimized = _Attempt(platform, database, name, nothing).restate(statements.optimize)
    return [*vacuumed, *optimized]


def _lacking(before: TableFacts, columns: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the columns to add; None where the table cannot become what is declared."""
    drift = schema_drift(columns, {each.name: each.type for each in before.columns})
    return None if drift.retyped or drift.undeclared else drift.missing


def _snapshot(platform: Platform, database: str, fork: str) -> dict[str, str]:
    found = snapshot_of(platform, database, fork)
    return {SNAPSHOT: found} if found else {}
