"""Very many rows into a feature group: inserted into the offline table by Athena, at the data.

Feature Store's own batch way is its Spark connector, which appends Parquet (or to the Iceberg
table) with the columns that the store appends; the online store does not see that. Here Athena
appends the same columns with INSERT INTO. What goes in is what the offline store lacks, so that
killed and run again nothing is missing and nothing counts twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from assets import feature_sql, offline_insert
from assets.intake import mended

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from assets.intake import Intake, Work

#: Athena writes to at most 100 partitions in one statement (HIVE_TOO_MANY_OPEN_PARTITIONS).
_MOST_PARTITIONS = 100


def backfill(work: Work, done: Intake, lacking: int) -> None:
    """Insert all rows that the offline store lacks, after the newest of each id went online.

    In this order, a kill at any moment leaves rows that the next run still finds lacking.

    Args:
        work: Which group.
        done: The account, which is added to.
        lacking: How many rows are to be written.

    Raises:
        IngestRefused: Some of the newest rows can never be written; none was inserted.
        Terminal: Athena refused an INSERT.
    """
    if work.facts.online:
        rows = mended(work, done, work.rows(feature_sql.newest_unwritten(work.scope), "newest"))
        store = work.platform.feature_store
        report = store.ingest(work.facts.name, rows, targets=("OnlineStore",))
        done.seconds += report.seconds
    table = work.platform.catalogue.table(work.facts.glue_database, work.facts.glue_table)
    columns = {each.name: each.type for each in (*table.columns, *table.partition_keys)}
    hourly = any(each.name == "hour" for each in table.partition_keys)
    for since, until in _spans(work, hourly=hourly):
        work.platform.athena.run(
            offline_insert.insert(work.scope.between(since, until), columns),
            database=work.database,
            intent=f"backfill {work.facts.arn} from {since.isoformat()}",
            salt=work.salt,
        )
    done.written += lacking


def _spans(work: Work, *, hourly: bool) -> Iterator[tuple[datetime, datetime]]:
    """Yield event times from and until which few enough partitions are written."""
    rows = work.rows(
        offline_insert.by_partition(work.scope, hourly=hourly), "partitions of unwritten"
    )
    unit = timedelta(hours=1) if hourly else timedelta(days=1)
    begins = [row["at"] for row in rows]
    for start in range(0, len(begins), _MOST_PARTITIONS):
        chunk = begins[start : start + _MOST_PARTITIONS]
        yield chunk[0], chunk[-1] + unit
