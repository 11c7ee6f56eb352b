"""A dataset's table that takes days in: Parquet partitions that are switched, or an Iceberg table.

Both are given what was made beside them and kept its contract, and say of each day what it was made
from. Parquet is switched batch by batch, a hundred partitions in one step; Iceberg once, when all
batches are there, so that readers see all of a run or nothing. Which days are due, and whether
their rows are fit, is decided before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from assets.dataset_days import DAY, DIGEST, MADE, ROWS, days_of, write_ledger
from assets.iceberg_publish import Change, Rows, publish
from decisions.partitions import Made
from resources.errors import Missing, Terminal
from resources.glue import ColumnFacts, PartitionFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from resources.glue import TableFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase
    from usecases.fields import Dataset


@dataclass(frozen=True, slots=True)
class DayMade:
    """A day that was made: ``rows`` in it, what from, and why it had to be."""

    day: date
    rows: int
    made: Made
    why: str
    location: str

    @property
    def digest(self) -> str:
        """Return the name of its content."""
        return self.made.digest


@dataclass(frozen=True, slots=True)
class Staged:
    """A run of days in a table of their own; ``good`` are those that may be taken in."""

    table: TableFacts
    good: tuple[DayMade, ...]


class DayTable(Protocol):
    """What takes days in."""

    @property
    def queries(self) -> Sequence[dict[str, Any]]:
        """What Athena queries of its own took."""

    def found(self) -> dict[date, Made | None]:
        """Return what each day that is there was made from; None where it does not say."""

    def take(self, staged: Staged) -> None:
        """Take in what may be taken, now or at the end."""

    def finish(self, others: AbstractSet[date]) -> tuple[DayMade, ...]:
        """Forget those of ``others`` that were not made anew; return all days taken in."""


def day_table(platform: Platform, use_case: UseCase, dataset: Dataset, as_of: datetime) -> DayTable:
    """Return the table of a dataset by day, in the format that is declared."""
    if dataset.table_format == "iceberg":
        return IcebergDays(platform, use_case, dataset, as_of)
    return ParquetDays(platform, use_case, dataset, as_of)


class ParquetDays:
    """A Parquet table with a partition per day, each pointing where its rows were made."""

    def __init__(
        self, platform: Platform, use_case: UseCase, dataset: Dataset, as_of: datetime
    ) -> None:
        self._catalogue = platform.catalogue
        self._database = platform.names.curated_database(use_case.name)
        self._name = dataset.name
        self._location = platform.lake.uri(f"datasets/{use_case.name}/{dataset.name}/")
        self._as_of = as_of
        self._made: list[DayMade] = []
        self._before = self._table()
        self.queries: Sequence[dict[str, Any]] = ()

    def found(self) -> dict[date, Made | None]:
        """Return what each partition was made from; None where it does not say."""
        if self._before is None:
            return {}
        there = self._catalogue.partitions(self._database, self._name)
        return {_day(self._before, each): _made_of(each) for each in there}

    def take(self, staged: Staged) -> None:
        """Switch the partitions to what was made; the table it was made as is forgotten."""
        self._catalogue.point_table(
            self._database,
            self._name,
            columns=staged.table.columns,
            location=self._location,
            parameters={"perennial.as_of": self._as_of.isoformat()},
            partition_keys=(ColumnFacts(DAY, "string"),),
        )
        table = self._catalogue.table(self._database, self._name)
        self._catalogue.put_partitions(table, [_partition(day) for day in staged.good])
        self._catalogue.drop_table(self._database, staged.table.name)
        self._made += staged.good

    def finish(self, others: AbstractSet[date]) -> tuple[DayMade, ...]:
        """Forget the partitions of others that were not made anew."""
        doomed = sorted(others - {each.day for each in self._made})
        if self._before is not None and doomed:
            self._catalogue.drop_partitions(self._before, [(day.isoformat(),) for day in doomed])
        return tuple(self._made)

    def _table(self) -> TableFacts | None:
        try:
            table = self._catalogue.table(self._database, self._name)
        except Missing:
            return None
        if [each.name for each in table.partition_keys] != [DAY]:
            # From before the dataset was partitioned, or an Iceberg table: the data stays, the
            # name is needed.
            self._catalogue.drop_table(self._database, self._name)
            return None
        return table


class IcebergDays:
    """An Iceberg table partitioned by day, with its ledger."""

    def __init__(
        self, platform: Platform, use_case: UseCase, dataset: Dataset, as_of: datetime
    ) -> None:
        self._platform = platform
        self._database = platform.names.curated_database(use_case.name)
        self._name = dataset.name
        self._columns = {name: column.type for name, column in dataset.columns.items()}
        self._prefix = f"datasets/{use_case.name}/{dataset.name}/"
        self._as_of = as_of
        self._staged: list[Staged] = []
        self.queries: Sequence[dict[str, Any]] = ()

    def found(self) -> dict[date, Made | None]:
        """Return what the ledger says of each day; nothing if the table is none of ours."""
        table = self._table()
        if table is None or not table.iceberg:
            return {}
        return {_day(table, each): _made_of(each) for each in days_of(self._platform, table)}

    def take(self, staged: Staged) -> None:
        """Keep it for the end; a killed run's successor finds it by its name."""
        self._staged.append(staged)

    def finish(self, others: AbstractSet[date]) -> tuple[DayMade, ...]:
        """Publish one version in which all days taken in have their new rows, and ``others`` none.

        Nothing taken in and nothing to forget publishes nothing.
        """
        made = {day.day.isoformat(): day for each in self._staged for day in each.good}
        gone = {day.isoformat() for day in others} | made.keys()
        if made or others:
            self.queries = publish(
                self._platform,
                self._database,
                self._name,
                self._change(gone),
                prefix=f"{self._prefix}iceberg/",
                describe=lambda kept: self._described(kept, gone, made),
            )
        for each in self._staged:
            # Its files stay until they expire: another run may be reading them.
            self._platform.catalogue.drop_table(self._database, each.table.name)
        location = self._location() if made else ""
        return tuple(replace(day, location=location) for day in made.values())

    def _change(self, gone: AbstractSet[str]) -> Change:
        return Change(
            columns={**self._columns, DAY: "string"},
            partition=DAY,
            removed=tuple(sorted(gone)),
            added=tuple(
                Rows(
                    each.table.name,
                    tuple(day.day.isoformat() for day in each.good),
                    sum(day.rows for day in each.good),
                )
                for each in self._staged
            ),
        )

    def _described(
        self, kept: TableFacts | None, gone: AbstractSet[str], made: Mapping[str, DayMade]
    ) -> dict[str, str]:
        """Write the ledger of the version that is to be: the days that stay, and the new ones."""
        stay = days_of(self._platform, kept) if kept else ()
        days = [each for each in stay if each.values[0] not in gone]
        days += [_partition(day) for day in made.values()]
        return {
            "perennial.as_of": self._as_of.isoformat(),
            **write_ledger(self._platform, f"{self._prefix}ledgers/", days),
        }

    def _location(self) -> str:
        table = self._table()
        return table.location if table else ""

    def _table(self) -> TableFacts | None:
        try:
            return self._platform.catalogue.table(self._database, self._name)
        except Missing:
            return None


def _partition(day: DayMade) -> PartitionFacts:
    said = {DIGEST: day.digest, ROWS: str(day.rows), MADE: day.made.model_dump_json()}
    return PartitionFacts((day.day.isoformat(),), day.location, said)


def _day(table: TableFacts, partition: PartitionFacts) -> date:
    try:
        return date.fromisoformat(partition.values[0])
    except ValueError as error:
        raise Terminal(
            f"Glue table {table.database}.{table.name} has the partition {partition.values}, which "
            "is no day; whoever made it did not go by this dataset. Drop it from the catalogue."
        ) from error


def _made_of(partition: PartitionFacts) -> Made | None:
    try:
        return Made.model_validate_json(partition.parameters.get(MADE, ""))
    except ValidationError:
        return None  # made by a version that wrote otherwise, or by hand: make it again
