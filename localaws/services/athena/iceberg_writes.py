"""Rows into Iceberg tables: CTAS and INSERT, each one commit.

Changing rows is iceberg_changes.py's, DDL iceberg_ddl.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.services.athena.failures import QueryFailedError, not_performed
from localaws.services.athena.iceberg_failures import explained
from localaws.services.athena.parquet_writer import Written
from localaws.services.athena.types import athena_type, duckdb_type, glue_type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyiceberg.manifest import DataFile
    from pyiceberg.schema import Schema
    from pyiceberg.table import Transaction
    from pyiceberg.table.metadata import TableMetadata

    from localaws.services.athena.catalog import Column, TableInfo
    from localaws.services.athena.session import Session

_MOST_PARTITIONS = 100
#: https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-creating-tables.html
PROPERTIES = frozenset({
    "optimize_rewrite_data_file_threshold", "optimize_rewrite_delete_file_threshold",
    "optimize_rewrite_min_data_file_size_bytes", "optimize_rewrite_max_data_file_size_bytes",
    "vacuum_min_snapshots_to_keep", "vacuum_max_snapshot_age_seconds",
    "vacuum_max_metadata_files_to_keep", "write_target_data_file_size_bytes",
})  # fmt: skip
_ICEBERG = {
    "write_target_data_file_size_bytes": "write.target-file-size-bytes",
    "vacuum_max_metadata_files_to_keep": "write.metadata.previous-versions-max",
}
_CODECS = {"snappy", "gzip", "zstd", "lz4", "none"}
_CTAS_OPTIONS = frozenset({"table_type", "location", "is_external", "format", "partitioning",
                           "write_compression", "no_data"})  # fmt: skip


def properties_of(given: dict[str, str]) -> dict[str, str]:
    """Return the table's properties in Iceberg's metadata, from those that SQL gives.

    Raises:
        QueryFailedError: One is unknown, or asks for what is not performed here.
    """
    if given.get("format", "parquet").lower() != "parquet":
        raise not_performed(f"Iceberg tables of format {given['format']}")
    codec = given.get("write_compression", "zstd").lower()
    if codec not in _CODECS:
        raise QueryFailedError(f"INVALID_TABLE_PROPERTY: Invalid write_compression: {codec}")
    unknown = sorted(set(given) - PROPERTIES - {"table_type", "format", "write_compression"})
    if unknown:
        raise QueryFailedError(
            f"FAILED: SemanticException Unsupported table property key: {', '.join(unknown)}"
        )
    return {
        "write.format.default": "parquet",
        "write.object-storage.enabled": "true",
        "write.parquet.compression-codec": "uncompressed" if codec == "none" else codec,
    } | _as_iceberg({name: value for name, value in given.items() if name in PROPERTIES})


def _as_iceberg(given: dict[str, str]) -> dict[str, str]:
    """Return Athena's properties, and Iceberg's own name of those that other engines know."""
    known = {_ICEBERG[name]: value for name, value in given.items() if name in _ICEBERG}
    return given | known


def schema_from(columns: list[tuple[str, str]]) -> Schema:
    """Return the Iceberg schema of columns that SQL names.

    Raises:
        QueryFailedError: Iceberg has no type for one.
    """
    from pyiceberg.schema import Schema

    from localaws.iceberg.types import schema_of

    try:
        return Schema(*schema_of(columns).fields)
    except ValueError as error:
        raise not_performed(str(error)) from error


def spec_from(terms: list[str], schema: Schema) -> Any:
    """Return the Iceberg partitioning of terms as SQL writes them.

    Raises:
        QueryFailedError: One is no transform, or fits no column.
    """
    from localaws.iceberg.partitioning import spec_of

    try:
        return spec_of(terms, schema)
    except ValueError as error:
        raise QueryFailedError(
            f"INVALID_TABLE_PROPERTY: Unable to parse partitioning value: {error}"
        ) from error


def create_table_as(
    session: Session, name: tuple[str, str], options: dict[str, Any], query: Any, location: str
) -> Written:
    """Make a table of a planned query's rows; both appear in Glue at once, or not at all.

    Raises:
        QueryFailedError: An option is wrong, or the table came into being meanwhile.
    """
    _check_options(options)
    given = {key: value for key, value in options.items() if key in PROPERTIES}
    properties = properties_of(
        given | {key: options[key] for key in ("format", "write_compression") if key in options}
    )
    described = session.describe(query.sql)
    schema = schema_from([(column.lower(), hive_type(kind)) for column, kind in described])
    spec = spec_from(options.get("partitioning", []), schema)
    with explained(*name):
        change = session.iceberg.catalog.create_table_transaction(
            name, schema, location.rstrip("/"), spec, properties=properties
        )
        aliases = [field.name for field in schema.fields]
        select = typed(
            change.table_metadata.schema(), query.sql, aliases, no_data=options["no_data"]
        )
        made = stored(session, change.table_metadata, select)
        if made:
            append(session, change, made)
        change.commit_transaction()
    return written(made, location)


def insert_into(session: Session, info: TableInfo, select: str) -> Written:
    """Append a query's rows, which have the table's columns in its order.

    Raises:
        QueryFailedError: The rows make too many partitions, or others changed the table too often.
    """
    table = session.iceberg.table(info)
    select = typed(table.schema(), select, [column.name for column in info.columns])
    with explained(info.database, info.name):
        made = stored(session, table.metadata, select)
        if made:
            change = table.transaction()
            append(session, change, made)
            change.commit_transaction()
    return written(made, info.location)


def stored(
    session: Session, metadata: TableMetadata, select: str,
    most_partitions: int | None = _MOST_PARTITIONS,
) -> list[DataFile]:  # fmt: skip
    """Write a query's rows as data files, not yet part of the table.

    Raises:
        QueryFailedError: They make more partitions than a statement may write, or lack a value
            that the table demands.
    """
    from localaws.iceberg.writing import TooManyPartitionsError, write

    rows = session.arrow(select)
    for field in metadata.schema().fields:
        if field.required and rows[field.name].null_count:
            raise QueryFailedError(
                f"CONSTRAINT_VIOLATION: NULL value not allowed for NOT NULL column: {field.name}"
            )
    try:
        return write(metadata, session.iceberg.files, rows, most_partitions)
    except TooManyPartitionsError as error:
        raise QueryFailedError(
            "ICEBERG_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers for partitions, "
            f"as these rows make {error.partitions}"
        ) from error


def append(session: Session, change: Transaction, files: Iterable[DataFile]) -> None:
    """Add data files to a transaction, with the query's id as Athena leaves it in the summary."""
    with change.update_snapshot(snapshot_properties=summary(session)).fast_append() as snapshot:
        for file in files:
            snapshot.append_data_file(file)


