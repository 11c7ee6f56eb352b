"""Objects: conditions on writing, copying and deleting, and the keys they are encrypted with.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
Locks belong to locks, uploads in parts to multipart.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from localaws.core.guard import Guard
from localaws.services.s3 import asking, retention
from localaws.services.s3.encryption import Keys
from localaws.services.s3.failures import (
    invalid_argument,
    invalid_request,
    malformed,
    no_such_key,
    not_performed,
    precondition_failed,
)
from localaws.services.s3.payload import HEADERS
from localaws.services.s3.remembered import Remembered

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

_FOUND = 200
_REFUSED = 400
#: moto's name for what AWS calls InvalidRequest.
_UNDIGESTED = b"MissingUploadObjectWithObjectLockHeaders"
_MOST_DELETES = 1000
_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_BYPASS = "x-amz-bypass-governance-retention"
_CONDITIONS_OF_ENTRIES = ("ETag", "LastModifiedTime", "Size")


class Objects(Guard):
    """Guards the operations on single objects."""

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self.keys = Keys(context)
        self.suspended = Remembered("versioning", _is_suspended)

    def put_object(self, call: Call, request: Document, passing: Passing) -> Response:
        """Write an object whose conditions, lock and key are in order."""
        if request.get("IfNoneMatch", "*") != "*":
            raise not_performed("If-None-Match with anything but *")
        self.check_not_suspended(request["Bucket"], passing)
        self.keys.check_written(call, request, passing)
        response = retention.requested(request, passing).on()
        if response.status == _REFUSED and _UNDIGESTED in response.body:
            raise invalid_request(
                "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests "
                "with Object Lock parameters"
            )
        return response

    def copy_object(self, call: Call, request: Document, passing: Passing) -> Response:
        """Copy an object if its source meets the conditions."""
        if "IfMatch" in request or "IfNoneMatch" in request:
            raise not_performed("conditions on what CopyObject replaces")
        self.check_not_suspended(request["Bucket"], passing)
        self.keys.check_written(call, request, passing)
        _check_source(request, passing)
        passing = retention.requested(request, passing)
        # In a bucket with default retention moto wants a digest of every PUT; it reads none here.
        headers = {"content-md5": "none"} | passing.request.headers
        return passing.ask(replace(passing.request, headers=headers))

    def get_object(self, call: Call, request: Document, passing: Passing) -> Response:
        """Return an object, unless its key may not be used any more."""
        response = passing.on()
        key = response.headers.get(_KEY_HEADER)
        if key and response.status < 300:  # noqa: PLR2004 - 200 and 206
            self.keys.check(call, key)
        return response

    def head_object(self, call: Call, request: Document, passing: Passing) -> Response:
        """Describe an object; of one put together from parts, say how its checksum was made."""
        response = passing.on()
        if request.get("ChecksumMode") == "ENABLED" and response.status == _FOUND:
            _name_composite(request, response, passing)
        return response

    def delete_object(self, call: Call, request: Document, passing: Passing) -> Response:
        """Delete an object or one version of it, if the condition holds."""
        self.check_not_suspended(request["Bucket"], passing)
        self._check_version(request["Bucket"], request.get("VersionId"), passing)
        headers = _without_idle_bypass(passing.request.headers)
        if request.get("IfMatch") == "*":
            if asking.head(passing, request["Bucket"], request["Key"], None) is None:
                raise no_such_key(request["Key"])
            headers = {k: v for k, v in headers.items() if k != "if-match"}
        return passing.ask(replace(passing.request, headers=headers))

    def delete_objects(self, call: Call, request: Document, passing: Passing) -> Response:
        """Delete up to 1,000 objects or versions, sent with a digest of the list."""
        headers = passing.request.headers
        if "content-md5" not in headers and HEADERS.keys().isdisjoint(headers):
            raise invalid_request(
                "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
            )
        entries = request.get("Delete", {}).get("Objects", [])
        if not 0 < len(entries) <= _MOST_DELETES:
            raise malformed()
        if any(name in entry for entry in entries for name in _CONDITIONS_OF_ENTRIES):
            raise not_performed("conditions on the entries of DeleteObjects")
        self.check_not_suspended(request["Bucket"], passing)
        for version in {entry.get("VersionId") for entry in entries}:
            self._check_version(request["Bucket"], version, passing)
        return passing.ask(replace(passing.request, headers=_without_idle_bypass(headers)))

    def check_not_suspended(self, bucket: str, passing: Passing) -> None:
        """Check that writing or deleting an object here loses nothing else.

        Raises:
            ServiceError: ``NotImplemented``: versioning is suspended.
        """
        if self.suspended.of(bucket, passing):
            raise not_performed(
                "writing or deleting while versioning is suspended",
                "moto would lose every version of the object; enable versioning first",
            )

    @staticmethod
    def _check_version(bucket: str, version: str | None, passing: Passing) -> None:
        # Without versioning moto deletes the object, whichever version was named.
        if version in {None, "null"}:
            return
        status = asking.element(asking.setting(passing, bucket, "versioning"), "Status")
        if status != "Enabled":
            raise invalid_argument(f"Invalid version id specified: {version}")


def _is_suspended(setting: str) -> bool:
    return asking.element(setting, "Status") == "Suspended"


def _without_idle_bypass(headers: dict[str, str]) -> dict[str, str]:
    # To moto any value of this header is a yes.
    if headers.get(_BYPASS, "true").lower() == "true":
        return headers
    return {name: value for name, value in headers.items() if name != _BYPASS}


def _check_source(request: Document, passing: Passing) -> None:
    conditions = {name: request[name] for name in request if name.startswith("CopySourceIf")}
    if not conditions:
        return
    path, _, query = request["CopySource"].partition("?")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    version = parse_qs(query).get("versionId", [None])[0]
    found = asking.head(passing, bucket, key, version)
    if found is None:
        raise no_such_key(key)
    modified = parsedate_to_datetime(found["last-modified"])
    broken = _broken(conditions, found["etag"].strip('"'), modified)
    if broken:
        raise precondition_failed(broken)


def _broken(conditions: dict[str, Any], etag: str, modified: datetime) -> str:
    """Return the condition that does not hold; one on the ETag goes before one on the time.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    match, none = conditions.get("CopySourceIfMatch"), conditions.get("CopySourceIfNoneMatch")
    unmodified = conditions.get("CopySourceIfUnmodifiedSince")
    since = conditions.get("CopySourceIfModifiedSince")
    if match is not None:
        if match not in {etag, f'"{etag}"'}:
            return "x-amz-copy-source-If-Match"
    elif unmodified is not None and modified > _aware(unmodified):
        return "x-amz-copy-source-If-Unmodified-Since"
    if none is not None:
        if none in {etag, f'"{etag}"'}:
            return "x-amz-copy-source-If-None-Match"
    elif since is not None and modified <= _aware(since):
        return "x-amz-copy-source-If-Modified-Since"
    return ""


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _name_composite(request: Document, response: Response, passing: Passing) -> None:
    # moto leaves out here what it tells with the object.
    etag = next((v for k, v in response.headers.items() if k.lower() == "etag"), "")
    parts = etag.strip('"').partition("-")[2]
    header = next((k for k in response.headers if k.lower() in HEADERS), None)
    if not parts or header is None:
        return
    version = request.get("VersionId")
    query = "attributes" + (f"&versionId={version}" if version else "")
    path = asking.object_path(request["Bucket"], request["Key"])
    wanted = {"x-amz-object-attributes": "Checksum"}
    told = asking.ask(passing, "GET", path, query, more=wanted).body.decode()
    kind = asking.element(told, "ChecksumType") or "FULL_OBJECT"
    response.headers["x-amz-checksum-type"] = kind
    if kind == "COMPOSITE":
        response.headers[header] += f"-{parts}"
