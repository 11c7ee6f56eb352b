"""The guard of S3: whatever comes, its body is verified and its limits kept before moto sees it.

What single operations uphold is in objects, multipart, locks and buckets.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from localaws.core.errors import ServiceError
from localaws.core.provider import named_method
from localaws.services.s3.bucket_listing import BucketListing
from localaws.services.s3.buckets import Buckets
from localaws.services.s3.failures import not_performed
from localaws.services.s3.locks import Locks
from localaws.services.s3.multipart import Multipart
from localaws.services.s3.notifications import Notifications
from localaws.services.s3.payload import received

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.context import ServerContext
    from localaws.core.guard import Passing
    from localaws.core.http import Request, Response
    from localaws.core.provider import Call, Document

    Method = Callable[[Call, Document, Passing], Response]

_READS = ("get_", "head_", "list_")
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_KEY_BYTES = 1024
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
_METADATA_BYTES = 2048
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html: of one request, 5 GiB.
_BODY_BYTES = 5 * 1024**3
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
#: Members that moto ignores, so that a caller would believe what is not so.
_IGNORED = frozenset(
    {
        "SSECustomerAlgorithm",
        "CopySourceSSECustomerAlgorithm",
        "WriteOffsetBytes",
        "ObjectLockEventHold",
        "ObjectLockEventHoldDurationDays",
        "ObjectLockEventHoldDurationYears",
        "IfMatchLastModifiedTime",
        "IfMatchSize",
    }
)


class S3Guard(BucketListing, Buckets, Multipart, Locks, Notifications):
    """Stands before every operation of S3."""

    service = "s3"

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self._methods: dict[str, Method | None] = {}

    def find(self, operation: str) -> Method | None:
        """Return what guards an operation: everything that writes is verified."""
        if operation not in self._methods:
            method: Any = named_method(self, operation)
            reads = operation.startswith(_READS)
            self._methods[operation] = method if reads else _verified(operation, method)
        return self._methods[operation]


def _verified(operation: str, method: Method | None) -> Method:
    of_the_body = operation != "complete_multipart_upload"

    def verified(call: Call, request: Document, passing: Passing) -> Response:
        _check_limits(request, passing)
        plain = received(passing.request, of_the_body=of_the_body)
        passing = replace(passing, request=_no_form(plain))
        return passing.on() if method is None else method(call, request, passing)

    return verified


def _no_form(request: Request) -> Request:
    # moto's HTTP layer reads a form's body away, and the object would be empty. It takes the
    # type of the content from the query as well.
    kind = request.headers.get("content-type", "")
    if not request.body or not kind.lower().startswith(_FORMS):
        return request
    headers = {name: value for name, value in request.headers.items() if name != "content-type"}
    told = urlencode({"content-type": kind})
    query = f"{request.query}&{told}" if request.query else told
    return replace(request, headers=headers, query=query)


def _check_limits(request: Document, passing: Passing) -> None:
    if not _IGNORED.isdisjoint(request):
        raise not_performed(", ".join(sorted(_IGNORED & request.keys())))
    key = request.get("Key")
    if key is not None and len(key) * 4 > _KEY_BYTES and len(key.encode()) > _KEY_BYTES:
        raise ServiceError("KeyTooLongError", "Your key is too long: at most 1024 bytes of UTF-8.")
    metadata = request.get("Metadata")
    if metadata and _size(metadata) > _METADATA_BYTES:
        raise ServiceError(
            "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size."
        )
    if len(passing.request.body) > _BODY_BYTES:
        raise ServiceError(
            "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size."
        )


def _size(metadata: dict[str, str]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
