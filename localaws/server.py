"""The embedded AWS as one object: state folder, providers, gateway and port, started and stopped.

``python -m localaws`` runs one; tests run one in their own process.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Self

from localaws.core import sandbox
from localaws.core.accounts import Accounts
from localaws.core.context import ServerContext
from localaws.core.gateway import Gateway
from localaws.core.http import wsgi_application
from localaws.core.listener import HOST, Listener
from localaws.core.passthrough import Moto
from localaws.core.store import Store
from localaws.services import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from localaws.core.http import Request, Response
    from localaws.core.provider import Provider

_log = logging.getLogger(__name__)


class Server:
    """An AWS on 127.0.0.1.

    Attributes:
        endpoint_url: Where to reach it, once started.
        context: What its providers use.
    """

    def __init__(self, state: Path, port: int = 0) -> None:
        self._state = state
        self._port = port
        self.endpoint_url = ""

    def start(self) -> None:
        """Load the state, open the port and resume what was under way.

        Raises:
            PortInUseError: The port is taken.
        """
        self._listener = Listener(wsgi_application(self._handle), self._port)
        self.endpoint_url = f"http://{HOST}:{self._listener.port}"
        self._store = Store(self._state / "documents.sqlite")
        self.context = ServerContext(self._store, self._state, self.endpoint_url, self._handle)
        self._moto = Moto()
        self._providers = _make_providers(PROVIDERS, self.context)
        self._gateway = Gateway(Accounts(self._store), self._moto, self._providers)
        self._listener.start()
        for provider in self._providers.values():
            provider.start()

    def stop(self) -> None:
        """Stop jobs and port, and write the state down. Whatever was under way resumes at start."""
        self.context.stopping.set()
        for provider in self._providers.values():
            provider.stop()
        sandbox.stop_all()
        self._listener.stop()
        self._store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _handle(self, request: Request) -> Response:
        return self._gateway.handle(request)


def _make_providers(paths: Iterable[str], context: ServerContext) -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    for path in paths:
        module_name, _, class_name = path.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("localaws.services."):
                raise
            _log.warning(
                "Provider %s does not exist yet (%s); its service is not there", path, error
            )
            continue
        provider: Provider = getattr(module, class_name)(context)
        providers[provider.service] = provider
    return providers
