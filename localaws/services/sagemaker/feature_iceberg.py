"""The offline store as an Iceberg table: made, given columns, appended to. Records are not known.

A day of event time is a partition, by the first ten characters of the event time, which hence is a
String: https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-create-feature-group.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.services.sagemaker.feature_tables import APPENDED, GLUE_TYPES

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.table import Table

    from localaws.core.provider import Document

_FLUSH = "sagemaker-feature-store.flush"
_DAY = "truncate[10]"
_PARTITION_ID = 1000
_APPENDED = APPENDED[:3]  # no hour: it is a partition key of Glue tables only


class OfflineTableError(Exception):
    """Rows cannot be appended; the text is fit for a BlockedReason."""


def in_iceberg(group: Document) -> bool:
    """Tell whether a group's offline store is an Iceberg table."""
    return bool(group.get("OfflineStoreConfig", {}).get("TableFormat") == "Iceberg")


def create_table(glue: Any, s3: Any, group: Document) -> None:
    """Make the Iceberg table, if it is not there already."""
    from pyiceberg.exceptions import TableAlreadyExistsError
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import parse_transform

    from localaws.iceberg.types import schema_of

    schema = Schema(*schema_of([*_features(group["FeatureDefinitions"]), *_APPENDED]).fields)
    event_time = group["EventTimeFeatureName"]
    day = PartitionField(
        schema.find_field(event_time.lower()).field_id, _PARTITION_ID, parse_transform(_DAY),
        f"{event_time}_trunc",
    )  # fmt: skip
    resolved = group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    try:
        _catalog(glue, s3, group).create_table(
            _name(group), schema, resolved.removesuffix("/data"), PartitionSpec(day),
            properties={
                "write.format.default": "parquet", "write.object-storage.enabled": "true",
                "write.parquet.compression-codec": "snappy",
            },
        )  # fmt: skip
    except TableAlreadyExistsError:
        return


def add_columns(glue: Any, s3: Any, group: Document, additions: list[Document]) -> None:
    """Add features' columns, before the columns that the store itself appends."""
    from localaws.iceberg.types import type_of

    table = _catalog(glue, s3, group).load_table(_name(group))
    known = {field.name for field in table.schema().fields}
    with table.update_schema() as change:
        for name, kind in _features(additions):
            if name not in known:
                change.add_column(name, type_of(kind))
                change.move_before(name, _APPENDED[0][0])


def append(glue: Any, s3: Any, group: Document, flush: str, rows: pa.Table) -> None:
    """Append rows in one commit; a flush that is in the table already is not appended again.

    Raises:
        OfflineTableError: The table is gone, lacks a feature's column, or cannot be committed to.
    """
    from pyiceberg import exceptions

    try:
        table = _catalog(glue, s3, group).load_table(_name(group))
        if not _has(table, flush):
            _commit(table, flush, rows)
    except (exceptions.NoSuchTableError, exceptions.NoSuchIcebergTableError,
            exceptions.NoSuchPropertyException, exceptions.CommitFailedException,
            FileNotFoundError) as error:  # fmt: skip
        raise OfflineTableError(f"{type(error).__name__}: {error}") from error


def _has(table: Table, flush: str) -> bool:
    summaries = (snapshot.summary for snapshot in table.snapshots())
    return any(summary is not None and summary.get(_FLUSH) == flush for summary in summaries)


def _commit(table: Table, flush: str, rows: pa.Table) -> None:
    from localaws.iceberg.writing import write

    rows = rows.drop_columns("hour")
    missing = set(rows.column_names) - {field.name for field in table.schema().fields}
    if missing:
        raise OfflineTableError(f"The table {table.name()} has no column {', '.join(missing)}")
    files = write(table.metadata, table.io, rows)
    with table.transaction() as change:
        producer = change.update_snapshot(snapshot_properties={_FLUSH: flush}).fast_append()
        with producer as snapshot:
            for file in files:
                snapshot.append_data_file(file)


def _features(definitions: list[Document]) -> list[tuple[str, str]]:
    return [(item["FeatureName"].lower(), GLUE_TYPES[item["FeatureType"]]) for item in definitions]


def _name(group: Document) -> tuple[str, str]:
    catalog = group["OfflineStoreConfig"]["DataCatalogConfig"]
    return catalog["Database"], catalog["TableName"]


def _catalog(glue: Any, s3: Any, group: Document) -> Any:
    from localaws.iceberg.catalog import Catalog
    from localaws.iceberg.file_io import S3FileIO

    return Catalog(glue, S3FileIO(s3, put_arguments=encryption(group)))


def encryption(group: Document) -> dict[str, str]:
    """Return the arguments of PutObject that encrypt as the group says."""
    key = group["OfflineStoreConfig"]["S3StorageConfig"].get("KmsKeyId")
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
