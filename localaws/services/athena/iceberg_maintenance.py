"""VACUUM: old snapshots forgotten, and the files deleted that nothing refers to any more.

https://docs.aws.amazon.com/athena/latest/ug/vacuum-statement.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from localaws.services.athena.iceberg_failures import explained
from localaws.services.athena.objects import split_uri

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyiceberg.table import Table

    from localaws.services.athena.catalog import TableInfo
    from localaws.services.athena.session import Session

_AGE = "vacuum_max_snapshot_age_seconds", 432_000
_KEPT = "vacuum_min_snapshots_to_keep", 1
_DELETED_AT_ONCE = 1000


def vacuum(session: Session, info: TableInfo) -> None:
    """Perform VACUUM.

    Raises:
        QueryFailedError: Others changed the table meanwhile, or its metadata cannot be read.
    """
    table = session.iceberg.table(info)
    age, kept = (int(table.properties.get(name, default)) for name, default in (_AGE, _KEPT))
    before = datetime.now(UTC) - timedelta(seconds=age)
    with explained(info.database, info.name):
        old = _expired(table, before, kept)
        if old:
            table.maintenance.expire_snapshots().by_ids(old).commit()
        table = session.iceberg.catalog.load_table((info.database, info.name))
        _delete_unreachable(session, table, before)


def _expired(table: Table, before: datetime, kept: int) -> list[int]:
    referred = {reference.snapshot_id for reference in table.refs().values()}
    newest_first = sorted(table.snapshots(), key=lambda snapshot: -snapshot.timestamp_ms)
    return [
        snapshot.snapshot_id
        for snapshot in newest_first[kept:]
        if snapshot.timestamp_ms < before.timestamp() * 1000
        and snapshot.snapshot_id not in referred
    ]


def _delete_unreachable(session: Session, table: Table, before: datetime) -> None:
    bucket, prefix = split_uri(table.location())
    reachable = {"/".join(split_uri(uri)) for uri in _reachable(table)}
    pages = session.s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=f"{prefix.rstrip('/')}/"
    )
    keys = [
        {"Key": item["Key"]}
        for page in pages
        for item in page.get("Contents", [])
        if f"{bucket}/{item['Key']}" not in reachable and item["LastModified"] < before
    ]
    for start in range(0, len(keys), _DELETED_AT_ONCE):
        objects = keys[start : start + _DELETED_AT_ONCE]
        try:
            session.s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        except ClientError as error:
            # "If the permission is not present, the VACUUM query will succeed, but the files will
            # not be deleted."
            if error.response["Error"]["Code"] != "AccessDenied":
                raise


def _reachable(table: Table) -> Iterator[str]:
    """Yield all files that the table's metadata or one of its snapshots refers to."""
    yield table.metadata_location
    yield from (entry.metadata_file for entry in table.metadata.metadata_log)
    for snapshot in table.snapshots():
        yield snapshot.manifest_list
        for manifest in snapshot.manifests(table.io):
            yield manifest.manifest_path
            entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
            yield from (entry.data_file.file_path for entry in entries)
