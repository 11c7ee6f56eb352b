"""A Glue table as a DuckDB relation over local copies of its files.

Partitions count only if Glue has them registered, and are skipped when the query's own conditions
on partition keys exclude them. The bytes scanned are those of whole files: Athena, which reads
single Parquet columns, would bill less.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
from sqlglot import exp

from localaws.services.athena import parquet_types
from localaws.services.athena.failures import QueryFailedError, not_performed
from localaws.services.athena.objects import S3Object, split_uri
from localaws.services.athena.types import duckdb_type, family

if TYPE_CHECKING:
    from pathlib import Path

    from localaws.services.athena.catalog import GlueCatalog, Partition, TableInfo
    from localaws.services.athena.objects import ObjectCache

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class Need:
    """What a query wants of a table.

    Attributes:
        columns: Lower-case names used anywhere in the query; None when it may be all of them.
        partition_filters: DuckDB conditions over the partition keys alone.
    """

    columns: frozenset[str] | None
    partition_filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """A relation and what reading it costs."""

    sql: str
    data_bytes: int


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    source: S3Object
    partition: Partition | None


class Scanner:
    """Makes scans for one account."""

    def __init__(self, catalog: GlueCatalog, s3: Any, cache: ObjectCache, connection: Any) -> None:
        self._catalog = catalog
        self._s3 = s3
        self._cache = cache
        self._connection = connection

    def scan(self, table: TableInfo, need: Need) -> Scan:
        """Return the relation of a table.

        Raises:
            QueryFailedError: Its files cannot be read as the catalogue describes them.
        """
        if table.file_format not in _READERS:
            raise not_performed(f"tables of format {table.file_format}")
        files = self._files(table, need)
        size = sum(file.source.size for file in files)
        if not files:
            return Scan(_empty(table), 0)
        return Scan(_READERS[table.file_format](table, need, files), size)

    def _files(self, table: TableInfo, need: Need) -> list[_File]:
        if not table.partition_keys:
            objects = self._cache.list(self._s3, table.location)
            paths = self._cache.paths(self._s3, objects)
            return [_File(paths[item], item, None) for item in objects]
        kept = self._prune(table, self._catalog.partitions(table), need)
        placed = self._objects_by_partition(table, kept)
        paths = self._cache.paths(self._s3, [item for item, _ in placed])
        return [_File(paths[item], item, partition) for item, partition in placed]

    def _objects_by_partition(
        self, table: TableInfo, partitions: list[Partition]
    ) -> list[tuple[S3Object, Partition]]:
        """List once below the table's location; only partitions elsewhere are listed singly."""
        root = "/".join(split_uri(table.location)).rstrip("/") + "/"
        inside = {_folder(item.location): item for item in partitions
                  if _folder(item.location).startswith(root)}  # fmt: skip
        placed = []
        if inside:
            for item in self._cache.list(self._s3, table.location):
                partition = inside.get(f"{item.bucket}/{item.key}".rsplit("/", 1)[0] + "/")
                if partition:
                    placed.append((item, partition))
        for partition in partitions:
            if not _folder(partition.location).startswith(root):
                found = self._cache.list(self._s3, partition.location)
                placed += [(item, partition) for item in found]
        return placed

    def _prune(self, table: TableInfo, partitions: list[Partition], need: Need) -> list[Partition]:
        if not partitions or not need.partition_filters:
            return partitions
        rows = ", ".join(
            f"({index}, {', '.join(_value(value) for value in partition.values)})"
            for index, partition in enumerate(partitions)
        )
        keys = ", ".join(
            f'CAST("{key.name}" AS {duckdb_type(key.type)}) AS "{key.name}"'
            for key in table.partition_keys
        )
        names = ", ".join(f'"{key.name}"' for key in table.partition_keys)
        sql = (
            f'SELECT "__index" FROM (SELECT "__index", {keys} '  # noqa: S608 - quoted throughout
            f'FROM (VALUES {rows}) AS v("__index", {names})) '
            f"WHERE {' AND '.join(need.partition_filters)}"
        )
        try:
            kept = self._connection.execute(sql).fetchall()
        except duckdb.Error:
            return partitions  # a filter that cannot be judged alone prunes nothing
        return [partitions[row[0]] for row in sorted(kept)]


