"""An Iceberg table as a DuckDB relation over local copies of its data files.

The snapshot says which files there are; its statistics and the query's conditions, which of them
are read. A column is found in a file by its field id, so that one which was renamed is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.services.athena.failures import QueryFailedError, not_performed
from localaws.services.athena.iceberg_failures import explained
from localaws.services.athena.iceberg_tables import ROW
from localaws.services.athena.objects import split_uri
from localaws.services.athena.readers import empty, literal
from localaws.services.athena.types import duckdb_type

if TYPE_CHECKING:
    from pathlib import Path

    from pyiceberg.manifest import DataFile
    from pyiceberg.table import FileScanTask
    from pyiceberg.types import NestedField

    from localaws.services.athena.catalog import TableInfo
    from localaws.services.athena.iceberg_tables import Pinned
    from localaws.services.athena.objects import MayRead, ObjectCache, S3Object
    from localaws.services.athena.readers import Need


def planned(info: TableInfo, need: Need) -> list[FileScanTask]:
    """Return the data files a query must read, each with its delete files.

    Raises:
        QueryFailedError: The table's metadata cannot be read, or it has files of other formats.
    """
    from pyiceberg.manifest import DataFileContent, FileFormat

    from localaws.services.athena.iceberg_filters import row_filter

    pinned: Pinned = info.iceberg
    if pinned.tasks is not None:
        return list(pinned.tasks)
    if pinned.snapshot_id is None:
        return []
    wanted = row_filter(need.conditions, pinned.schema, pinned.table.schema())
    scan = pinned.table.scan(row_filter=wanted, snapshot_id=pinned.snapshot_id)
    with explained(info.database, info.name):
        tasks = list(scan.plan_files())
    for file in (file for task in tasks for file in (task.file, *task.delete_files)):
        if file.content == DataFileContent.EQUALITY_DELETES:
            raise not_performed("Iceberg equality deletes")
        if file.file_format != FileFormat.PARQUET:
            raise not_performed(f"Iceberg files of format {file.file_format.value}")
    return tasks


class IcebergScanner:
    """Makes scans of Iceberg tables for one caller."""

    def __init__(self, s3: Any, may_read: MayRead, cache: ObjectCache) -> None:
        self._s3 = s3
        self._may_read = may_read
        self._cache = cache

    def scan(self, info: TableInfo, need: Need) -> tuple[str, int]:
        """Return the relation's SQL and the bytes of the files it reads.

        Raises:
            QueryFailedError: A file is gone, or may not be read.
        """
        tasks = planned(info, need)
        if not tasks:
            return empty(info), 0
        copies, size = self._copies(tasks, info.iceberg.table.location())
        groups: dict[tuple[Any, ...], list[FileScanTask]] = {}
        for task in tasks:
            path = copies[task.file.file_path]
            # Files with deletes are read one by one: a delete names the row of one file.
            alone = task.file.file_path if task.delete_files else ""
            constants = tuple(_constants(info.iceberg, task).items())
            groups.setdefault((_fields(path), constants, alone), []).append(task)
        sql = " UNION ALL ".join(
            _select(info, need, members, copies, dict(fields), dict(constants))
            for (fields, constants, _), members in groups.items()
        )
        return sql, size

    def _copies(self, tasks: list[FileScanTask], location: str) -> tuple[dict[str, Path], int]:
        files = {file.file_path: file for task in tasks for file in (task.file, *task.delete_files)}
        for uri in files:
            self._may_read(*split_uri(uri))
        objects: dict[str, S3Object] = self._cache.look_up(self._s3, files, location)
        paths = self._cache.paths(self._s3, objects.values(), may_read=lambda *_: None)  # judged
        return (
            {uri: paths[item] for uri, item in objects.items()},
            sum(item.size for item in objects.values()),
        )


_known_fields: dict[Path, tuple[tuple[Any, str], ...]] = {}


def _fields(path: Path) -> tuple[tuple[Any, str], ...]:
    """Return (field id, name) of a file's columns; (name, name) where it has no ids."""
    import pyarrow.parquet as pq

    found = _known_fields.get(path)  # a path's content never changes
    if found is None:
        try:
            schema = pq.read_schema(path)
        except (OSError, ValueError) as error:
            raise QueryFailedError(
                f"ICEBERG_CANNOT_OPEN_SPLIT: Error opening Iceberg split: {error}"
            ) from error
        found = tuple(
            (int(item.metadata[b"PARQUET:field_id"]), item.name)
            if item.metadata and b"PARQUET:field_id" in item.metadata
            else (item.name.lower(), item.name)
            for item in schema
        )
        _known_fields[path] = found
    return found


def _constants(pinned: Pinned, task: FileScanTask) -> dict[int, Any]:
    """Values that partitioning by the column itself gives a file that lacks the column."""
    from pyiceberg.transforms import IdentityTransform

    spec = pinned.table.specs()[task.file.spec_id]
    return {
        field.source_id: task.file.partition[index]
        for index, field in enumerate(spec.fields)
        if isinstance(field.transform, IdentityTransform)
    }


def _select(
    info: TableInfo, need: Need, tasks: list[FileScanTask], copies: dict[str, Path],
    fields: dict[Any, str], constants: dict[int, Any],
) -> str:  # fmt: skip
    wanted = [
        (column, field)
        for column, field in zip(info.columns, info.iceberg.schema.fields, strict=False)
        if need.columns is None or column.name in need.columns
    ]
    columns = [
        f"CAST({_source(info, field, fields, constants)} AS {duckdb_type(column.type)}) "
        f'AS "{column.name}"'
        for column, field in wanted
    ]
    if info.columns[-1].name == ROW:
        columns.append(f'"__file" || file_row_number AS "{ROW}"')
    select = ", ".join(columns) or '1 AS "__none"'
    paths = ", ".join(literal(str(copies[task.file.file_path])) for task in tasks)
    sql = (
        f"SELECT {select} FROM read_parquet([{paths}], "  # noqa: S608 - quoted throughout
        "file_row_number = true, filename = '__file', hive_partitioning = false)"
    )
    return sql + _without_deleted(tasks[0].file, tasks[0].delete_files, copies)


def _source(
    info: TableInfo, field: NestedField, fields: dict[Any, str], constants: dict[int, Any]
) -> str:
    names = [field.name.lower()]
    if mapping := info.iceberg.table.name_mapping():
        names += [
            name.lower()
            for mapped in mapping
            if mapped.field_id == field.field_id
            for name in mapped.names
        ]
    found = fields.get(field.field_id) or next(
        (fields[name] for name in names if name in fields), None
    )
    if found is not None:
        return '"' + found.replace('"', '""') + '"'
    value = constants.get(field.field_id)
    return "NULL" if value is None else literal(str(value))


def _without_deleted(file: DataFile, deletes: set[DataFile], copies: dict[str, Path]) -> str:
    if not deletes:
        return ""
    paths = ", ".join(literal(str(copies[item.file_path])) for item in deletes)
    return (
        f" WHERE file_row_number NOT IN (SELECT pos FROM read_parquet([{paths}]) "  # noqa: S608 - quoted
        f"WHERE file_path = {literal(file.file_path)})"
    )
