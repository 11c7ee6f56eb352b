"""What a dataset is made from: its source tables, still as declared, and their versions.

All from catalogue entries: no scan, no S3 call. Making a dataset does not belong here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assets.contracts import source_breaches
from decisions.catalogue import partition_version
from resources.errors import Terminal
from resources.sightings import version_of, versions
from usecases.partition_reads import reaches

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from resources.glue import PartitionFacts, TableFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase
    from usecases.fields import Dataset
    from usecases.partition_reads import Reach


class Inputs:
    """The versions of everything a dataset's SQL reads, looked up once.

    Raises:
        TableMissing: A source table is not in the catalogue.
        Terminal: A source table lacks a column that the use case counts on, or has it otherwise.
    """

    def __init__(self, platform: Platform, use_case: UseCase, dataset: Dataset) -> None:
        self._reach = table_reach(use_case, dataset)
        self._whole: dict[str, str] = {}
        self._partitions: dict[str, dict[str, str]] = {}
        for name, reach in self._reach.items():
            table = _source(platform, use_case, name)
            found = _partitions(platform, table)
            self._whole[name] = version_of(table, versions(found, None))
            if reach is not None:
                self._partitions[name] = {each.values[0]: _version(each) for each in found}

    def of_all(self) -> dict[str, str]:
        """Return the version of each table as a whole."""
        return dict(self._whole)

    def of_day(self, day: date) -> dict[str, str]:
        """Return the versions a day is made from, by "table", or "table/partition" where filtered.

        A partition that is not there has no entry; when it lands, the day's version changes.
        """
        found = {}
        for name, reach in self._reach.items():
            if reach is None:
                found[name] = self._whole[name]
                continue
            known = self._partitions[name]
            for each in reach.days(day):
                if (version := known.get(each.isoformat())) is not None:
                    found[f"{name}/{each.isoformat()}"] = version
        return found


def table_reach(use_case: UseCase, dataset: Dataset) -> Mapping[str, Reach | None]:
    """Return which partitions of each source table a day of the dataset is made from."""
    keys = {name: table.partition_key for name, table in use_case.sources.tables.items()}
    return reaches(use_case.queries[dataset.name], keys)


def _source(platform: Platform, use_case: UseCase, name: str) -> TableFacts:
    """Return a raw table that still has what the use case counts on."""
    table = platform.catalogue.table(use_case.sources.database, name)
    breaches = source_breaches(use_case.sources.tables[name], table.columns)
    if breaches:
        raise Terminal(
            f"Upstream changed Glue table {table.database}.{table.name}: {'; '.join(breaches)}. "
            f"Ask its owner to restore it, or mend sources.tables.{name} and the SQL that reads it "
            f"in {use_case.folder / 'usecase.yaml'}. The last good datasets were kept."
        )
    return table


def _partitions(platform: Platform, table: TableFacts) -> tuple[PartitionFacts, ...]:
    return platform.catalogue.partitions(table.database, table.name) if table.partition_keys else ()


def _version(each: PartitionFacts) -> str:
    return partition_version(each.values, each.location, each.created_at, each.parameters)
