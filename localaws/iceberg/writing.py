"""Arrow rows into data files of a table, by partition. Committing them is the caller's."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING, Any

from pyiceberg.io.pyarrow import bin_pack_arrow_table, pyarrow_to_schema, write_file
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey
from pyiceberg.table import TableProperties, WriteTask

from localaws.iceberg.partitioning import values

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import DataFile
    from pyiceberg.table.metadata import TableMetadata


class TooManyPartitionsError(Exception):
    """Rows belong to more partitions than one statement may write.

    Attributes:
        partitions: How many they are.
    """

    def __init__(self, partitions: int) -> None:
        super().__init__(f"{partitions} partitions")
        self.partitions = partitions


def write(
    metadata: TableMetadata, files: FileIO, rows: pa.Table, most_partitions: int | None = None
) -> list[DataFile]:
    """Write rows, whose columns have the table's names, into new files in S3.

    Args:
        metadata: The table's; says columns, partitioning and place.
        files: How S3 is reached.
        rows: The rows.
        most_partitions: How many partitions the rows may belong to; None is any number.

    Raises:
        TooManyPartitionsError: They belong to more.
    """
    if not rows.num_rows:
        return []
    schema = pyarrow_to_schema(rows.schema, name_mapping=metadata.schema().name_mapping)
    write_id, numbers = uuid.uuid4(), itertools.count()
    tasks = (
        WriteTask(
            write_uuid=write_id,
            task_id=next(numbers),
            schema=schema,
            record_batches=batches,
            partition_key=key,
        )
        for key, part in _partitions(metadata, rows, most_partitions)
        for batches in bin_pack_arrow_table(part, _target(metadata))
    )
    return list(write_file(io=files, table_metadata=metadata, tasks=tasks))


def _target(metadata: TableMetadata) -> int:
    default = TableProperties.WRITE_TARGET_FILE_SIZE_BYTES_DEFAULT
    return int(metadata.properties.get(TableProperties.WRITE_TARGET_FILE_SIZE_BYTES, default))


def _partitions(
    metadata: TableMetadata, rows: pa.Table, most: int | None
) -> Iterator[tuple[PartitionKey | None, pa.Table]]:
    """Sort rows by partition, so that each partition is one slice."""
    spec = metadata.spec()
    if spec.is_unpartitioned():
        yield None, rows
        return
    names = [f"__partition_{index}" for index in range(len(spec.fields))]
    kept = rows.column_names
    for field, name in zip(spec.fields, names, strict=True):
        source = metadata.schema().find_field(field.source_id)
        column = values(rows[source.name], field.transform, source.field_type)
        rows = rows.append_column(name, column)
    order = [(name, "ascending") for name in names]
    keys = rows.select(names).group_by(names).aggregate([([], "count_all")]).sort_by(order)
    if most is not None and keys.num_rows > most:
        raise TooManyPartitionsError(keys.num_rows)
    rows, start = rows.sort_by(order).select(kept), 0
    for key in keys.to_pylist():
        yield _key(metadata, [key[name] for name in names]), rows.slice(start, key["count_all"])
        start += key["count_all"]


def _key(metadata: TableMetadata, found: list[Any]) -> PartitionKey:
    pairs = zip(metadata.spec().fields, found, strict=True)
    return PartitionKey(
        field_values=[PartitionFieldValue(field=field, value=value) for field, value in pairs],
        partition_spec=metadata.spec(), schema=metadata.schema(),
    )  # fmt: skip
