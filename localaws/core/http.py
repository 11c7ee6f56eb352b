"""Requests and responses as plain values, and their way to and from WSGI.

Protocols (json, rest-json, query) do not belong here; neither does any service.
"""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from localaws.core import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    StartResponse = Callable[[str, list[tuple[str, str]]], Any]
    Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_PLAIN = "".join(map(chr, range(32, 127)))
_CHUNK_BYTES = 256 * 1024
#: moto's own key for header names that WSGI cannot spell, see moto.core.request.
_PRESERVED_NAMES = "moto.preserved_header_names"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, its body read in full.

    Attributes:
        method: ``GET``, ``POST`` and so on.
        path: The path as sent, still percent-encoded.
        query: The query string as sent, without the question mark.
        headers: By lower-case name.
        body: All of it.
        internal: Sent by one of our own providers, not through the port.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""
    internal: bool = False


class ConnectionDropped(Exception):  # noqa: N818 - what a fault plan orders, no error of ours
    """The client is to get no answer: the connection is closed, perhaps after a silence.

    Attributes:
        after_seconds: How long the connection stays open without a word.
    """

    def __init__(self, after_seconds: float = 0) -> None:
        super().__init__(f"no answer, connection closed after {after_seconds:g} s")
        self.after_seconds = after_seconds


@dataclass(slots=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def wsgi_application(
    handle: Callable[[Request], Response], refuse: Callable[[Request, int, str], Response]
) -> Application:
    """Wrap ``handle`` as a WSGI application; what cannot be read in full goes to ``refuse``."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = _head_of(environ)
        try:
            request = dataclasses.replace(request, body=_read_body(environ, request))
        except UnreadableError as error:
            response = refuse(request, error.status, error.message)
        else:
            response = handle(request)
        headers = {k: v for k, v in response.headers.items() if k.lower() != "content-length"}
        body = b"" if request.method == "HEAD" else response.body
        headers["Content-Length"] = _length(request, response)
        start_response(status_line(response.status), [_header(*item) for item in headers.items()])
        return [body]

    return application


def call_application(
    application: Application, request: Request, added_headers: dict[str, str]
) -> Response:
    """Call a WSGI application as a server would, and collect its response."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _info: Any = None) -> None:
        started[:] = [(status, headers)]

    chunks = application(_environ_of(request, added_headers), start_response)
    try:
        body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, headers = started[0]
    return Response(int(status.split(" ", 1)[0]), body, dict(headers))


class UnreadableError(Exception):
    """A body that breaks off, is too large, or is not written as HTTP demands.

    Attributes:
        status: HTTP's status for it.
        message: What is wrong.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def _head_of(environ: dict[str, Any]) -> Request:
    uri = urlsplit(environ["REQUEST_URI"])
    names = environ.get(_PRESERVED_NAMES, {})
    headers = {
        names.get(key, key[5:].replace("_", "-")).lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    for key, name in (("CONTENT_TYPE", "content-type"), ("CONTENT_LENGTH", "content-length")):
        if environ.get(key):
            headers[name] = environ[key]
    headers.pop("transfer-encoding", None)
    path = environ.get("RAW_PATH", uri.path) or "/"
    return Request(environ["REQUEST_METHOD"], path, uri.query, headers)


def _read_body(environ: dict[str, Any], request: Request) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    chunked = bool(environ.get("wsgi.input_terminated"))
    if not length and not chunked:
        return b""
    most = limits.body_bytes(request.headers.get("authorization", ""))
    with environ["localaws.within"](limits.body_seconds(None if chunked else length)):
        if chunked:
            return _read_chunks(environ["wsgi.input"], most)
        body: bytes = environ["wsgi.input"].read(length)
    if len(body) < length:
        message = f"The body broke off, or took too long, after {len(body)} of {length} bytes."
        raise UnreadableError(400, message)
    return body


def _read_chunks(stream: Any, most: int) -> bytes:
    chunks: list[bytes] = []
    left = most
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            chunks.append(chunk)
            left -= len(chunk)
            if left < 0:
                raise UnreadableError(413, f"The body is larger than {most} bytes.")
    except TimeoutError:
        raise
    except (ValueError, OSError) as error:
        # cheroot tells a chunk of absurd size by an OSError.
        status = 413 if "Too Large" in str(error) else 400
        raise UnreadableError(status, f"The chunked body cannot be read: {error}") from error
    return b"".join(chunks)


def _environ_of(request: Request, added_headers: dict[str, str]) -> dict[str, Any]:
    headers = request.headers | added_headers
    host, _, port = headers.get("host", "127.0.0.1:80").partition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "RAW_URI": f"{request.path}?{request.query}" if request.query else request.path,
        "QUERY_STRING": request.query,
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        _PRESERVED_NAMES: {},
    }
    for name, value in headers.items():
        key = environ_key(name)
        environ.setdefault(key, value)
        if "_" in name and name.startswith("x-amz-meta-"):
            environ[_PRESERVED_NAMES][key] = name
    return environ


def environ_key(header: str) -> str:
    """Return the WSGI name of a header."""
    key = header.upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"


def _header(name: str, value: str) -> tuple[str, str]:
    # A client may have had a say in the value, as in S3's response-content-type: no line breaks.
    if not value.isprintable() or not value.isascii():
        value = quote(value, safe=_PLAIN)
    return name, value


def _length(request: Request, response: Response) -> str:
    if request.method == "HEAD":
        # HEAD has no body, but tells the length of the one a GET would have.
        for name, value in response.headers.items():
            if name.lower() == "content-length":
                return value
    return str(len(response.body))


def status_line(status: int) -> str:
    """Return HTTP's number and phrase."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Status"
