"""S3 as jobs and endpoints use it: whole prefixes and files, over AWS's API on loopback.

Which prefix goes where belongs to the callers.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from pathlib import Path

_PARALLEL = 8
_SCHEME = "s3://"
_NO_SUCH = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


class ObjectError(Exception):
    """What an S3 URI names is not there or cannot be read; the text is fit for a FailureReason."""


@dataclass(frozen=True, slots=True)
class Location:
    """Bucket and key of an S3 URI."""

    bucket: str
    key: str

    @classmethod
    def of(cls, uri: str) -> Location:
        """Take an ``s3://bucket/key`` apart.

        Raises:
            ObjectError: It is no such URI.
        """
        bucket, _, key = uri.removeprefix(_SCHEME).partition("/")
        if not uri.startswith(_SCHEME) or not bucket:
            raise ObjectError(f"{uri!r} is not an S3 URI (s3://bucket/key).")
        return cls(bucket, key)

    @property
    def uri(self) -> str:
        """The location as an URI."""
        return f"{_SCHEME}{self.bucket}/{self.key}"


class Objects:
    """Objects as one account sees them."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def exists(self, uri: str) -> bool:
        """Whether there is an object of exactly that key.

        Raises:
            ObjectError: It may not be known, or the bucket cannot be asked.
        """
        place = Location.of(uri)
        try:
            self._client.head_object(Bucket=place.bucket, Key=place.key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _NO_SUCH:
                return False
            raise ObjectError(f"{uri} cannot be read: {error}") from error
        return True

    def read(self, uri: str) -> bytes:
        """Return an object's body.

        Raises:
            ObjectError: There is no such object.
        """
        place = Location.of(uri)
        try:
            response = self._client.get_object(Bucket=place.bucket, Key=place.key)
        except ClientError as error:
            raise ObjectError(f"{uri} cannot be read: {error}") from error
        body: bytes = response["Body"].read()
        return body

    def download(self, uri: str, folder: Path) -> int:
        """Download the object, or all objects below the prefix, into ``folder``; return how many.

        Raises:
            ObjectError: Nothing is there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        place = Location.of(uri)
        if place.key and not place.key.endswith("/") and self.exists(uri):
            self.download_file(uri, folder / place.key.rpartition("/")[2])
            return 1
        return self._download_prefix(place, folder)

    def download_file(self, uri: str, path: Path) -> None:
        """Download one object to a file.

        Raises:
            ObjectError: There is no such object.
        """
        place = Location.of(uri)
        try:
            body = self._client.get_object(Bucket=place.bucket, Key=place.key)["Body"]
        except ClientError as error:
            raise ObjectError(f"{uri} cannot be read: {error}") from error
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with body, path.open("wb") as file:
                shutil.copyfileobj(body, file, 1 << 20)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise ObjectError(f"{uri} is file and folder at once: {error.strerror}") from error

    def upload_folder(self, folder: Path, uri: str, *, kms_key: str | None = None) -> int:
        """Upload the regular files below a folder, links not followed; return how many."""
        files = sorted(
            path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
        )
        base = uri.rstrip("/")
        self._in_parallel(
            [(path, f"{base}/{path.relative_to(folder).as_posix()}", kms_key) for path in files],
            self.upload_file,
        )
        return len(files)

    def upload_file(self, path: Path, uri: str, kms_key: str | None = None) -> None:
        """Upload one file.

        Raises:
            ObjectError: The bucket is not there or may not be written to.
        """
        place = Location.of(uri)
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        try:
            with path.open("rb") as body:
                self._client.put_object(Bucket=place.bucket, Key=place.key, Body=body, **encryption)
        except ClientError as error:
            raise ObjectError(f"{uri} cannot be written: {error}") from error

    def _download_prefix(self, place: Location, folder: Path) -> int:
        prefix = f"{place.key.rstrip('/')}/" if place.key.strip("/") else ""
        transfers = []
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=place.bucket, Prefix=prefix
            )
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        except ClientError as error:
            raise ObjectError(f"{place.uri} cannot be listed: {error}") from error
        for key in keys:
            relative = key[len(prefix) :]
            if relative and not relative.endswith("/"):
                transfers.append((Location(place.bucket, key).uri, _below(folder, relative)))
        if not transfers:
            raise ObjectError(f"No S3 objects found under S3 URL {place.uri!r}.")
        self._in_parallel(transfers, self.download_file)
        return len(transfers)

    def _in_parallel(self, arguments: list[Any], action: Any) -> None:
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="s3") as pool:
            for future in [pool.submit(action, *each) for each in arguments]:
                future.result()


def _below(folder: Path, relative: str) -> Path:
    # A key may be any text; it must not become a way out of the job's folder.
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ObjectError(f"The key {relative!r} does not make a file name below the input folder.")
    return path
