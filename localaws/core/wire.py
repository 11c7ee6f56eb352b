"""HTTP as it comes over the socket, read strictly and without patience for the slow.

cheroot reads HTTP; here is what it lets through or answers as no AWS service would: headers given
twice or smuggled, lengths that are none, requests that trickle in. Threads and the port belong to
listener.
"""

from __future__ import annotations

import contextlib
import io
import re
import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from cheroot.errors import MaxSizeExceeded
from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest

from localaws.core import limits
from localaws.core.http import Request, status_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localaws.core.http import Response

    Refuse = Callable[[Request, int, str], Response]

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_ONCE = frozenset(
    b"Host Content-Length Content-Type Transfer-Encoding Authorization X-Amz-Target "
    b"X-Amz-Security-Token X-Amz-Date X-Amz-Content-Sha256".split()
)
_TOO_LARGE = 413
_BUFFER_BYTES = 64 * 1024
_PIECE_BYTES = 1024 * 1024
_DRAIN_SECONDS = 3.0
_LINGER_MILLISECONDS = 2
_DRAIN_BYTES = 64 * 1024 * 1024


class Deadlines:
    """Sockets that are being read, and until when; reading ends for those that take too long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[Any, tuple[float, socket.socket]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="localaws-deadlines", daemon=True)
        self._thread.start()

    def begin(self, key: Any, watched: socket.socket, seconds: float) -> None:
        """Watch a socket from now on."""
        with self._lock:
            self._watched[key] = (time.monotonic() + seconds, watched)

    def end(self, key: Any) -> bool:
        """Watch a socket no longer; say whether it was in time."""
        with self._lock:
            return self._watched.pop(key, None) is not None

    @contextlib.contextmanager
    def within(self, watched: socket.socket, seconds: float) -> Iterator[None]:
        """Watch a socket while a block runs."""
        self.begin(watched, watched, seconds)
        try:
            yield
        finally:
            self.end(watched)

    def stop(self) -> None:
        """Watch nothing any more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(1):
            now = time.monotonic()
            with self._lock:
                late = {k: s for k, (until, s) in self._watched.items() if until < now}
                for key in late:
                    del self._watched[key]
            for each in late.values():
                # Whoever waits for more of the request now finds that it ends here.
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RD)


class StrictHeaders(HeaderReader):
    """Reads headers; what is ambiguous is refused instead of guessed."""

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        """Read headers up to the empty line.

        Raises:
            ValueError: They are not what HTTP demands; the message says how.
            MaxSizeExceeded: They, or the body they announce, are too large.
        """
        headers = {} if hdict is None else hdict
        problem = ""
        for line in self._lines(rfile):
            # All of them are read, so that the answer can be in the protocol of the request.
            problem = self._take(line, headers) or problem
        problem = problem or self._length_problem(headers)
        if problem:
            raise ValueError(problem)
        length = headers.get(b"Content-Length", b"0")
        if int(length[:20]) > limits.body_bytes(_text(headers.get(b"Authorization", b""))):
            raise MaxSizeExceeded
        return headers

    @staticmethod
    def _take(line: bytes, headers: dict[bytes, bytes]) -> str:
        """Add a line's header; return what is wrong with it, if anything."""
        raw, colon, value = line.partition(b":")
        value = value.strip()
        if not colon or not _NAME.fullmatch(raw) or _BAD_VALUE.search(value):
            return f"Illegal header line {line[:80]!r}"
        name = raw.title()
        plain = name.replace(b"_", b"-")
        if plain in _ONCE and (plain in headers or name != plain):
            return f"The header {plain.decode()} is given twice, or misspelt"
        if name in headers:
            value = headers[name] + b", " + value
        headers[name] = value
        return ""

    @staticmethod
    def _lines(rfile: Any) -> Iterator[bytes]:
        for _ in range(limits.HEADERS_MOST + 1):
            line = rfile.readline()
            if line == b"\r\n":
                return
            if not line.endswith(b"\r\n"):
                raise ValueError("The headers break off, or a line does not end with CRLF")
            yield line[:-2]
        raise MaxSizeExceeded

    @staticmethod
    def _length_problem(headers: dict[bytes, bytes]) -> str:
        length = headers.get(b"Content-Length")
        if length is None:
            return ""
        if not length.isdigit():
            return f"Content-Length is no number: {length[:40]!r}"
        both = b"Transfer-Encoding" in headers
        return "Content-Length and Transfer-Encoding exclude each other" if both else ""