def _folder(location: str) -> str:
    return "/".join(split_uri(location)).rstrip("/") + "/"


def _value(text: str | None) -> str:
    return "NULL" if text in (None, _HIVE_NULL) else str(exp.Literal.string(text).sql("duckdb"))


def _empty(table: TableInfo) -> str:
    columns = ", ".join(
        f'CAST(NULL AS {duckdb_type(column.type)}) AS "{column.name}"'
        for column in table.all_columns
    )
    return f"SELECT {columns} WHERE false"


def _partition_columns(table: TableInfo, need: Need, files: list[_File]) -> list[str]:
    """Partition keys as constants looked up by file."""
    columns = []
    for index, key in enumerate(table.partition_keys):
        if need.columns is not None and key.name not in need.columns:
            continue
        lookup = ", ".join(
            f"{_value(str(file.path))}: {_value(file.partition.values[index])}"
            for file in files
            if file.partition
        )
        columns.append(
            f'CAST(MAP {{{lookup}}}["__file"] AS {duckdb_type(key.type)}) AS "{key.name}"'
        )
    return columns


def _paths(files: list[_File]) -> str:
    return "[" + ", ".join(_value(str(file.path)) for file in files) + "]"


_schemas: dict[Path, tuple[tuple[str, str], ...]] = {}
_schemas_lock = threading.Lock()


def _schema(file: _File) -> tuple[tuple[str, str], ...]:
    """Return (name, type) of a Parquet file's columns; a path's content never changes."""
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


def _read_parquet(table: TableInfo, need: Need, files: list[_File]) -> str:
    groups: dict[tuple[tuple[str, str], ...], list[_File]] = {}
    for file in files:
        groups.setdefault(_schema(file), []).append(file)
    return " UNION ALL ".join(
        _read_alike(table, need, members, {name.lower(): (name, kind) for name, kind in schema})
        for schema, members in groups.items()
    )


def _read_alike(
    table: TableInfo, need: Need, files: list[_File], stored: dict[str, tuple[str, str]]
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
    return (
        f"SELECT {select} FROM read_parquet({_paths(files)}, "  # noqa: S608 - literals are quoted
        "filename = '__file', hive_partitioning = false)"
    )


def _read_text(table: TableInfo, files: list[_File], source: str) -> str:
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
    pairs = ", ".join(f"{_value(column.name)}: 'VARCHAR'" for column in table.columns)
    return f"{{{pairs}}}"


def _read_csv(table: TableInfo, _: Need, files: list[_File]) -> str:
    serde = table.serde_parameters
    delimiter = serde.get("field.delim") or serde.get("separatorChar") or ","
    skip = int(table.parameters.get("skip.header.line.count", "0"))
    quote = serde.get("quoteChar", '"' if "separatorChar" in serde else "")
    source = (
        f"read_csv({_paths(files)}, columns = {_text_columns(table)}, header = false, "
        f"skip = {skip}, delim = {_value(delimiter)}, quote = {_value(quote)}, escape = '', "
        "nullstr = '\\N', auto_detect = false, null_padding = true, filename = '__file', "
        "hive_partitioning = false)"
    )
    return _read_text(table, files, source)


def _read_json(table: TableInfo, _: Need, files: list[_File]) -> str:
    pairs = ", ".join(
        f"{_value(column.name)}: {_value(duckdb_type(column.type))}" for column in table.columns
    )
    source = (
        f"read_json({_paths(files)}, columns = {{{pairs}}}, format = 'newline_delimited', "
        "filename = '__file', hive_partitioning = false)"
    )
    columns = [f'"{column.name}"' for column in table.columns]
    columns += _partition_columns(table, Need(None), files)
    return f"SELECT {', '.join(columns)} FROM {source}"  # noqa: S608 - literals are quoted


_READERS = {"parquet": _read_parquet, "csv": _read_csv, "json": _read_json}
