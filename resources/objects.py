"""Objects in S3: whole bodies by key, written once where their name is their content.

Which keys exist and what they mean does not belong here (names.py, and the callers).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from resources.errors import Missing, Terminal, call, find

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

_CHUNK = 1 << 20
_DELETE_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """One object as S3 lists it."""

    key: str
    size: int
    etag: str
    modified_at: datetime


def parse_s3_uri(uri: str) -> tuple[str, str]:
    """Return (bucket, key) of ``s3://bucket/key``.

    Raises:
        Terminal: It is not such a URI.
    """
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise Terminal(f"{uri!r} is no S3 URI; expected s3://bucket/key.")
    return parts.netloc, parts.path.removeprefix("/")


class Objects:
    """One bucket.

    Args:
        client: An S3 client of an account that may use the bucket.
        bucket: The bucket's name.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def uri(self, key: str) -> str:
        """Return ``s3://bucket/key``."""
        return f"s3://{self.bucket}/{key}"

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Write an object unless one is there; say whether it was written.

        One of any number of concurrent writers wins; nobody overwrites.
        """
        try:
            call(self._client.put_object, Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*")
        except Terminal as error:
            if error.code not in {"PreconditionFailed", "412"}:
                raise
            return False
        return True

    def put_all(self, objects: Sequence[tuple[str, bytes]]) -> bool:
        """Write objects named by content, unless the last is there: then all are. Say whether."""
        if self.exists(objects[-1][0]):
            return False
        for key, body in objects:
            self.put_if_absent(key, body)
        return True

    def put(self, key: str, body: bytes) -> None:
        """Write an object, replacing any."""
        call(self._client.put_object, Bucket=self.bucket, Key=key, Body=body)

    def put_json(self, key: str, document: Any) -> None:
        """Write a document as canonical JSON (sorted keys, no NaN), replacing any."""
        self.put(key, json.dumps(document, sort_keys=True, allow_nan=False).encode())

    def get(self, key: str) -> bytes:
        """Return an object's body.

        Raises:
            Missing: There is no such object; the message names it.
        """
        return b"".join(self._chunks(self.bucket, key))

    def get_json(self, key: str) -> Any:
        """Return an object's body as JSON.

        Raises:
            Missing: There is no such object.
            Terminal: It is not JSON.
        """
        try:
            return json.loads(self.get(key))
        except ValueError as error:
            raise Terminal(f"{self.uri(key)} is no JSON document: {error}") from error

    def exists(self, key: str) -> bool:
        """Say whether there is such an object."""
        return find(self._client.head_object, Bucket=self.bucket, Key=key) is not None

    def list(self, prefix: str) -> Iterator[ObjectFacts]:
        """Yield the objects whose key starts with ``prefix``, in order of key."""
        request = {"Bucket": self.bucket, "Prefix": prefix}
        while True:
            page = call(self._client.list_objects_v2, **request)
            for entry in page.get("Contents", []):
                yield ObjectFacts(
                    entry["Key"], entry["Size"], entry["ETag"].strip('"'), entry["LastModified"]
                )
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def delete_prefix(self, prefix: str) -> int:
        """Delete the objects whose key starts with ``prefix`` and return how many there were.

        Raises:
            Terminal: The prefix is empty, or S3 kept some of them.
        """
        if not prefix.strip("/"):
            raise Terminal(f"Refused to empty all of s3://{self.bucket}; give a prefix.")
        keys = [facts.key for facts in self.list(prefix)]
        self.delete(keys)
        return len(keys)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete just these objects, a thousand a call; one that is not there is no error.

        Raises:
            Terminal: S3 kept some of them.
        """
        for start in range(0, len(keys), _DELETE_AT_ONCE):
            self._delete(keys[start : start + _DELETE_AT_ONCE])

    def sha256(self, key: str) -> str:
        """Return the hex digest of an object's body, read in pieces.

        Raises:
            Missing: There is no such object.
        """
        digest = hashlib.sha256()
        for chunk in self._chunks(self.bucket, key):
            digest.update(chunk)
        return digest.hexdigest()

    def read_range(self, key: str, start: int, size: int) -> bytes:
        """Return ``size`` bytes from ``start`` on.

        Raises:
            Missing: There is no such object.
        """
        span = f"bytes={start}-{start + size - 1}"
        answer = call(self._client.get_object, Bucket=self.bucket, Key=key, Range=span)
        return bytes(call(answer["Body"].read))

    def copy(self, source: str, key: str) -> None:
        """Copy an object within the bucket, of any size; its bytes stay in S3.

        Raises:
            Missing: There is no object ``source``.
        """
        from boto3.s3.transfer import TransferConfig

        call(
            self._client.copy,
            CopySource={"Bucket": self.bucket, "Key": source},
            Bucket=self.bucket,
            Key=key,
            Config=TransferConfig(use_threads=False),
        )

    def read_uri(self, uri: str) -> bytes:
        """Return the body behind an ``s3://`` URI, of this bucket or another.

        Raises:
            Missing: There is no such object.
        """
        bucket, key = parse_s3_uri(uri)
        return b"".join(self._chunks(bucket, key))

    def _chunks(self, bucket: str, key: str) -> Iterator[bytes]:
        try:
            answer = call(self._client.get_object, Bucket=bucket, Key=key)
        except Missing as error:
            raise Missing(
                f"s3://{bucket}/{key} does not exist ({error}).",
                service="s3",
                operation="GetObject",
                code=error.code,
                request_id=error.request_id,
            ) from error
        yield from call(answer["Body"].iter_chunks, chunk_size=_CHUNK)

    def _delete(self, keys: Sequence[str]) -> None:
        delete = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        answer = call(self._client.delete_objects, Bucket=self.bucket, Delete=delete)
        if answer.get("Errors"):
            first = answer["Errors"][0]
            raise Terminal(
                f"S3 kept {len(answer['Errors'])} of {len(keys)} objects of {self.bucket}; first "
                f"{first.get('Key')}: {first.get('Code')} {first.get('Message')}",
                service="s3",
                operation="DeleteObjects",
                code=str(first.get("Code", "")),
            )