def summary(session: Session) -> dict[str, str]:
    """Return what Athena adds to a snapshot's summary."""
    return {"trino_query_id": session.query_id}


def written(files: list[DataFile], location: str) -> Written:
    """Return what a statement did."""
    rows = sum(file.record_count for file in files)
    return Written(rows, [file.file_path for file in files], location)


def _check_options(options: dict[str, Any]) -> None:
    if "external_location" in options or "partitioned_by" in options:
        raise QueryFailedError(
            "INVALID_TABLE_PROPERTY: Iceberg tables take location and partitioning, not "
            "external_location and partitioned_by"
        )
    if options.get("is_external", "true") != "false":
        raise QueryFailedError(
            "INVALID_TABLE_PROPERTY: Cannot create an external Iceberg table: set is_external = "
            "false"
        )
    unknown = set(options) - _CTAS_OPTIONS - PROPERTIES
    if unknown:
        raise not_performed(f"CREATE TABLE AS with {', '.join(sorted(unknown))}")


def hive_type(kind: Any) -> str:
    """Return the name of a DuckDB type as a column's; unlike Hive's, Iceberg tables have zones."""
    zoned = "timestamp with time zone"
    return zoned if athena_type(kind) == zoned else glue_type(kind)


def typed(schema: Schema, sql: str, aliases: list[str], *, no_data: bool = False) -> str:
    """Cast a query's columns, by position, to the table's types and names."""
    from localaws.services.athena.iceberg_tables import columns

    targets: tuple[Column, ...] = columns(schema)
    names = ", ".join(f'"c{index}"' for index in range(len(aliases)))
    casts = ", ".join(
        f'CAST("c{index}" AS {duckdb_type(target.type)}) AS "{field.name}"'
        for index, (target, field) in enumerate(zip(targets, schema.fields, strict=True))
    )
    tail = " WHERE false" if no_data else ""
    return f"SELECT {casts} FROM ({sql}) AS q({names}){tail}"  # noqa: S608 - quoted throughout
