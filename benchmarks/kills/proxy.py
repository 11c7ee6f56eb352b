"""A loopback proxy between the project and the embedded AWS: passes on, notes, and cuts.

It adds and changes nothing. A request whose server has ended gets what a client of a dead server
gets: a closed connection. When to end the server belongs to moments.py.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date"})
_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, its body read in full."""

    method: str
    target: str
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """The server's whole answer."""

    status: int
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)


class Cut(Exception):  # noqa: N818 - what happened, not what went wrong
    """The client is to lose its connection without an answer."""


class Witness(Protocol):
    """Told of every request: before, during and after. May raise Cut at each."""

    def begin(self, asked: Asked) -> Any:
        """Before the request is passed on; what it returns is handed to the others."""

    def sent(self, note: Any) -> None:
        """The server has the whole request."""

    def answered(self, note: Any, answer: Answered) -> None:
        """The server's answer is here, and not yet the client's."""

    def acknowledged(self, note: Any, answer: Answered) -> None:
        """The client has the answer."""

    def lost(self, note: Any) -> None:
        """The client has no answer and will not get one."""


class Proxy:
    """Listens on a free port of 127.0.0.1 from construction until ``stop``.

    Args:
        server_port: Where the embedded AWS listens, when it runs.
        witness: Told of every request.
    """

    def __init__(self, server_port: int, witness: Witness) -> None:
        handler = type("Handler", (_Handler,), {"server_port": server_port, "witness": witness})
        self._listener = _Listener(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._listener.server_address[1]}"
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._listener.shutdown()
        self._listener.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS
    disable_nagle_algorithm = True
    server_port: int
    witness: Witness

    def _pass(self) -> None:
        if self.path.startswith("/_localaws/"):
            # Not AWS's: whether to start a server is asked before the first call, and it is here.
            self._answer(Answered(200, [], b"{}"))
            return
        asked = Asked(self.command, self.path, self.headers.items(), self._body())
        note = None
        try:
            note = self.witness.begin(asked)
            answer = self._forward(asked, note)
            self.witness.answered(note, answer)
            self._answer(answer)
        except (Cut, OSError, http.client.HTTPException):
            self.witness.lost(note)
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.witness.acknowledged(note, answer)

    def __getattr__(self, name: str) -> Any:
        """Pass on every method: the base class looks for do_GET, do_PUT and so on."""
        if name.startswith("do_"):
            return self._pass
        raise AttributeError(name)

    def _forward(self, asked: Asked, note: Any) -> Answered:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=_SECONDS)
        with contextlib.closing(upstream):
            upstream.putrequest(
                asked.method, asked.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in asked.headers:
                if name.lower() not in _HOP | {"expect"}:
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(asked.body)))
            upstream.endheaders(asked.body or None)
            self.witness.sent(note)
            answer = upstream.getresponse()
            return Answered(answer.status, answer.getheaders(), answer.read())

    def _answer(self, answer: Answered) -> None:
        self.send_response_only(answer.status)
        length = str(len(answer.body))
        for name, value in answer.headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            if name.lower() not in _HOP or name.lower() == "date":
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def log_message(self, *_: object) -> None:
        """Say nothing."""
