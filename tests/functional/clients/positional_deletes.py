"""Deletes by position, as Athena, Spark and Trino commit them. pyiceberg reads but writes none."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestWriterV2,
)
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles
from pyiceberg.typedef import Record

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestWriter
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.table import Table

_SCHEMA = pa.schema(
    [
        pa.field("file_path", pa.string(), metadata={"PARQUET:field_id": "2147483546"}),
        pa.field("pos", pa.int64(), metadata={"PARQUET:field_id": "2147483545"}),
    ]
)


class _DeleteManifest(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class _AppendDeletes(_FastAppendFiles):
    def new_manifest_writer(self, spec: PartitionSpec) -> ManifestWriter:
        return _DeleteManifest(
            spec, self.schema(), self.new_manifest_output(), self._snapshot_id, self._compression
        )


def delete_rows(table: Table, positions: list[int]) -> None:
    """Commit that rows of the one data file of an unpartitioned table are deleted."""
    (task,) = table.scan().plan_files()
    where = f"{table.location()}/data/{uuid.uuid4()}-deletes.parquet"
    rows = pa.table([[task.file.file_path] * len(positions), positions], schema=_SCHEMA)
    with table.io.new_output(where).create() as stream:
        pq.write_table(rows, stream)
    deletes = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES, file_path=where, file_format=FileFormat.PARQUET,
        partition=Record(), record_count=len(positions), spec_id=table.spec().spec_id,
        file_size_in_bytes=len(table.io.new_input(where)),
    )  # fmt: skip
    with table.transaction() as change:
        producer = _AppendDeletes(operation=Operation.DELETE, transaction=change, io=table.io)
        with producer as snapshot:
            snapshot.append_data_file(deletes)
