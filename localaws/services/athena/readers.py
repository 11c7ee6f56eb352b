"""Local files as DuckDB relations, typed as Glue says: Parquet, CSV and JSON. No S3 here."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from localaws.services.athena import parquet_types
from localaws.services.athena.failures import QueryFailedError
from localaws.services.athena.types import duckdb_type, family

if TYPE_CHECKING:
    from pathlib import Path

    from localaws.services.athena.catalog import Partition, TableInfo
    from localaws.services.athena.objects import S3Object

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class Need:
    """What a query wants of a table.

    Attributes:
        columns: Lower-case names used anywhere in the query; None when it may be all of them.
        partition_filters: DuckDB conditions over the partition keys alone.
        conditions: Conditions over this table's columns alone that every row wanted fulfils.
    """

    columns: frozenset[str] | None
    partition_filters: tuple[str, ...] = ()
    conditions: tuple[exp.Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a table: where it is, whence it came, whose partition it is."""

    path: Path
    source: S3Object
    partition: Partition | None


def literal(text: str | None) -> str:
    """Return a string as a SQL literal; Hive's mark for no value is NULL."""
    return "NULL" if text in (None, _HIVE_NULL) else str(exp.Literal.string(text).sql("duckdb"))


def empty(table: TableInfo) -> str:
    """Return the relation of a table without files."""
    columns = ", ".join(
        f'CAST(NULL AS {duckdb_type(column.type)}) AS "{column.name}"'
        for column in table.all_columns
    )
    return f"SELECT {columns} WHERE false"


def _partition_columns(table: TableInfo, need: Need, files: list[DataFile]) -> list[str]:
    """Partition keys as constants looked up by file."""
    columns = []
    for index, key in enumerate(table.partition_keys):
        if need.columns is not None and key.name not in need.columns:
            continue
        lookup = ", ".join(
            f"{literal(str(file.path))}: {literal(file.partition.values[index])}"
            for file in files
            if file.partition
        )
        columns.append(
            f'CAST(MAP {{{lookup}}}["__file"] AS {duckdb_type(key.type)}) AS "{key.name}"'
        )
    return columns


def _paths(files: list[DataFile]) -> str:
    return "[" + ", ".join(literal(str(file.path)) for file in files) + "]"


_schemas: dict[Path, tuple[tuple[str, str], ...]] = {}
_schemas_lock = threading.Lock()


def _schema(file: DataFile) -> tuple[tuple[str, str], ...]:
    """Return (name, type) of a Parquet file's columns; a path's content never changes."""
    import pyarrow.parquet as pq

    with _schemas_lock:
        found = _schemas.get(file.path)
    if found is None:
        try:
            schema = pq.read_schema(file.path)
        except (OSError, ValueError) as error:
            raise QueryFailedError(
                f"HIVE_CANNOT_OPEN_SPLIT: {file.source.uri} is not a Parquet file"
            ) from error
        found = tuple((item.name, parquet_types.name_of(item.type)) for item in schema)
        with _schemas_lock:
            _schemas[file.path] = found
    return found


def _read_parquet(table: TableInfo, need: Need, files: list[DataFile]) -> str:
    groups: dict[tuple[tuple[str, str], ...], list[DataFile]] = {}
    for file in files:
        groups.setdefault(_schema(file), []).append(file)
    return " UNION ALL ".join(
        _read_alike(table, need, members, {name.lower(): (name, kind) for name, kind in schema})
        for schema, members in groups.items()
    )


def _read_alike(
    table: TableInfo, need: Need, files: list[DataFile], stored: dict[str, tuple[str, str]]
) -> str:
    columns = []
    for column in table.columns:
        if need.columns is not None and column.name not in need.columns:
            continue
        target = duckdb_type(column.type)
        name, kind = stored.get(column.name, ("", ""))
        if kind and not parquet_types.readable(kind, column.type):
            raise QueryFailedError(
                f"HIVE_BAD_DATA: Field {column.name}'s type {kind.upper()} in parquet file "
                f"{files[0].source.uri} is incompatible with type {column.type} defined in "
                "table schema"
            )
        value = exp.to_identifier(name, quoted=True).sql("duckdb") if kind else "NULL"
        columns.append(f'CAST({value} AS {target}) AS "{column.name}"')
    columns += _partition_columns(table, need, files)
    select = ", ".join(columns) or '1 AS "__none"'
    # Parquet's least and greatest values say nothing of NaN; by default DuckDB takes it for absent
    # and drops conditions on it (duckdb/duckdb#25521).
    return (
        f"SELECT {select} FROM read_parquet({_paths(files)}, "  # noqa: S608 - literals are quoted
        "filename = '__file', hive_partitioning = false, can_have_nan = true)"
    )


def _read_text(table: TableInfo, files: list[DataFile], source: str) -> str:
    # Without trim(), DuckDB 2.0 makes of TRY_CAST over read_csv a cast that does fail.
    columns = [
        f'TRY_CAST(trim("{column.name}") AS {duckdb_type(column.type)}) AS "{column.name}"'
        if family(column.type) != "text"
        else f'"{column.name}"'
        for column in table.columns
    ]
    columns += _partition_columns(table, Need(None), files)
    return f"SELECT {', '.join(columns)} FROM {source}"  # noqa: S608 - literals are quoted


def _text_columns(table: TableInfo) -> str:
    pairs = ", ".join(f"{literal(column.name)}: 'VARCHAR'" for column in table.columns)
    return f"{{{pairs}}}"


def _read_csv(table: TableInfo, _: Need, files: list[DataFile]) -> str:
    serde = table.serde_parameters
    delimiter = serde.get("field.delim") or serde.get("separatorChar") or ","
    skip = int(table.parameters.get("skip.header.line.count", "0"))
    quote = serde.get("quoteChar", '"' if "separatorChar" in serde else "")
    source = (
        f"read_csv({_paths(files)}, columns = {_text_columns(table)}, header = false, "
        f"skip = {skip}, delim = {literal(delimiter)}, quote = {literal(quote)}, escape = '', "
        "nullstr = '\\N', auto_detect = false, null_padding = true, filename = '__file', "
        "hive_partitioning = false)"
    )
    return _read_text(table, files, source)


def _read_json(table: TableInfo, _: Need, files: list[DataFile]) -> str:
    pairs = ", ".join(
        f"{literal(column.name)}: {literal(duckdb_type(column.type))}" for column in table.columns
    )
    source = (
        f"read_json({_paths(files)}, columns = {{{pairs}}}, format = 'newline_delimited', "
        "filename = '__file', hive_partitioning = false)"
    )
    columns = [f'"{column.name}"' for column in table.columns]
    columns += _partition_columns(table, Need(None), files)
    return f"SELECT {', '.join(columns)} FROM {source}"  # noqa: S608 - literals are quoted


READERS = {"parquet": _read_parquet, "csv": _read_csv, "json": _read_json}
