"""The HTTP listener: cheroot on 127.0.0.1, with the request details WSGI would lose.

Answering requests does not belong here, nor reading them strictly (wire).
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from cheroot import wsgi

from localaws.core import limits
from localaws.core.http import ConnectionDropped
from localaws.core.wire import Deadlines, StrictConnection

if TYPE_CHECKING:
    import socket

    from localaws.core.http import Application
    from localaws.core.wire import Refuse

HOST = "127.0.0.1"
_THREADS = 32
_KEPT_CONNECTIONS = 256


class PortInUseError(RuntimeError):
    """Another process listens on the port."""


class Listener:
    """Serves an application from construction (socket bound) until ``stop``.

    Args:
        application: Answers requests.
        refuse: Answers those that cannot be read.
        port: On 127.0.0.1; 0 takes any.
    """

    def __init__(self, application: Application, refuse: Refuse, port: int) -> None:
        self._server = _Server(
            (HOST, port),
            application,
            numthreads=_THREADS,
            request_queue_size=128,
            timeout=limits.IDLE_SECONDS,
            shutdown_timeout=5,
        )
        self._server.server_name = "localaws"
        self._server.gateway = _Gateway
        self._server.refuse = refuse
        self._server.nodelay = True
        try:
            self._server.prepare()
        except OSError as error:
            self._server.deadlines.stop()
            raise PortInUseError(
                f"Cannot listen on {HOST}:{port}: {error}. Another program uses this port; "
                "stop it, or choose another one with --port."
            ) from error
        self._stopped = False
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.serve, name="localaws-http", daemon=True
        )

    def start(self) -> None:
        """Begin to answer; connections made since construction have been waiting."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the requests under way and close the port."""
        if self._stopped:
            return
        self._stopped = True
        self._server.silent.close_all()
        self._server.stop()
        self._server.deadlines.stop()
        if self._thread.is_alive():
            self._thread.join(10)


class _Silent:
    """Connections that a fault plan leaves open without an answer; they hold no thread."""

    def __init__(self) -> None:
        self._sockets: dict[socket.socket, threading.Timer] = {}

    def keep(self, kept: socket.socket, seconds: float) -> None:
        timer = threading.Timer(seconds, self._close, [kept])
        timer.daemon = True
        self._sockets[kept] = timer
        timer.start()

    def close_all(self) -> None:
        for kept in list(self._sockets):
            self._close(kept)

    def _close(self, kept: socket.socket) -> None:
        timer = self._sockets.pop(kept, None)
        if timer is not None:
            timer.cancel()
            with contextlib.suppress(OSError):
                kept.close()


class _Server(wsgi.Server):
    """cheroot's server with patience for nobody."""

    ConnectionClass = StrictConnection
    max_request_header_size = limits.HEAD_BYTES
    max_request_body_size = limits.LARGEST_BODY_BYTES
    keep_alive_conn_limit = _KEPT_CONNECTIONS
    refuse: Refuse

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.deadlines = Deadlines()
        self.silent = _Silent()

    def process_conn(self, connection: Any) -> None:
        """Give a connection to a thread, but a new one only once it says something."""
        if connection.last_used is None:
            self._connections.put(connection)  # type: ignore[attr-defined] # not in its stubs
        else:
            super().process_conn(connection)


class _Gateway(wsgi.Gateway_10):
    """Between cheroot's request and the application."""

    def get_environ(self) -> Any:
        """Return the WSGI environment.

        It keeps the spelling of metadata headers, in which WSGI confuses ``_`` and ``-``.
        """
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        environ["moto.preserved_header_names"] = {
            f"HTTP_{name.upper().replace('-', '_')}": name
            for name in (key.decode("latin-1") for key in self.req.inheaders)
            if "_" in name
        }
        environ["localaws.within"] = self._within
        return environ

    def respond(self) -> None:
        """Answer the request, unless it is to get no answer."""
        try:
            super().respond()
        except ConnectionDropped as dropped:
            self.req.sent_headers = True  # so that cheroot sends none
            self.req.close_connection = True
            if dropped.after_seconds:
                self.req.conn.linger = True  # so that cheroot does not close it
                self.req.server.silent.keep(self.req.conn.socket, dropped.after_seconds)

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        """Note the answer's head; one that closes the connection is given time to be read."""
        if ("Connection", "close") in headers:
            self.req.close_connection = True
            self.req.conn.unread = True
        return super().start_response(status, headers, exc_info)

    def _within(self, seconds: float) -> contextlib.AbstractContextManager[None]:
        deadlines: Deadlines = self.req.server.deadlines
        return deadlines.within(self.req.conn.socket, seconds)
