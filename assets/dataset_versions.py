"""The version of a dataset over a window: what names its content, from the catalogue alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assets.dataset_partitions import day_digests
from assets.dataset_tables import DIGEST
from assets.parts import digest_of
from assets.windows import dataset_days
from resources.errors import Missing, Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from assets.windows import Window
    from resources.platform import Platform
    from usecases.declaration import UseCase
    from usecases.fields import Dataset


def dataset_version(platform: Platform, use_case: UseCase, name: str, window: Window) -> str:
    """Return the digest of a dataset's content in a training window and its lead.

    Raises:
        Terminal: It was never materialized, or some days of it were not.
    """
    dataset = use_case.dataset(name)
    if dataset.partition_by is not None:
        days = dataset_days(use_case, window.as_of)
        return version_of_days(platform, use_case, dataset, days)
    database = platform.names.curated_database(use_case.name)
    try:
        return platform.catalogue.table(database, name).parameters[DIGEST]
    except (Missing, KeyError) as error:
        raise _never_made(database, name, "") from error


def version_of_days(
    platform: Platform, use_case: UseCase, dataset: Dataset, days: Sequence[date]
) -> str:
    """Return the digest of these days of a dataset.

    Raises:
        Terminal: It was never materialized, or some of these days were not.
    """
    database = platform.names.curated_database(use_case.name)
    try:
        found = day_digests(platform, database, dataset.name, days)
    except Missing as error:
        raise _never_made(database, dataset.name, "") from error
    absent = [day.isoformat() for day in days if not found.get(day.isoformat())]
    if absent:
        which = f" for {len(absent)} days from {absent[0]} on"
        raise _never_made(database, dataset.name, which)
    return digest_of(found)


def _never_made(database: str, name: str, which: str) -> Terminal:
    return Terminal(
        f"Dataset {database}.{name} was never materialized{which}; materialize it first (job "
        "refresh_features makes them all)."
    )
