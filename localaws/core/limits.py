"""How large and how slow a request may be. What happens beyond belongs to wire and refusals.

Where a service documents a limit on a member, the model has it and validation checks it; these are
the limits on whole requests, which protect the server's memory and threads.
"""

from __future__ import annotations

import re

_MIB = 1024 * 1024

#: Request line and headers together. S3's URLs and headers may have 16 KiB and 8 KiB.
HEAD_BYTES = 64 * 1024
HEADERS_MOST = 200
#: Below S3's 5 GiB for one PutObject, because a body is held in memory here: larger objects
#: go up in parts, as boto3's upload_file does from 8 MiB on.
_S3_BODY_BYTES = 512 * _MIB
#: The model's 6 MiB for InvokeEndpoint, and what an endpoint might be given besides.
_SAGEMAKER_BODY_BYTES = 32 * _MIB
#: The most that any JSON or query API of AWS documents (DynamoDB's batches).
_BODY_BYTES = 16 * _MIB
LARGEST_BODY_BYTES = _S3_BODY_BYTES

#: A connection that says nothing is closed after this; it holds no thread meanwhile.
IDLE_SECONDS = 60
HEAD_SECONDS = 10
_BODY_SECONDS = 30
_LEAST_BYTES_PER_SECOND = 64 * 1024

_SIGNING_NAME = re.compile(r"/([a-z0-9-]+)/aws4_request")


def signing_name(authorization: str) -> str:
    """Return the service a request is signed for, as far as its header can be read; else empty."""
    found = _SIGNING_NAME.search(authorization)
    return found[1] if found else ""


def body_bytes(authorization: str) -> int:
    """Return how large the body of a request may be."""
    name = signing_name(authorization)
    if name == "s3":
        return _S3_BODY_BYTES
    return _SAGEMAKER_BODY_BYTES if name == "sagemaker" else _BODY_BYTES


def body_seconds(length: int | None) -> float:
    """Return how long a body may take to arrive; ``length`` is None if it is not declared."""
    expected = LARGEST_BODY_BYTES if length is None else length
    return _BODY_SECONDS + expected / _LEAST_BYTES_PER_SECOND
