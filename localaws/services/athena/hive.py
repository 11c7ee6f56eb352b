"""Hive's DDL as values: CREATE EXTERNAL TABLE and PARTITION clauses. Nothing is performed here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from localaws.services.athena.catalog import Column, Partition, storage_descriptor
from localaws.services.athena.failures import QueryFailedError, not_performed, syntax_error

if TYPE_CHECKING:
    from localaws.services.athena.catalog import TableInfo

_PARTITION = re.compile(r"PARTITION\s*\(([^)]*)\)\s*(?:LOCATION\s+'([^']*)')?", re.IGNORECASE)
_PAIR = re.compile(r"[`\"]?(\w+)[`\"]?\s*=\s*(?:'([^']*)'|(\w+))")


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """What CREATE EXTERNAL TABLE says."""

    name: str
    if_not_exists: bool
    storage: dict[str, Any]
    partition_keys: tuple[Column, ...]
    parameters: dict[str, str]


def read_table(text: str) -> TableDefinition:
    """Read CREATE EXTERNAL TABLE.

    Raises:
        QueryFailedError: It cannot be parsed, lacks a LOCATION, or names a format not read here.
    """
    create = _parsed(text)
    if not isinstance(create, exp.Create) or not isinstance(create.this, exp.Schema):
        raise syntax_error("CREATE EXTERNAL TABLE needs columns")
    properties = create.args["properties"].expressions
    location = _property(properties, exp.LocationProperty)
    if location is None:
        raise QueryFailedError("FAILED: SemanticException CREATE EXTERNAL TABLE needs a LOCATION")
    storage = storage_descriptor(_columns(create.this), location.name, _format(properties))
    _apply_row_format(storage, properties)
    keys = _property(properties, exp.PartitionedByProperty)
    table = create.this.this
    return TableDefinition(
        name=f"{table.db}.{table.name}" if table.db else table.name,
        if_not_exists=bool(create.args.get("exists")),
        storage=storage,
        partition_keys=tuple(_columns(keys.this)) if keys else (),
        parameters={"EXTERNAL": "TRUE"} | _table_properties(properties),
    )


@dataclass(frozen=True, slots=True)
class IcebergDefinition:
    """What CREATE TABLE says of an Iceberg table, but for its partitioning."""

    name: str
    if_not_exists: bool
    columns: list[tuple[str, str]]
    location: str
    parameters: dict[str, str]


def read_iceberg(text: str) -> IcebergDefinition:
    """Read CREATE TABLE, without its PARTITIONED BY.

    Raises:
        QueryFailedError: It cannot be parsed, or lacks columns or a LOCATION.
    """
    create = _parsed(text)
    if not isinstance(create, exp.Create) or not isinstance(create.this, exp.Schema):
        raise syntax_error("CREATE TABLE needs columns")
    properties = create.args["properties"].expressions
    location = _property(properties, exp.LocationProperty)
    if location is None:
        raise QueryFailedError("FAILED: SemanticException Iceberg tables need a LOCATION")
    table = create.this.this
    return IcebergDefinition(
        name=f"{table.db}.{table.name}" if table.db else table.name,
        if_not_exists=bool(create.args.get("exists")),
        columns=[(column.name, column.type) for column in _columns(create.this)],
        location=location.name,
        parameters=_table_properties(properties),
    )


def read_columns(text: str) -> list[tuple[str, str]]:
    """Read ``name type, name type``.

    Raises:
        QueryFailedError: They are no columns.
    """
    create = _parsed(f"CREATE TABLE t ({text})")
    if not isinstance(create, exp.Create) or not isinstance(create.this, exp.Schema):
        raise syntax_error(f"'{text}' are no columns")
    return [(column.name, column.type) for column in _columns(create.this)]


def _parsed(text: str) -> exp.Expression:
    try:
        return sqlglot.parse_one(text, read="hive")
    except (ParseError, TokenError) as error:
        raise syntax_error(str(error).split(". Line", maxsplit=1)[0]) from error


def read_partitions(text: str, table: TableInfo) -> list[Partition]:
    """Read ``PARTITION (dt='...') LOCATION '...' PARTITION (...)``."""
    found = []
    for clause, location in _PARTITION.findall(text):
        given = {name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(clause)}
        names = [key.name for key in table.partition_keys]
        if set(given) != set(names):
            raise QueryFailedError(
                f"FAILED: SemanticException partition spec {clause} does not match the keys {names}"
            )
        folder = "/".join(f"{name}={given[name]}" for name in names)
        default = f"{table.location.rstrip('/')}/{folder}/"
        found.append(Partition(tuple(given[name] for name in names), location or default))
    return found


def partition_values(folder: str, table: TableInfo) -> tuple[str, ...] | None:
    """Return the values a Hive-named folder (``.../dt=x/h=1``) stands for, or None."""
    parts = [part.partition("=") for part in folder.split("/")[-len(table.partition_keys) :]]
    names = [name.lower() for name, _, _ in parts]
    if names != [key.name for key in table.partition_keys]:
        return None
    return tuple(unquote(value) for _, _, value in parts)


def _property(properties: list[exp.Expression], kind: type[exp.Expression]) -> Any:
    return next((item for item in properties if isinstance(item, kind)), None)


def _columns(schema: exp.Expression) -> list[Column]:
    return [
        Column(item.name.lower(), _type_name(item.args["kind"]))
        for item in schema.expressions
        if isinstance(item, exp.ColumnDef)
    ]


def _type_name(kind: exp.DataType) -> str:
    return str(kind.sql("hive")).lower().replace(": ", ":").replace(", ", ",")


def _format(properties: list[exp.Expression]) -> str:
    serde = _property(properties, exp.RowFormatSerdeProperty)
    library = serde.name.lower() if serde else ""
    stored = _property(properties, exp.FileFormatProperty)
    name = stored.name.upper() if stored and isinstance(stored.this, exp.Var) else ""
    if name == "PARQUET" or "parquet" in library:
        return "parquet"
    if "json" in library:
        return "json"
    if name in {"", "TEXTFILE"} and (not library or "csv" in library or "lazysimple" in library):
        return "csv"
    raise not_performed(f"CREATE EXTERNAL TABLE STORED AS {name or library}")


def _apply_row_format(storage: dict[str, Any], properties: list[exp.Expression]) -> None:
    delimited = _property(properties, exp.RowFormatDelimitedProperty)
    serde = _property(properties, exp.RowFormatSerdeProperty)
    information = storage["SerdeInfo"]
    if delimited and delimited.args.get("fields"):
        information["Parameters"]["field.delim"] = delimited.args["fields"].name
    if serde:
        information["SerializationLibrary"] = serde.name
        given = serde.args.get("serde_properties")
        for item in given.expressions if given else ():
            information["Parameters"][item.name] = item.args["value"].name


def _table_properties(properties: list[exp.Expression]) -> dict[str, str]:
    return {item.name: item.args["value"].name for item in properties
            if type(item) is exp.Property}  # fmt: skip
