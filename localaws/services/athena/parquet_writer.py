"""Rows into Parquet files in S3, in Hive-named folders. What Glue is told is writes.py's."""

from __future__ import annotations

import re
import shutil
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from botocore.exceptions import ClientError
from sqlglot import exp

from localaws.services.athena.catalog import Column, Partition
from localaws.services.athena.failures import QueryFailedError
from localaws.services.athena.objects import S3Object, split_uri
from localaws.services.athena.types import duckdb_type

if TYPE_CHECKING:
    from pathlib import Path

    from localaws.services.athena.session import Session

_MAXIMUM_PARTITIONS = 100
#: What Hive escapes in the name of a partition's folder (FileUtils.escapePathName); not a space.
_ESCAPED = re.compile(r"[\x01-\x1f\x7f\"#%'*/:=?\\{\[\]^]")


@dataclass(slots=True)
class Written:
    """What a writing statement did.

    Attributes:
        rows: How many rows it wrote.
        files: URIs of the new objects.
        location: Where they lie.
    """

    rows: int = 0
    files: list[str] = field(default_factory=list)
    location: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go: columns, and partition keys after them."""

    location: str
    columns: list[Column]
    partition_keys: list[Column]
    compression: str = "gzip"


def write(
    session: Session, sql: str, target: Target, *, no_data: bool = False
) -> tuple[Written, list[Partition]]:
    """Run a query into Parquet files, upload them, and say which partitions they make.

    Raises:
        QueryFailedError: There are more than 100 partitions, or S3 refuses.
    """
    folder = session.scratch()
    try:
        rows = 0 if no_data else _copy(session, sql, target, folder)
        files = sorted(path for path in folder.rglob("*.parquet") if rows)
        folders = {path.parent for path in files}
        if len(folders) > _MAXIMUM_PARTITIONS:
            raise QueryFailedError(
                "HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers for "
                f"partitions/buckets, as these rows make {len(folders)}"
            )
        written = Written(rows, [], target.location)
        for path in files:
            written.files.append(_upload(session, path, path.parent.relative_to(folder), target))
        partitions = [
            Partition(_values(item, folder), _partition_location(target, item, folder))
            for item in sorted(folders)
        ]
        return written, partitions if target.partition_keys else []
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(session: Session, sql: str, target: Target, folder: Path) -> int:
    columns = ", ".join(
        f'CAST("{column.name}" AS {duckdb_type(column.type)}) AS "{column.name}"'
        for column in target.columns + target.partition_keys
    )
    names = ", ".join(f'"{column.name}"' for column in target.columns + target.partition_keys)
    codec = "uncompressed" if target.compression == "none" else target.compression
    options = f"FORMAT parquet, COMPRESSION {codec}"
    destination = str(folder / "part.parquet")
    if target.partition_keys:
        keys = ", ".join(f'"{key.name}"' for key in target.partition_keys)
        options += f", PARTITION_BY ({keys}), WRITE_PARTITION_COLUMNS false, OVERWRITE_OR_IGNORE"
        destination = str(folder)
    literal = exp.Literal.string(destination).sql("duckdb")
    copied = session.execute(
        f"COPY (SELECT {columns} FROM ({sql}) AS q({names})) TO {literal} ({options})"  # noqa: S608
    )
    return int(copied.fetchone()[0])


def _upload(session: Session, path: Path, inside: Path, target: Target) -> str:
    bucket, prefix = split_uri(target.location)
    relative = "" if str(inside) == "." else f"{_hive_name(inside)}/"
    key = f"{prefix.rstrip('/')}/{relative}{session.query_id[:8]}_{uuid.uuid4()}"
    size = path.stat().st_size
    try:
        put = session.s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    except ClientError as error:
        raise QueryFailedError(
            f"HIVE_WRITER_CLOSE_ERROR: Cannot write s3://{bucket}/{key}: "
            f"{error.response['Error']['Code']}"
        ) from error
    session.cache.adopt(S3Object(bucket, key, put["ETag"].strip('"'), size), path)
    return f"s3://{bucket}/{key}"


def _values(path: Path, folder: Path) -> tuple[str, ...]:
    parts = path.relative_to(folder).parts
    return tuple(unquote(part.split("=", 1)[1]) for part in parts)


def _partition_location(target: Target, path: Path, folder: Path) -> str:
    return f"{target.location.rstrip('/')}/{_hive_name(path.relative_to(folder))}/"


def _hive_name(relative: Path) -> str:
    """Return the folder's name as Hive writes it; DuckDB has escaped more."""
    pairs = (part.partition("=") for part in relative.parts)
    return "/".join(
        f"{key}={_ESCAPED.sub(lambda sign: f'%{ord(sign[0]):02X}', unquote(value))}"
        for key, _, value in pairs
    )
