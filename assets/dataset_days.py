"""The days of a dataset as its table has them now, whichever format it is written in.

Of Parquet, a day is a partition of Glue's. Of Iceberg, Glue knows no partitions: the table's entry
names a ledger in the lake, written before the version it speaks of is published, hence always of
just that version. Both say of each day what it was made from. Making days belongs elsewhere.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pydantic import ValidationError

from decisions.model import Fact, canonical_json
from resources.errors import Missing, Terminal
from resources.glue import PartitionFacts
from resources.iceberg import spoken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.glue import TableFacts
    from resources.platform import Platform

DAY = "dt"
DIGEST = "perennial.digest"
MADE = "perennial.made"
ROWS = "perennial.rows"
#: Parameter of an Iceberg dataset by day: the key of its ledger.
LEDGER = "perennial.ledger"


class Ledger(Fact):
    """What each day of one version of an Iceberg table is: parameters as a partition's, by day."""

    days: dict[str, dict[str, str]]


def partition_key(table: TableFacts) -> str | None:
    """Return the column that tells a table's days apart; None for a table without days."""
    if table.partition_keys:
        return table.partition_keys[0].name
    return DAY if LEDGER in table.parameters else None


def days_of(platform: Platform, table: TableFacts) -> tuple[PartitionFacts, ...]:
    """Return a table's days in order, each with the parameters DIGEST, ROWS and MADE.

    Parquet costs a listing in Glue, Iceberg one object. None, where others than we committed to the
    Iceberg table last: nobody can tell what its rows were made from.

    Raises:
        Terminal: The ledger is gone or unreadable.
    """
    if not table.iceberg:
        return platform.catalogue.partitions(table.database, table.name)
    key = spoken(table.parameters).get(LEDGER)
    if key is None:
        return ()
    days = _read(platform, table, key).days
    return tuple(PartitionFacts((day,), table.location, said) for day, said in sorted(days.items()))


def write_ledger(platform: Platform, prefix: str, days: Iterable[PartitionFacts]) -> dict[str, str]:
    """Write the ledger of a version that is to be published; return the parameter naming it."""
    ledger = Ledger(days={each.values[0]: dict(each.parameters) for each in days})
    body = canonical_json(ledger.model_dump(mode="json")).encode()
    key = f"{prefix}{hashlib.sha256(body).hexdigest()}.json"
    platform.lake.put_if_absent(key, body)
    return {LEDGER: key}


def _read(platform: Platform, table: TableFacts, key: str) -> Ledger:
    try:
        return Ledger.model_validate_json(platform.lake.get(key))
    except (Missing, ValidationError) as error:
        raise Terminal(
            f"{platform.lake.uri(key)}, the ledger of Iceberg table {table.database}.{table.name}, "
            f"cannot be read: {error}. Restore it, or drop the table's entry in Glue: all its days "
            "are then made again."
        ) from error
