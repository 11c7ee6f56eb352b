"""Which span of data time a materialization covers, from what has landed. Nothing is run here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from decisions.partitions import days_between
from resources.errors import Terminal

if TYPE_CHECKING:
    from datetime import date, datetime

    from resources.platform import Platform
    from usecases.declaration import UseCase


#: How far before the training window datasets begin.
LEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Data time from ``start`` up to ``as_of``, naive UTC."""

    start: datetime
    as_of: datetime


def landed_through(platform: Platform, use_case: UseCase) -> datetime:
    """Return the moment up to which every source of the use case has landed.

    Raises:
        TableMissing: A source table is not in the catalogue.
        Terminal: A source has never said how far it has landed.
    """
    database = use_case.sources.database
    landed = {
        table: platform.catalogue.landed_through(database, table)
        for table in use_case.sources.tables
    }
    silent = sorted(table for table, moment in landed.items() if moment is None)
    if silent:
        raise Terminal(
            f"Glue tables {', '.join(f'{database}.{table}' for table in silent)} lack the "
            "parameter perennial.landed_through; whoever lands the data sets it (docs/data.md)."
        )
    return min(moment for moment in landed.values() if moment is not None)


def dataset_days(use_case: UseCase, as_of: datetime) -> tuple[date, ...]:
    """Return the days a use case's datasets need: the training window's, and some before.

    The first rows of the window find features that were known before it began.
    """
    start = as_of - use_case.training_set.window - LEAD
    first = use_case.sources.start
    days = days_between(start, as_of)
    return tuple(day for day in days if first is None or day >= first)


def training_window(platform: Platform, use_case: UseCase) -> Window:
    """Return the window that ends with the newest data that has landed everywhere."""
    as_of = landed_through(platform, use_case)
    return Window(start=as_of - use_case.training_set.window, as_of=as_of)
