"""S3 objects as local files: listing, and a cache whose key is the ETag. No SQL, no Glue here."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from localaws.services.athena.failures import QueryFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: Raises QueryFailedError if whoever asks may not read an object (bucket, key).
MayRead = Callable[[str, str], None]

_CACHE_LIMIT = 2 * 1024**3
_HIDDEN = ("_", ".")
_FEW = 16


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object as a listing shows it."""

    bucket: str
    key: str
    etag: str
    size: int

    @property
    def uri(self) -> str:
        """Return the s3:// address."""
        return f"s3://{self.bucket}/{self.key}"


def split_uri(uri: str) -> tuple[str, str]:
    """Split ``s3://bucket/key``.

    Raises:
        QueryFailedError: It is no S3 address.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in {"s3", "s3a", "s3n"} or not bucket:
        raise QueryFailedError(f"HIVE_METASTORE_ERROR: '{uri}' is not an S3 location")
    return bucket, key


class ObjectCache:
    """Local copies of S3 objects. An object is copied once for each content it ever had."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._copiers = ThreadPoolExecutor(4, thread_name_prefix="athena-copy")
        self._forget_oldest()

    def list(self, client: Any, location: str) -> list[S3Object]:
        """Return the data files below a location; Hive's hidden files are left out.

        Raises:
            QueryFailedError: The bucket does not exist.
        """
        bucket, prefix = split_uri(location)
        prefix = prefix.rstrip("/") + "/" if prefix else ""
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        try:
            return [
                S3Object(bucket, item["Key"], item["ETag"].strip('"'), item["Size"])
                for page in pages
                for item in page.get("Contents", [])
                if item["Size"] and not item["Key"].rsplit("/", 1)[-1].startswith(_HIDDEN)
            ]
        except ClientError as error:
            raise QueryFailedError(
                f"HIVE_UNKNOWN_ERROR: Cannot list {location}: {error.response['Error']['Code']}"
            ) from error

    def look_up(self, client: Any, uris: Iterable[str], location: str) -> dict[str, S3Object]:
        """Return each address's object as it is now; for tables that know their files by name.

        Args:
            client: S3 in the caller's name.
            uris: The addresses.
            location: Where most of many will lie: one listing tells as much as many a look.

        Raises:
            QueryFailedError: One of them is gone.
        """
        addresses = list(uris)
        listed = self._listed(client, location) if len(addresses) > _FEW else {}
        found = self._copiers.map(
            lambda uri: listed.get(split_uri(uri)) or _head(client, uri), addresses
        )
        return dict(zip(addresses, found, strict=True))

    def _listed(self, client: Any, location: str) -> dict[tuple[str, str], S3Object]:
        try:
            return {(item.bucket, item.key): item for item in self.list(client, location)}
        except QueryFailedError:
            return {}  # who may not list a bucket may still read the files

    def paths(
        self, client: Any, objects: Iterable[S3Object], may_read: MayRead
    ) -> dict[S3Object, Path]:
        """Return a local file for each object, copying those not here yet.

        Raises:
            QueryFailedError: One of them may not be read, be it here or not.
        """
        found = {item: self._path(item) for item in objects}
        for item in found:
            may_read(item.bucket, item.key)
        missing = [item for item, path in found.items() if not path.exists()]
        list(self._copiers.map(lambda item: self._copy(client, item), missing))
        return found

    def adopt(self, item: S3Object, source: Path) -> None:
        """Keep a file that was just uploaded as the object, so it need not be copied back."""
        target = self._path(item)
        target.parent.mkdir(exist_ok=True)
        source.replace(target)

    def close(self) -> None:
        """Stop the copying threads."""
        self._copiers.shutdown(wait=False, cancel_futures=True)

    def _path(self, item: S3Object) -> Path:
        identity = f"{item.uri} {item.etag} {item.size}"
        name = hashlib.sha256(identity.encode()).hexdigest()[:40]
        suffix = "".join(part for part in (".gz",) if item.key.endswith(part))
        return self._folder / name[:2] / f"{name}{suffix}"

    def _copy(self, client: Any, item: S3Object) -> None:
        target = self._path(item)
        target.parent.mkdir(exist_ok=True)
        partial = target.with_name(f"{target.name}.{threading.get_ident()}")
        with partial.open("wb") as copy:
            shutil.copyfileobj(client.get_object(Bucket=item.bucket, Key=item.key)["Body"], copy)
        partial.replace(target)

    def _forget_oldest(self) -> None:
        files = sorted(
            ((path.stat(), path) for path in self._folder.rglob("*") if path.is_file()),
            key=lambda found: found[0].st_atime,
        )
        excess = sum(stat.st_size for stat, _ in files) - _CACHE_LIMIT
        for stat, path in files:
            if excess <= 0:
                return
            path.unlink()
            excess -= stat.st_size


def _head(client: Any, uri: str) -> S3Object:
    bucket, key = split_uri(uri)
    try:
        found = client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise QueryFailedError(
            f"ICEBERG_CANNOT_OPEN_SPLIT: Error opening Iceberg split {uri}: "
            f"{error.response['Error']['Code']}"
        ) from error
    return S3Object(bucket, key, found["ETag"].strip('"'), found["ContentLength"])
