"""Iceberg tables as one query sees them: loaded once, pinned to a snapshot.

Scans are iceberg_scan.py's, changes iceberg_writes.py's and iceberg_changes.py's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from localaws.services.athena.catalog import Column
from localaws.services.athena.failures import QueryFailedError, not_performed
from localaws.services.athena.iceberg_failures import explained
from localaws.services.athena.translation import to_duckdb

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import FileScanTask, Table

    from localaws.iceberg.catalog import Catalog
    from localaws.iceberg.file_io import S3FileIO
    from localaws.services.athena.catalog import TableInfo
    from localaws.services.athena.objects import MayRead

#: The view that a statement has of the table it changes, and its column that tells rows apart.
TARGET, ROW = "target", "$row"


@dataclass(frozen=True, slots=True)
class Pinned:
    """A table at one snapshot.

    Attributes:
        snapshot_id: None for a table without any.
        view: The metadata table that is wanted instead (``snapshots``), or empty.
        tasks: The files to read, if not all that the snapshot and the query's conditions leave.
    """

    table: Table
    schema: Schema
    snapshot_id: int | None
    view: str = ""
    tasks: tuple[FileScanTask, ...] | None = None


class IcebergTables:
    """The Iceberg tables of one query."""

    def __init__(self, glue: Any, s3: Any, may_read: MayRead, connection: Any) -> None:
        self._glue = glue
        self._s3 = s3
        self._may_read = may_read
        self._connection = connection
        self._loaded: dict[tuple[str, str], Table] = {}
        self._narrowed: dict[tuple[str, str], tuple[FileScanTask, ...]] = {}

    @cached_property
    def files(self) -> S3FileIO:
        """S3 as the caller may use it."""
        from localaws.iceberg.file_io import S3FileIO

        return S3FileIO(self._s3, self._may_read)

    @cached_property
    def catalog(self) -> Catalog:
        """The catalogue, with the caller's Glue and S3."""
        from localaws.iceberg.catalog import Catalog

        return Catalog(self._glue, self.files)

    def table(self, info: TableInfo) -> Table:
        """Return a table; the same however often the query names it.

        Raises:
            QueryFailedError: Its metadata cannot be read.
        """
        key = (info.database, info.name)
        if key not in self._loaded:
            with explained(*key):
                self._loaded[key] = self.catalog.load_table(key)
        return self._loaded[key]

    def pinned(
        self, info: TableInfo, version: exp.Expression | None = None, view: str = ""
    ) -> TableInfo:
        """Return a table with the columns and the snapshot it has now, or had then.

        Args:
            info: The table as Glue has it.
            version: ``FOR TIMESTAMP AS OF``, ``FOR VERSION AS OF``, or None for now.
            view: A metadata table's name, without the ``$``.

        Raises:
            QueryFailedError: There is no such version.
        """
        table = self.table(info)
        current = table.current_snapshot()
        snapshot_id = current.snapshot_id if current else None
        schema = table.schema()
        if version is not None:
            snapshot_id = self._version(table, version)
            found = table.snapshot_by_id(snapshot_id)
            if found is None:
                raise QueryFailedError(
                    f"INVALID_ARGUMENTS: Iceberg snapshot ID does not exists: {snapshot_id}"
                )
            if found.schema_id is not None:
                schema = table.schemas()[found.schema_id]
        tasks = self._narrowed.get((info.database, info.name)) if view == TARGET else None
        return _described(info, Pinned(table, schema, snapshot_id, view, tasks))

    def narrow(self, info: TableInfo, tasks: list[FileScanTask]) -> None:
        """Let the table's TARGET, which a statement changes, be these files only."""
        self._narrowed[info.database, info.name] = tuple(tasks)

    def _version(self, table: Table, version: exp.Expression) -> int:
        wanted = version.expression
        if str(version.this) != "TIMESTAMP":
            return _snapshot_named(table, wanted)
        moment = self._connection.execute(
            f"SELECT epoch_ms(CAST({to_duckdb(wanted)} AS TIMESTAMPTZ))"
        ).fetchall()[0][0]
        found = table.snapshot_as_of_timestamp(moment)
        if found is None:
            raise QueryFailedError(
                f"INVALID_ARGUMENTS: No version history table {'.'.join(table.name())} at or "
                f"before {wanted.sql('trino')}"
            )
        return found.snapshot_id


def _snapshot_named(table: Table, wanted: exp.Expression) -> int:
    if isinstance(wanted, exp.Literal) and not wanted.is_string and wanted.name.isdecimal():
        return int(wanted.name)
    reference = table.refs().get(wanted.name) if isinstance(wanted, exp.Literal) else None
    if reference is None:
        raise QueryFailedError(
            f"INVALID_ARGUMENTS: Cannot find snapshot with reference name: {wanted.name}"
        )
    return reference.snapshot_id


def _described(info: TableInfo, pinned: Pinned) -> TableInfo:
    if pinned.tasks is not None:
        shown = (*columns(pinned.schema), Column(ROW, "string"))
        return replace(
            info, name=f"{info.name}${TARGET}", columns=shown, partition_keys=(), iceberg=pinned
        )
    if pinned.view:
        from localaws.services.athena.iceberg_views import columns_of

        return replace(
            info, name=f"{info.name}${pinned.view}", columns=columns_of(pinned.view, pinned.table),
            partition_keys=(), iceberg=pinned,
        )  # fmt: skip
    return replace(info, columns=columns(pinned.schema), partition_keys=(), iceberg=pinned)


def columns(schema: Schema) -> tuple[Column, ...]:
    """Return a schema's columns as Athena types them.

    Raises:
        QueryFailedError: One is of a type that is not performed here.
    """
    from localaws.iceberg.types import hive_of

    try:
        return tuple(
            Column(field.name.lower(), hive_of(field.field_type)) for field in schema.fields
        )
    except ValueError as error:
        raise not_performed(str(error)) from error
