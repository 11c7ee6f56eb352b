"""The HTTP listener: cheroot on 127.0.0.1, with the request details WSGI would lose.

Answering requests does not belong here.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from cheroot import wsgi

if TYPE_CHECKING:
    from localaws.core.http import Application

HOST = "127.0.0.1"
_THREADS = 32


class PortInUseError(RuntimeError):
    """Another process listens on the port."""


class Listener:
    """Serves an application from construction (socket bound) until ``stop``."""

    def __init__(self, application: Application, port: int) -> None:
        self._server = wsgi.Server(
            (HOST, port),
            application,
            numthreads=_THREADS,
            request_queue_size=128,
            timeout=60,
            shutdown_timeout=5,
        )
        self._server.server_name = "localaws"
        self._server.gateway = _Gateway
        self._server.nodelay = True
        try:
            self._server.prepare()
        except OSError as error:
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
        self._server.stop()
        if self._thread.is_alive():
            self._thread.join(10)


class _Gateway(wsgi.Gateway_10):
    """Keeps the spelling of metadata headers, in which WSGI confuses ``_`` and ``-``."""

    def get_environ(self) -> Any:
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        environ["moto.preserved_header_names"] = {
            f"HTTP_{name.upper().replace('-', '_')}": name
            for name in (key.decode("latin-1") for key in self.req.inheaders)
            if "_" in name
        }
        return environ
