"""Requests and responses as plain values, and their way to and from WSGI.

Protocols (json, rest-json, query) do not belong here; neither does any service.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    StartResponse = Callable[[str, list[tuple[str, str]]], Any]
    Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

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
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def wsgi_application(handle: Callable[[Request], Response]) -> Application:
    """Wrap ``handle`` as a WSGI application."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = _request_of(environ)
        response = handle(request)
        headers = {k: v for k, v in response.headers.items() if k.lower() != "content-length"}
        body = b"" if request.method == "HEAD" else response.body
        headers["Content-Length"] = _length(request, response)
        start_response(_status_line(response.status), list(headers.items()))
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


def _request_of(environ: dict[str, Any]) -> Request:
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
    length = environ.get("CONTENT_LENGTH")
    if length:
        body = environ["wsgi.input"].read(int(length))
    else:
        body = environ["wsgi.input"].read() if environ.get("wsgi.input_terminated") else b""
        headers.pop("transfer-encoding", None)
    return Request(
        environ["REQUEST_METHOD"],
        environ.get("RAW_PATH", uri.path) or "/",
        uri.query,
        headers,
        body,
    )


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


def _length(request: Request, response: Response) -> str:
    if request.method == "HEAD":
        # HEAD has no body, but tells the length of the one a GET would have.
        for name, value in response.headers.items():
            if name.lower() == "content-length":
                return value
    return str(len(response.body))


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Status"
