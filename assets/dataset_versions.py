"""The versions of a dataset, without a scan: of each partition, and over a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assets.dataset_days import DIGEST, ROWS, days_of, partition_key
from assets.parts import digest_of
from assets.windows import dataset_days
from resources.errors import Missing, Terminal
from resources.iceberg import spoken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from assets.windows import Window
    from resources.platform import Platform
    from usecases.declaration import UseCase

#: The one "partition" of a dataset that has none.
WHOLE = ""


@dataclass(frozen=True, slots=True)
class Versions:
    """A dataset as the catalogue has it now: no scan; of an Iceberg table by day, one object.

    Attributes:
        digests: Partition value to what its data was made from; "" where that is not said.
        rows: How many rows it has, if that is said of every partition.
    """

    digests: Mapping[str, str]
    rows: int | None

    @property
    def partitioned(self) -> bool:
        """Return whether the dataset is partitioned by day."""
        return WHOLE not in self.digests

    def changed(self, known: Mapping[str, str]) -> tuple[str, ...]:
        """Return the partitions that are not known to be taken in as they are."""
        return tuple(
            sorted(
                partition
                for partition, digest in self.digests.items()
                if not digest or known.get(partition) != digest
            )
        )


def versions_of(platform: Platform, use_case: UseCase, name: str) -> Versions:
    """Return the versions of a dataset.

    Raises:
        TableMissing: The dataset was never materialized.
    """
    database = platform.names.curated_database(use_case.name)
    table = platform.catalogue.table(database, name)
    if partition_key(table) is None:
        return _versions({WHOLE: spoken(table.parameters)})
    return _versions({each.values[0]: each.parameters for each in days_of(platform, table)})


def dataset_version(platform: Platform, use_case: UseCase, name: str, window: Window) -> str:
    """Return the digest of a dataset's content in a training window and its lead.

    Raises:
        Terminal: It was never materialized, or some days of it were not.
    """
    database = platform.names.curated_database(use_case.name)
    try:
        versions = versions_of(platform, use_case, name)
    except Missing as error:
        raise _never_made(f"{database}.{name}", "") from error
    if use_case.dataset(name).partition_by is not None:
        return version_of_days(f"{database}.{name}", versions, dataset_days(use_case, window.as_of))
    if not (digest := versions.digests.get(WHOLE)):
        raise _never_made(f"{database}.{name}", "")
    return digest


def version_of_days(name: str, versions: Versions, days: Sequence[date]) -> str:
    """Return the digest of these days of a dataset; ``name`` is for people.

    Raises:
        Terminal: Some of these days were never materialized.
    """
    found = {day.isoformat(): versions.digests.get(day.isoformat(), "") for day in days}
    absent = [day for day, digest in found.items() if not digest]
    if absent:
        raise _never_made(name, f" for {len(absent)} days from {absent[0]} on")
    return digest_of(found)


def _never_made(name: str, which: str) -> Terminal:
    return Terminal(
        f"Dataset {name} was never materialized{which}; materialize it first (job "
        "refresh_features makes them all)."
    )


def _versions(parameters: Mapping[str, Mapping[str, Any]]) -> Versions:
    digests = {partition: said.get(DIGEST, "") for partition, said in parameters.items()}
    counts = [said.get(ROWS, "") for said in parameters.values()]
    known = all(count.isdigit() for count in counts)
    return Versions(digests, sum(int(count) for count in counts) if known else None)
