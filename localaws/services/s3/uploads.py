"""What is known of multipart uploads under way, besides what moto keeps: checksums and locks.

Rules do not belong here (multipart).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localaws.services.s3.failures import no_such_upload

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document


@dataclass(frozen=True, slots=True)
class Part:
    """A part as it was stored.

    Attributes:
        size: Of its content, in bytes.
        checksums: Base64 by algorithm; one at most.
    """

    size: int
    checksums: dict[str, str]


class Uploads:
    """Durable documents of uploads and their parts."""

    def __init__(self, context: ServerContext) -> None:
        self._uploads = context.store.table("s3/upload")
        self._parts = context.store.table("s3/part")

    def start(self, upload: str, document: Document) -> None:
        """Remember a new upload: bucket, key, algorithm, type, and its lock if one is asked."""
        self._uploads.put(upload, document)

    def find(self, request: Document) -> Document:
        """Return the upload a request names.

        Raises:
            ServiceError: ``NoSuchUpload``: there is none, or it is not this key's.
        """
        found = self._uploads.get(request["UploadId"])
        if found is None or (found["bucket"], found["key"]) != (request["Bucket"], request["Key"]):
            raise no_such_upload()
        return found

    def put_part(self, upload: str, number: int, part: Part) -> None:
        """Remember a part that moto has stored."""
        self._parts.put(_key(upload, number), {"size": part.size, "checksums": part.checksums})

    def parts(self, upload: str) -> dict[int, Part]:
        """Return the parts by number."""
        return {
            int(key.rpartition("/")[2]): Part(**document)
            for key, document in self._parts.scan(f"{upload}/")
        }

    def complete(self, upload: str, document: Document) -> None:
        """Keep of an upload only that it is complete: completing it again is no error."""
        self._uploads.put(upload, document | {"complete": True})
        self._forget_parts(upload)

    def abort(self, upload: str) -> None:
        """Forget an upload."""
        self._uploads.delete(upload)
        self._forget_parts(upload)

    def _forget_parts(self, upload: str) -> None:
        for key, _ in list(self._parts.scan(f"{upload}/")):
            self._parts.delete(key)


def _key(upload: str, number: int) -> str:
    return f"{upload}/{number:05}"