class StrictRequest(HTTPRequest):
    """A request whose refusals are in AWS's shape."""

    header_reader = StrictHeaders()
    uri: bytes = b"/"
    method: bytes = b"GET"

    def parse_request(self) -> None:
        """Read request line and headers, in reasonable time."""
        deadlines: Deadlines = self.server.deadlines
        deadlines.begin(self, self.conn.socket, limits.HEAD_SECONDS)
        try:
            super().parse_request()
        except ValueError as error:  # urllib's, of a path such as //[
            self.simple_response(400, f"Malformed request: {error}")
        finally:
            deadlines.end(self)

    def simple_response(self, status: str | int, msg: str = "") -> None:
        """Answer, as AWS would, a request that cheroot could not read."""
        number = int(str(status)[:3])
        if number == _TOO_LARGE:
            number, msg = self._too_large()
        request = Request(
            _text(self.method),
            _text(self.uri).partition("?")[0],
            _text(self.uri).partition("?")[2],
            {_text(name).lower(): _text(value) for name, value in self.inheaders.items()},
            b"",
        )
        response: Response = self.server.refuse(request, number, msg)
        self.close_connection = True
        self.conn.unread = True
        lines = [f"HTTP/1.1 {status_line(response.status)}", f"Server: {self.server.server_name}"]
        headers = response.headers | {"Content-Length": str(len(response.body))}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        body = b"" if self.method == b"HEAD" else response.body
        with contextlib.suppress(OSError):
            self.conn.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def _too_large(self) -> tuple[int, str]:
        most = limits.body_bytes(_text(self.inheaders.get(b"Authorization", b"")))
        length = self.inheaders.get(b"Content-Length", b"0")
        if length.isdigit() and int(length[:20]) > most:
            return 413, f"The body of {_text(length)[:20]} bytes exceeds the {most} accepted here."
        return 414, (
            f"URL and headers exceed {limits.HEAD_BYTES} bytes or {limits.HEADERS_MOST} headers."
        )


class _Reader(io.BufferedReader):
    """A socket's input. cheroot's own is written in Python, and slow."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(socket.SocketIO(sock, "r"), _BUFFER_BYTES)
        self._socket = sock

    def has_data(self) -> bool:
        """Tell whether the next request has come already, without waiting for it."""
        patience = self._socket.gettimeout()
        self._socket.settimeout(0)
        try:
            return bool(self.peek(1))
        finally:
            self._socket.settimeout(patience)

    def has_data_within(self, milliseconds: int) -> bool:
        """Tell whether the next request comes so soon; not by a timeout, which would be final."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return bool(waiting.poll(milliseconds)) or self.has_data()


class _Writer:
    """A socket's output. cheroot's own copies all that is left at every step."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def write(self, data: bytes) -> int:
        """Send all of it; the socket's timeout is for each piece, not for all of them."""
        left = memoryview(data)
        while left:
            left = left[self._socket.send(left[:_PIECE_BYTES]) :]
        return len(data)


def _stream(sock: socket.socket, mode: str, _buffer: int) -> _Reader | _Writer:
    return _Reader(sock) if "r" in mode else _Writer(sock)


class StrictConnection(HTTPConnection):
    """A connection that, refused, still reads on for a while, so that the client sees why.

    Closing a socket with unread data resets it, and the answer would be lost on its way.
    """

    RequestHandlerClass = StrictRequest
    unread = False

    def __init__(self, server: Any, sock: socket.socket, _makefile: Any = None) -> None:
        super().__init__(server, sock, _stream)

    def communicate(self) -> bool:
        """Answer the connection's requests as long as they follow each other closely."""
        while super().communicate():  # type: ignore[no-untyped-call]
            if not self._asked_again():
                return True
        return False

    def _asked_again(self) -> bool:
        # Most clients ask again at once. By way of the selector the next request would cost two
        # changes of thread, which take longer than many an answer. Those who queue go first.
        queued: int = self.server.requests.qsize
        return not queued and self.rfile.has_data_within(_LINGER_MILLISECONDS)

    def close(self) -> None:
        """Close the connection."""
        if self.unread:
            with contextlib.suppress(OSError):
                self._drain()
        super().close()

    def _drain(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)
        self.socket.settimeout(_DRAIN_SECONDS)
        until = time.monotonic() + _DRAIN_SECONDS
        left = _DRAIN_BYTES
        while left > 0 and time.monotonic() < until:
            read = len(self.socket.recv(256 * 1024))
            if not read:
                return
            left -= read


def _text(value: bytes) -> str:
    return value.decode("latin-1")
