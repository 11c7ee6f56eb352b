"""Providers' boto3 clients without the socket: the same request, handed to the gateway directly.

Through the port, providers waiting for each other could take all of the listener's threads and
then wait for ever. Everything else of a call is as for any other client.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError
from urllib3.response import HTTPResponse

from localaws.core.http import ConnectionDropped, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localaws.core.http import Response

    Handle = Callable[[Request], Response]


_source: contextvars.ContextVar[str] = contextvars.ContextVar("source", default="")


@contextlib.contextmanager
def on_behalf_of(source_arn: str) -> Iterator[None]:
    """Say which resource a service acts for: aws:SourceArn and aws:SourceAccount of its requests.

    They are sent as AWS's services send them to each other, in ``x-amz-source-arn`` and
    ``x-amz-source-account``. Only a service's own principal may be believed about them.
    """
    token = _source.set(source_arn)
    try:
        yield
    finally:
        _source.reset(token)


def attach(client: Any, handle: Handle) -> None:
    """Make a boto3 client send its requests to ``handle``."""

    def send(request: Any, **_: Any) -> AWSResponse:
        try:
            response = handle(_request_of(request))
        except ConnectionDropped as dropped:
            time.sleep(dropped.after_seconds)
            raise ConnectionClosedError(endpoint_url=request.url) from dropped
        raw = HTTPResponse(
            body=io.BytesIO(b"" if request.method == "HEAD" else response.body),
            headers=response.headers,
            status=response.status,
            preload_content=False,
            request_method=request.method,  # a HEAD's Content-Length is not its own body's
        )
        return AWSResponse(request.url, response.status, raw.headers, raw)

    client.meta.events.register("before-send", send)


def _request_of(prepared: Any) -> Request:
    url = urlsplit(prepared.url)
    headers = {name.lower(): _text(value) for name, value in prepared.headers.items()}
    headers["host"] = url.netloc
    if source := _source.get():
        headers["x-amz-source-arn"] = source
        headers["x-amz-source-account"] = source.split(":")[4]
    headers.pop("transfer-encoding", None)
    body = _bytes(prepared.body)
    headers["content-length"] = str(len(body))
    return Request(prepared.method, url.path or "/", url.query, headers, body, internal=True)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, bytes | bytearray) else bytes(body.read())
