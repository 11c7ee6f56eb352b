"""The metadata tables of an Iceberg table: "t$snapshots", "t$history", "t$files" and so on.

Columns are those of Trino: https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-table-metadata.html
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from localaws.services.athena.catalog import Column
from localaws.services.athena.failures import not_performed
from localaws.services.athena.iceberg_failures import explained
from localaws.services.athena.types import duckdb_type

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from localaws.services.athena.catalog import TableInfo
    from localaws.services.athena.iceberg_tables import Pinned

_MOMENT = "timestamp with time zone"
_COUNTS = "map<int,bigint>"
_COLUMNS = {
    "snapshots": (
        ("committed_at", _MOMENT), ("snapshot_id", "bigint"), ("parent_id", "bigint"),
        ("operation", "string"), ("manifest_list", "string"), ("summary", "map<string,string>"),
    ),
    "history": (
        ("made_current_at", _MOMENT), ("snapshot_id", "bigint"), ("parent_id", "bigint"),
        ("is_current_ancestor", "boolean"),
    ),
    "files": (
        ("content", "int"), ("file_path", "string"), ("file_format", "string"),
        ("record_count", "bigint"), ("file_size_in_bytes", "bigint"), ("column_sizes", _COUNTS),
        ("value_counts", _COUNTS), ("null_value_counts", _COUNTS), ("nan_value_counts", _COUNTS),
        ("split_offsets", "array<bigint>"),
    ),
    "manifests": (
        ("path", "string"), ("length", "bigint"), ("partition_spec_id", "int"),
        ("added_snapshot_id", "bigint"),
    ),
    "refs": (
        ("name", "string"), ("type", "string"), ("snapshot_id", "bigint"),
    ),
}  # fmt: skip

#: Of "t$partitions", Trino's names and pyiceberg's.
_PARTITIONS = {"record_count": "record_count", "file_count": "file_count",
               "total_size": "total_data_file_size_in_bytes"}  # fmt: skip


def columns_of(view: str, table: Table) -> tuple[Column, ...]:
    """Return the columns of a metadata table.

    Raises:
        QueryFailedError: It is none that is performed here.
    """
    if view == "partitions":
        return (*_partition(table), *(Column(name, "bigint") for name in _PARTITIONS))
    if view not in _COLUMNS:
        raise not_performed(f"the metadata table ${view}")
    return tuple(Column(name, kind) for name, kind in _COLUMNS[view])


def _partition(table: Table) -> list[Column]:
    from localaws.iceberg.types import hive_of

    if table.spec().is_unpartitioned():
        return []
    return [Column("partition", hive_of(table.spec().partition_type(table.schema())))]


def registered(info: TableInfo, connection: Any) -> str:
    """Put a metadata table's rows where the connection finds them; return SQL that reads them."""
    pinned: Pinned = info.iceberg
    with explained(info.database, info.name):
        rows = _rows(pinned)
    name = f"__view_{uuid.uuid4().hex}"
    connection.register(name, rows)
    columns = ", ".join(
        f'CAST("{_PARTITIONS.get(column.name, column.name)}" AS {duckdb_type(column.type)}) '
        f'AS "{column.name}"'
        for column in info.columns
    )
    return f'SELECT {columns} FROM "{name}"'  # noqa: S608 - names of this module


def _rows(pinned: Pinned) -> Any:
    inspect = pinned.table.inspect
    if pinned.view in {"files", "partitions"}:
        return getattr(inspect, pinned.view)(snapshot_id=pinned.snapshot_id)
    rows = getattr(inspect, pinned.view)()
    moments = {"committed_at", "made_current_at"}
    # pyiceberg gives them without a zone, and means UTC.
    for index, name in enumerate(rows.column_names):
        if name in moments:
            import pyarrow as pa

            rows = rows.set_column(index, name, rows[name].cast(pa.timestamp("ms", "UTC")))
    return rows
