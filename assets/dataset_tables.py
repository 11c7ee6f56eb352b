"""Datasets without a window: the whole table made again when anything it reads has changed.

The data is made at a location named by the digest of its SQL and inputs. Making it again from the
same inputs changes nothing; a Parquet table is switched there in one step, an Iceberg table gets it
as its next version, so readers never see half of it and a failed run leaves the last good one.
Daily partitions belong to dataset_partitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assets.ctas import stage
from assets.dataset_days import DIGEST
from assets.iceberg_publish import Change, Rows, publish
from assets.parts import digest_of, query_totals
from resources.errors import Missing
from resources.iceberg import spoken
from usecases import sql

if TYPE_CHECKING:
    from datetime import datetime

    from assets.dataset_inputs import Inputs
    from resources.glue import TableFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase
    from usecases.fields import Dataset

_AS_OF = "perennial.as_of"


def whole_digest(use_case: UseCase, dataset: Dataset, inputs: Inputs, as_of: datetime) -> str:
    """Return the name of the data that would be made now."""
    query = use_case.queries[dataset.name]
    return digest_of(
        {
            "sql": query,
            "inputs": inputs.of_all(),
            "as_of": as_of if "as_of" in sql.placeholders(query) else None,
        }
    )


def make_whole(
    platform: Platform,
    use_case: UseCase,
    dataset: Dataset,
    *,
    as_of: datetime,
    digest: str,
    salt: str,
) -> dict[str, Any] | None:
    """Make the table unless it has this data already; return what it took, None if nothing.

    Raises:
        Terminal: Athena refused the SQL, or the result's columns are not the declared ones; the
            table is left as it was.
    """
    database = platform.names.curated_database(use_case.name)
    if _points_at(platform, database, dataset, digest):
        return None
    query = sql.bind(
        use_case.queries[dataset.name], window_start=as_of, window_end=as_of, as_of=as_of
    )
    prefix = f"datasets/{use_case.name}/{dataset.name}/"
    table, metadata = stage(
        platform,
        use_case,
        dataset,
        f"{dataset.name}__{digest[:16]}",
        prefix=f"{prefix}{digest}/",
        query=query,
        salt=salt,
    )
    said = {DIGEST: digest, _AS_OF: as_of.isoformat()}
    if dataset.table_format == "iceberg":
        queries = _publish(platform, database, dataset, table, prefix=prefix, said=said)
        metadata = query_totals([metadata, *queries])
    else:
        platform.catalogue.point_table(
            database,
            dataset.name,
            columns=table.columns,
            location=table.location,
            parameters=said,
        )
    platform.catalogue.drop_table(database, table.name)
    return metadata


def _publish(
    platform: Platform,
    database: str,
    dataset: Dataset,
    table: TableFacts,
    *,
    prefix: str,
    said: dict[str, str],
) -> list[dict[str, Any]]:
    columns = {name: column.type for name, column in dataset.columns.items()}
    return publish(
        platform,
        database,
        dataset.name,
        Change(columns, added=(Rows(table.name),)),
        prefix=f"{prefix}iceberg/",
        describe=lambda _: said,
    )


def _points_at(platform: Platform, database: str, dataset: Dataset, digest: str) -> bool:
    try:
        table = platform.catalogue.table(database, dataset.name)
    except Missing:
        return False
    as_declared = table.iceberg == (dataset.table_format == "iceberg")
    return as_declared and spoken(table.parameters).get(DIGEST) == digest
