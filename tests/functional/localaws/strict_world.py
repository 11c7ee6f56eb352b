"""Requests boto3 would not make, and what AWS answers to them."""

from __future__ import annotations

import contextlib
import http.client
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def refused(code: str, status: int | None = None) -> Iterator[None]:
    """The call within must be refused with AWS's code (and HTTP status)."""
    with pytest.raises(ClientError) as caught:
        yield
    answer = caught.value.response
    assert answer["Error"]["Code"] == code, answer["Error"]
    if status is not None:
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == status


def raw(aws, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, str]:
    """Send an S3 request as it is written here; return status, error code and body."""
    scope = "LOCALAWS111111111111/20260101/us-east-1/s3/aws4_request"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=unchecked"}
    connection = http.client.HTTPConnection(urlsplit(aws.endpoint_url).netloc, timeout=10)
    connection.request(method, path, body, signed | headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    found = re.search("<Code>(.*?)</Code>", text)
    return answer.status, found[1] if found else "", text
