"""Presigned S3 requests: their credentials are in the query, and their time is limited.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
As with any request the signature itself is not verified. Who the caller is belongs to accounts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from localaws.core.errors import ServiceError
from localaws.core.routing import Route

if TYPE_CHECKING:
    from localaws.core.http import Request

#: What such a request is taken for until it is known what it asks for.
ROUTE = Route("s3", "Unknown", None, "rest-xml")

_LONGEST_SECONDS = 604_800
_OF_SIGNATURE = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signature"}
    | {"x-amz-signedheaders"}
)


def is_presigned(request: Request) -> bool:
    """Tell whether a request carries its credentials in the query."""
    return "Signature=" in request.query and "authorization" not in request.headers


def unwrapped(request: Request) -> Request:
    """Return the request as if it were signed in its headers.

    Raises:
        ServiceError: It has expired, may not live as long, or is signed with the old version 2.
    """
    query = parse_qsl(request.query, keep_blank_values=True)
    signed = {name.lower(): value for name, value in query}
    if signed.get("x-amz-algorithm") != "AWS4-HMAC-SHA256":
        raise ServiceError(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use "
            "AWS4-HMAC-SHA256 (boto3: Config(signature_version='s3v4')).",
        )
    _check_time(signed)
    credential = signed.get("x-amz-credential", "")
    headers = {name: v for name, v in signed.items() if name.startswith("x-amz-")}
    headers = {name: v for name, v in headers.items() if name not in _OF_SIGNATURE}
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}"
    kept = [(name, value) for name, value in query if not name.lower().startswith("x-amz-")]
    return replace(request, query=urlencode(kept), headers=headers | request.headers)


def _check_time(signed: dict[str, str]) -> None:
    try:
        began = datetime.strptime(signed["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        seconds = int(signed["x-amz-expires"])
    except (KeyError, ValueError) as error:
        raise _wrong(f"X-Amz-Date or X-Amz-Expires is missing or malformed: {error}") from error
    if not 0 <= seconds <= _LONGEST_SECONDS:
        raise _wrong(f"X-Amz-Expires must be from 0 to {_LONGEST_SECONDS} seconds")
    if began + timedelta(seconds=seconds) < datetime.now(UTC):
        raise ServiceError("AccessDenied", "Request has expired", status=403)


def _wrong(message: str) -> ServiceError:
    return ServiceError("AuthorizationQueryParametersError", message)
