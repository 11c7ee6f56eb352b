"""A request's body as S3 takes it in: decoded once, every digest verified, then plain for moto.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
What the content means belongs to the operations.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.s3 import checksums, chunks
from localaws.services.s3.failures import invalid_argument, invalid_request

if TYPE_CHECKING:
    from localaws.core.http import Request

PREFIX = "x-amz-checksum-"
_ANNOUNCED = "x-amz-sdk-checksum-algorithm"
_HASH = "x-amz-content-sha256"
_UNSIGNED = "UNSIGNED-PAYLOAD"
_HEX = re.compile("[0-9a-f]{64}")
_STREAMING = "STREAMING-"
#: Algorithms by header; x-amz-checksum-mode, -type and -algorithm are something else.
HEADERS = {f"{PREFIX}{name.lower()}": name for name in (*checksums.LENGTHS, *checksums.UNKNOWN)}
_OF_CHUNKS = ("x-amz-decoded-content-length", "x-amz-trailer", "transfer-encoding")


def received(request: Request, *, of_the_body: bool = True) -> Request:
    """Return the request for moto: its body plain, verified by all that came with it.

    Args:
        request: As it came.
        of_the_body: Whether checksum headers are the body's; CompleteMultipartUpload's are not.

    Raises:
        ServiceError: ``BadDigest``, ``InvalidDigest``, ``XAmzContentSHA256Mismatch``,
            ``IncompleteBody``, ``InvalidRequest`` and what else AWS documents for these.
    """
    request = _plain(request)
    _check_md5(request)
    return _checked(request) if of_the_body else request


def _plain(request: Request) -> Request:
    headers = request.headers
    sent = headers.get(_HASH, _UNSIGNED)
    if sent.startswith(_STREAMING) or "aws-chunked" in headers.get("content-encoding", ""):
        return _decoded(request)
    if _HEX.fullmatch(sent):
        if hashlib.sha256(request.body).hexdigest() != sent:
            raise ServiceError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
    elif sent != _UNSIGNED:
        raise invalid_argument(f"{_HASH} must be {_UNSIGNED}, STREAMING-... or a sha256 in hex")
    return request


def _decoded(request: Request) -> Request:
    headers = dict(request.headers)
    content, trailers = chunks.decode(request.body, headers.get("x-amz-decoded-content-length"))
    for name in filter(None, headers.get("x-amz-trailer", "").lower().split(",")):
        if name.strip() not in trailers:
            raise ServiceError(
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed or did not conform "
                f"to our published schema: {name.strip()} was announced and did not come",
            )
        headers[name.strip()] = trailers[name.strip()]
    encodings = headers.pop("content-encoding", "").split(",")
    kept = [each.strip() for each in encodings if each.strip() not in {"", "aws-chunked"}]
    if kept:
        headers["content-encoding"] = ",".join(kept)
    for name in _OF_CHUNKS:
        headers.pop(name, None)
    headers |= {_HASH: _UNSIGNED, "content-length": str(len(content))}
    return replace(request, headers=headers, body=content)


def _check_md5(request: Request) -> None:
    sent = request.headers.get("content-md5")
    if sent is None:
        return
    wanted = _unbase64(sent)
    if wanted is None or len(wanted) != checksums.LENGTHS["MD5"]:
        raise ServiceError("InvalidDigest", "The Content-MD5 you specified is not valid.")
    if checksums.digest("MD5", request.body) != wanted:
        raise ServiceError(
            "BadDigest", "The Content-MD5 you specified did not match what we received."
        )


def _checked(request: Request) -> Request:
    sent = [name for name in request.headers if name in HEADERS]
    announced = request.headers.get(_ANNOUNCED, "")
    if not sent:
        if announced:
            raise invalid_request(
                f"{_ANNOUNCED} specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                "headers were found."
            )
        return request
    if len(sent) > 1:
        raise invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    algorithm = HEADERS[sent[0]]
    verify(algorithm, request.headers[sent[0]], request.body)
    if announced == algorithm:
        return request
    # moto keeps a checksum only where the client's SDK announced it.
    return replace(request, headers=request.headers | {_ANNOUNCED: algorithm})


def verify(algorithm: str, value: str, content: bytes) -> None:
    """Check a content's checksum, base64 as S3 writes it.

    Raises:
        ServiceError: ``InvalidRequest`` if it is none, ``BadDigest`` if it is another content's,
            ``NotImplemented`` if it cannot be computed here.
    """
    if algorithm in checksums.UNKNOWN:
        raise checksums.not_computed(algorithm)
    if checksums.digest(algorithm, content) != value_of(algorithm, value):
        raise bad_digest(algorithm)


def value_of(algorithm: str, value: str) -> bytes:
    """Return the checksum that a header spells.

    Raises:
        ServiceError: ``InvalidRequest``: it is none of that algorithm.
    """
    found = _unbase64(value)
    if found is None or len(found) != checksums.LENGTHS[algorithm]:
        raise invalid_request(f"Value for {PREFIX}{algorithm.lower()} header is invalid.")
    return found


def bad_digest(algorithm: str) -> ServiceError:
    """Answer for a checksum of some other content."""
    return ServiceError(
        "BadDigest", f"The {algorithm} you specified did not match the calculated checksum."
    )


def _unbase64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
