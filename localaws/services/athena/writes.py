"""CTAS, INSERT and UNLOAD: what they demand, and what Glue is told of the files they made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from localaws.services.athena import iceberg_writes
from localaws.services.athena.catalog import Column, storage_descriptor
from localaws.services.athena.failures import QueryFailedError, not_performed
from localaws.services.athena.iceberg_failures import in_iceberg
from localaws.services.athena.parquet_writer import Target, Written, write
from localaws.services.athena.types import duckdb_type, family, glue_type

if TYPE_CHECKING:
    from localaws.services.athena.catalog import TableInfo
    from localaws.services.athena.session import Session

_QUOTED = re.compile(r"'([^']*)'")
_COMPRESSIONS = {"snappy", "gzip", "zstd", "lz4", "none"}
_CTAS_OPTIONS = {"format", "external_location", "partitioned_by", "write_compression",
                 "parquet_compression"}  # fmt: skip


def create_table_as(session: Session, create: exp.Create, default_location: str) -> Written:
    """Perform CREATE TABLE ... AS SELECT.

    Raises:
        QueryFailedError: The table is there, its location is not empty, or an option is unknown.
    """
    table: exp.Table = create.this
    database, name = (table.db or session.database).lower(), table.name.lower()
    if session.catalog.find(database, name):
        if create.args.get("exists"):
            return Written()
        raise QueryFailedError(
            f"TABLE_ALREADY_EXISTS: line 1:1: Table 'awsdatacatalog.{database}.{name}' already "
            "exists"
        )
    if not session.catalog.has_database(database):
        raise QueryFailedError(f"SCHEMA_NOT_FOUND: line 1:1: Schema '{database}' does not exist")
    options = _options(create)
    if options.get("table_type", "").upper() == "ICEBERG":
        _check_named(create.expression)
        location = _iceberg_location(session, options, default_location)
        plan = session.plan(create.expression)
        return iceberg_writes.create_table_as(session, (database, name), options, plan, location)
    _check_hive_options(options)
    location = _ctas_location(session, options, default_location)
    _check_named(create.expression)
    plan = session.plan(create.expression)
    described = session.describe(plan.sql)
    columns = [Column(column.lower(), glue_type(kind)) for column, kind in described]
    _check_distinct(columns)
    body, keys = _split_keys(columns, options.get("partitioned_by", []))
    target = Target(location, body, keys, _compression(options))
    written, partitions = write(session, plan.sql, target, no_data=options["no_data"])
    info = session.create_table(
        database, name, storage_descriptor(body, location, "parquet"), keys,
        {"EXTERNAL": "TRUE", "has_encrypted_data": "false", "classification": "parquet"},
    )  # fmt: skip
    session.catalog.add_partitions(info, partitions)
    return written


def insert_into(session: Session, insert: exp.Insert) -> Written:
    """Perform INSERT INTO ... SELECT or VALUES.

    Raises:
        QueryFailedError: The table is missing, or the query's columns do not fit.
    """
    schema = insert.this
    table: exp.Table = schema.this if isinstance(schema, exp.Schema) else schema
    info = session.catalog.table(table.db or session.database, table.name, session.place(table))
    if in_iceberg(info):
        info = session.iceberg.pinned(info)
    elif info.view_sql or info.file_format != "parquet":
        raise not_performed("INSERT INTO anything but a Parquet or Iceberg table")
    named = [item.name.lower() for item in schema.expressions] if schema is not table else None
    plan = session.plan(insert.expression)
    target = Target(info.location, list(info.columns), list(info.partition_keys))
    select = _conformed(info, named, session.describe(plan.sql), plan.sql)
    if in_iceberg(info):
        return iceberg_writes.insert_into(session, info, select)
    written, partitions = write(session, select, target)
    known = {partition.values for partition in session.catalog.partitions(info)}
    session.catalog.add_partitions(info, [item for item in partitions if item.values not in known])
    return written


def unload(
    session: Session, query: exp.Expression, location: str, options: dict[str, str]
) -> Written:
    """Perform UNLOAD (query) TO location.

    Raises:
        QueryFailedError: The location is not empty, or the format is not Parquet.
    """
    if options.get("format", "").upper() != "PARQUET":
        raise not_performed("UNLOAD to anything but format = 'PARQUET'")
    unknown = set(options) - {"format", "compression", "partitioned_by"}
    if unknown:
        raise not_performed(f"UNLOAD with {', '.join(sorted(unknown))}")
    _check_empty(session, location)
    plan = session.plan(query)
    columns = [Column(name.lower(), glue_type(kind)) for name, kind in session.describe(plan.sql)]
    _check_distinct(columns)
    wanted = _QUOTED.findall(options.get("partitioned_by", ""))
    body, keys = _split_keys(columns, [name.lower() for name in wanted])
    compression = _compression({"write_compression": options.get("compression")})
    return write(session, plan.sql, Target(location, body, keys, compression))[0]


def _options(create: exp.Create) -> dict[str, Any]:
    options: dict[str, Any] = {"no_data": False}
    properties = create.args.get("properties")
    for item in properties.expressions if properties else ():
        if isinstance(item, exp.WithDataProperty):
            options["no_data"] = bool(item.args.get("no"))
        elif isinstance(item, exp.FileFormatProperty):
            options["format"] = item.name
        elif isinstance(item, exp.LocationProperty):
            options["location"] = item.name
        elif isinstance(item, exp.PartitionedByProperty):
            options["partitioned_by"] = [value.name.lower() for value in item.this.expressions]
        else:
            options[item.name.lower()] = _value(item.args["value"])
    return options


def _value(value: exp.Expression) -> Any:
    if isinstance(value, exp.Array):
        return [item.name for item in value.expressions]
    return str(value.this).lower() if isinstance(value, exp.Boolean) else value.name


def _check_hive_options(options: dict[str, Any]) -> None:
    unknown = set(options) - _CTAS_OPTIONS - {"no_data"}
    if options.get("table_type", "HIVE").upper() == "HIVE":
        unknown -= {"table_type"}
    if unknown:
        raise not_performed(f"CREATE TABLE AS with {', '.join(sorted(unknown))}")
    if options.get("format", "PARQUET").upper() != "PARQUET":
        raise not_performed(f"CREATE TABLE AS with format {options['format']}")


def _iceberg_location(session: Session, options: dict[str, Any], default: str) -> str:
    location = options.get("location")
    if location and session.enforced:
        raise _enforced("location")
    location = (location or default).rstrip("/") + "/"
    if session.cache.list(session.s3, location):
        raise QueryFailedError(
            "ICEBERG_FILESYSTEM_ERROR: Cannot create a table on a non-empty location: "
            f"{location.rstrip('/')}"
        )
    return str(location)


def _ctas_location(session: Session, options: dict[str, Any], default: str) -> str:
    location = options.get("external_location")
    if location and session.enforced:
        raise _enforced("external_location")
    location = (location or default).rstrip("/") + "/"
    _check_empty(session, location)
    return location


def _enforced(name: str) -> QueryFailedError:
    return QueryFailedError(
        f"The Create Table As Select query failed because it was submitted with an '{name}' "
        "property to an Athena Workgroup that enforces a centralized output location for all "
        f"queries. Please remove the '{name}' property and resubmit the query."
    )


def _check_empty(session: Session, location: str) -> None:
    if session.cache.list(session.s3, location):
        raise QueryFailedError(
            f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{location}' already exists. "
            "You may need to manually clean the data at location before retrying. Athena will not "
            "delete data in your account."
        )


def _check_named(query: exp.Expression) -> None:
    for index, item in enumerate(query.selects, start=1):
        if not item.alias and not isinstance(item, (exp.Column, exp.Star, exp.Dot)):
            raise QueryFailedError(
                f"MISSING_COLUMN_NAME: line 1:1: Column name not specified at position {index}"
            )


def _check_distinct(columns: list[Column]) -> None:
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise QueryFailedError(
                f"DUPLICATE_COLUMN_NAME: line 1:1: Column name '{name}' specified more than once"
            )


def _split_keys(columns: list[Column], keys: list[str]) -> tuple[list[Column], list[Column]]:
    body = columns[: len(columns) - len(keys)]
    last = columns[len(columns) - len(keys) :]
    if [column.name for column in last] != keys:
        raise QueryFailedError(
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and "
            f"in the same order as the table properties: {keys}"
        )
    if not body:
        raise QueryFailedError("INVALID_TABLE_PROPERTY: Table contains only partition columns")
    return body, last


def _compression(options: dict[str, Any]) -> str:
    chosen = options.get("write_compression") or options.get("parquet_compression") or "gzip"
    if chosen.lower() not in _COMPRESSIONS:
        raise QueryFailedError(f"INVALID_TABLE_PROPERTY: Invalid write_compression: {chosen}")
    return str(chosen).lower()


def _conformed(
    info: TableInfo, named: list[str] | None, query: list[tuple[str, Any]], sql: str
) -> str:
    """Fit a query's columns, by position, to a table's."""
    targets = {column.name: column for column in info.all_columns}
    order = named if named is not None else list(targets)
    unknown = [name for name in order if name not in targets]
    if unknown:
        raise QueryFailedError(
            f"COLUMN_NOT_FOUND: line 1:1: Insert column name does not exist in target table: "
            f"{unknown[0]}"
        )
    type_of = iceberg_writes.hive_type if in_iceberg(info) else glue_type
    given = [type_of(kind) for _, kind in query]
    wanted = [targets[name].type for name in order]
    fits = len(given) == len(wanted) and all(
        family(source) in {family(target), "unknown"} or source == "string" == target
        for source, target in zip(given, wanted, strict=True)
    )
    if not fits:
        raise QueryFailedError(
            "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: "
            f"Table: [{', '.join(wanted)}], Query: [{', '.join(given)}]"
        )
    position = {name: f'"c{index}"' for index, name in enumerate(order)}
    columns = ", ".join(
        f"CAST({position.get(column.name, 'NULL')} AS {duckdb_type(column.type)}) "
        f'AS "{column.name}"'
        for column in info.all_columns
    )
    aliases = ", ".join(f'"c{index}"' for index in range(len(order)))
    return f"SELECT {columns} FROM ({sql}) AS q({aliases})"  # noqa: S608 - quoted throughout
