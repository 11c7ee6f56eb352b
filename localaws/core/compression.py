"""Compressed request bodies, as boto3 sends PutMetricData, read for whoever performs them.

S3's Content-Encoding is the object's own and stays.
"""

from __future__ import annotations

import dataclasses
import zlib
from typing import TYPE_CHECKING

from localaws.core import limits
from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.http import Request

_HEADER = "content-encoding"
_PROTOCOLS = frozenset({"json", "query"})
_GZIP = 31  # zlib's own number for "gzip, any window"


def decompressed(protocol: str, request: Request) -> Request:
    """Return the request with its body as it was before compression.

    Raises:
        ServiceError: It is not gzip, or larger than a body may be.
    """
    if protocol not in _PROTOCOLS or request.headers.get(_HEADER, "").lower() != "gzip":
        return request
    most = limits.body_bytes(request.headers.get("authorization", ""))
    reader = zlib.decompressobj(_GZIP)
    try:
        body = reader.decompress(request.body, most)
    except zlib.error as error:
        raise ServiceError(
            "MalformedHttpRequestException", f"The body is not gzip: {error}"
        ) from error
    if reader.unconsumed_tail:
        raise ServiceError(
            "RequestEntityTooLargeException",
            f"Decompressed, the body is larger than {most} bytes.",
            status=413,
        )
    if not reader.eof:
        raise ServiceError("MalformedHttpRequestException", "The gzip body breaks off.")
    headers = {name: value for name, value in request.headers.items() if name != _HEADER}
    headers["content-length"] = str(len(body))
    return dataclasses.replace(request, body=body, headers=headers)
