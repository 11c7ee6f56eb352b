"""Multipart uploads: parts in order and unharmed, checksums of parts and whole, locks at the end.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from localaws.services.s3 import asking, retention
from localaws.services.s3.assembly import check_parts, check_whole
from localaws.services.s3.checksums import digest
from localaws.services.s3.combining import combines
from localaws.services.s3.failures import (
    invalid_argument,
    invalid_request,
    no_such_upload,
    not_performed,
)
from localaws.services.s3.objects import Objects
from localaws.services.s3.payload import HEADERS
from localaws.services.s3.retention import Retention
from localaws.services.s3.uploads import Part, Uploads

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

_FOUND = 200
_MOST_PARTS = 10_000
#: Algorithms that moto computes rightly over an upload.
_OF_UPLOADS = frozenset({"CRC32", "CRC32C", "SHA1", "SHA256"})


class Multipart(Objects):
    """Guards uploads in parts."""

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self.uploads = Uploads(context)

    def create_multipart_upload(self, call: Call, request: Document, passing: Passing) -> Response:
        """Start an upload whose checksum, lock and key are in order."""
        algorithm = request.get("ChecksumAlgorithm")
        kind = _checksum_type(algorithm, request.get("ChecksumType"))
        lock = retention.of_headers(request)
        hold = request.get("ObjectLockLegalHoldStatus", "OFF")
        if lock or hold == "ON":
            retention.check_bucket(request["Bucket"], passing)
        self.keys.check_written(call, request, passing)
        response = passing.on()
        if response.status == _FOUND:
            upload = asking.element(response.body.decode(), "UploadId") or ""
            told = {"bucket": request["Bucket"], "key": request["Key"], "hold": hold}
            told |= {"algorithm": algorithm, "type": kind}
            told |= {"mode": lock.mode, "until": lock.until.isoformat()} if lock else {}
            self.uploads.start(upload, told)
        return response

    def upload_part(self, call: Call, request: Document, passing: Passing) -> Response:
        """Store a part of an upload that is this key's."""
        number = request["PartNumber"]
        _check_number(number)
        self.uploads.find(request)
        response = _ask(passing)
        if response.status == _FOUND:
            part = Part(len(passing.request.body), _checksums(passing.request.headers))
            self.uploads.put_part(request["UploadId"], number, part)
        return response

    def upload_part_copy(self, call: Call, request: Document, passing: Passing) -> Response:
        """Store a part copied from an object."""
        if any(name.startswith("CopySourceIf") for name in request):
            raise not_performed("conditions on the source of UploadPartCopy")
        _check_number(request["PartNumber"])
        if self.uploads.find(request)["algorithm"] is not None:
            raise not_performed("UploadPartCopy into an upload with checksums")
        return _ask(passing)

    def list_parts(self, call: Call, request: Document, passing: Passing) -> Response:
        """List the parts of an upload that is this key's."""
        self.uploads.find(request)
        return passing.on()

    def abort_multipart_upload(self, call: Call, request: Document, passing: Passing) -> Response:
        """Give up an upload that is this key's."""
        self.uploads.find(request)
        response = passing.on()
        self.uploads.abort(request["UploadId"])
        return response

    def complete_multipart_upload(
        self, call: Call, request: Document, passing: Passing
    ) -> Response:
        """Put the object together, if all parts are what the request says, and lock it."""
        upload = self.uploads.find(request)
        if "IfMatch" in request:
            raise not_performed("If-Match of CompleteMultipartUpload", "moto ignores it")
        if upload.get("complete"):
            return _ask(passing)
        stored = self.uploads.parts(request["UploadId"])
        listed = request.get("MultipartUpload", {}).get("Parts", [])
        check_parts(upload, listed, stored)
        check_whole(upload, request, [stored.get(each["PartNumber"]) for each in listed])
        self.check_not_suspended(request["Bucket"], passing)
        self.keys.check_written(call, {"Bucket": request["Bucket"]}, passing)
        response = _ask(passing)
        if response.status == _FOUND:
            _lock(upload, response.headers.get("x-amz-version-id"), passing)
            self.uploads.complete(request["UploadId"], upload)
        return response


def _ask(passing: Passing) -> Response:
    try:
        return passing.on()
    except KeyError as error:  # moto's answer to an upload it does not have
        raise no_such_upload() from error


def _check_number(number: int) -> None:
    if not 1 <= number <= _MOST_PARTS:
        raise invalid_argument(
            f"Part number must be an integer between 1 and {_MOST_PARTS}, inclusive"
        )


def _checksum_type(algorithm: str | None, kind: str | None) -> str | None:
    """Return how the upload's checksum is made; CRCs may be either way, digests only composite."""
    if algorithm is None:
        return None
    if algorithm not in _OF_UPLOADS:
        raise not_performed(f"multipart uploads with {algorithm}", f"use {sorted(_OF_UPLOADS)}")
    digest(algorithm, b"")  # refused here and now if its library is missing
    if kind == "FULL_OBJECT" and not combines(algorithm):
        raise invalid_request(
            f"The FULL_OBJECT checksum type cannot be used with the {algorithm.lower()} "
            "checksum algorithm."
        )
    return kind or "COMPOSITE"


def _checksums(headers: dict[str, str]) -> dict[str, str]:
    return {HEADERS[header]: value for header, value in headers.items() if header in HEADERS}


def _lock(upload: Document, version: str | None, passing: Passing) -> None:
    # moto forgets the lock an upload was started with, and the bucket's default for it.
    bucket, key = upload["bucket"], upload["key"]
    if "mode" in upload:
        wanted: Retention | None = Retention(
            upload["mode"], datetime.fromisoformat(upload["until"])
        )
    else:
        wanted = retention.default_of(bucket, passing)
    if wanted is not None:
        asking.retain(passing, bucket, key, version, wanted.mode, wanted.text)
    if upload["hold"] == "ON":
        asking.hold(passing, bucket, key, version, "ON")
