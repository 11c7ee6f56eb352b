"""A Glue table as a DuckDB relation over local copies of its files.

Partitions count only if Glue has them registered, and are skipped when the query's own conditions
on partition keys exclude them. The bytes scanned are those of whole files: Athena, which reads
single Parquet columns, would bill less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from localaws.services.athena.failures import not_performed
from localaws.services.athena.iceberg_scan import IcebergScanner
from localaws.services.athena.objects import split_uri
from localaws.services.athena.readers import READERS, DataFile, empty, literal
from localaws.services.athena.types import duckdb_type

if TYPE_CHECKING:
    from localaws.services.athena.catalog import GlueCatalog, Partition, TableInfo
    from localaws.services.athena.objects import MayRead, ObjectCache, S3Object
    from localaws.services.athena.readers import Need


@dataclass(frozen=True, slots=True)
class Scan:
    """A relation and what reading it costs."""

    sql: str
    data_bytes: int


class Scanner:
    """Makes scans for one account."""

    def __init__(
        self, catalog: GlueCatalog, s3: Any, may_read: MayRead, cache: ObjectCache, connection: Any
    ) -> None:
        self._may_read = may_read
        self._catalog = catalog
        self._s3 = s3
        self._cache = cache
        self._connection = connection

    def scan(self, table: TableInfo, need: Need) -> Scan:
        """Return the relation of a table.

        Raises:
            QueryFailedError: Its files cannot be read as the catalogue describes them.
        """
        if table.iceberg is not None:
            return self._scan_iceberg(table, need)
        if table.file_format not in READERS:
            raise not_performed(f"tables of format {table.file_format}")
        files = self._files(table, need)
        size = sum(file.source.size for file in files)
        if not files:
            return Scan(empty(table), 0)
        return Scan(READERS[table.file_format](table, need, files), size)

    def _scan_iceberg(self, table: TableInfo, need: Need) -> Scan:
        if table.iceberg.view and table.iceberg.tasks is None:
            from localaws.services.athena.iceberg_views import registered

            return Scan(registered(table, self._connection), 0)
        return Scan(*IcebergScanner(self._s3, self._may_read, self._cache).scan(table, need))

    def _files(self, table: TableInfo, need: Need) -> list[DataFile]:
        if not table.partition_keys:
            objects = self._cache.list(self._s3, table.location)
            paths = self._cache.paths(self._s3, objects, self._may_read)
            return [DataFile(paths[item], item, None) for item in objects]
        kept = self._prune(table, self._catalog.partitions(table), need)
        placed = self._objects_by_partition(table, kept)
        objects = [item for item, _ in placed]
        paths = self._cache.paths(self._s3, objects, self._may_read)
        return [DataFile(paths[item], item, partition) for item, partition in placed]

    def _objects_by_partition(
        self, table: TableInfo, partitions: list[Partition]
    ) -> list[tuple[S3Object, Partition]]:
        """List once below the table's location; only partitions elsewhere are listed singly."""
        root = _folder(table.location)
        inside = {_folder(item.location): item for item in partitions}
        placed = []
        if any(folder.startswith(root) for folder in inside):
            for item in self._cache.list(self._s3, table.location):
                partition = _holder(f"{item.bucket}/{item.key}", root, inside)
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
            f"({index}, {', '.join(literal(value) for value in partition.values)})"
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


def _holder(path: str, root: str, folders: dict[str, Partition]) -> Partition | None:
    """Return the partition in whose folder, or below it, an object lies."""
    folder = path.rsplit("/", 1)[0] + "/"
    while folder.startswith(root):
        if folder in folders:
            return folders[folder]
        folder = folder.rstrip("/").rpartition("/")[0] + "/"
    return None
