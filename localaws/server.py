"""The embedded AWS as one object: state folder, providers, gateway and port, started and stopped.

``python -m localaws`` runs one; tests run one in their own process.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import TYPE_CHECKING, Any, Self

from localaws.core import announcing, sandbox
from localaws.core.accounts import Accounts
from localaws.core.authorization.authorizer import Authorizer
from localaws.core.context import ServerContext
from localaws.core.faults.doors import Faults
from localaws.core.gateway import Gateway
from localaws.core.http import wsgi_application
from localaws.core.keeper import Keeper
from localaws.core.listener import HOST, Listener
from localaws.core.lockfile import StateLock
from localaws.core.passthrough import Moto
from localaws.core.refusals import refuse
from localaws.core.store import Store
from localaws.services import GUARDS, NOTICES, PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from localaws.core.faults.plan import Plan
    from localaws.core.guard import Guard
    from localaws.core.http import Request, Response
    from localaws.core.provider import Provider

#: moto's state belongs to the process, so a process can have one server at a time.
_only_one = threading.Lock()


class Server:
    """An AWS on 127.0.0.1.

    Args:
        state: The state folder.
        port: On 127.0.0.1; 0 for any.
        enforce_iam: Whether roles are held to their own policies, see docs/localaws.md.
        salvage: Of damaged state, keep what can be read and set the files aside.

    Attributes:
        endpoint_url: Where to reach it, once started.
        context: What its providers use, once started.
    """

    def __init__(
        self,
        state: Path,
        port: int = 0,
        *,
        enforce_iam: bool = False,
        salvage: bool = False,
        faults: Plan | None = None,
    ) -> None:
        self._enforce_iam = enforce_iam
        self._state = state
        self._plan = faults
        self._port = port
        self._salvage = salvage
        self._undo = contextlib.ExitStack()
        self.endpoint_url = ""

    def start(self) -> None:
        """Load the state, open the port and resume what was under way.

        Raises:
            PortInUseError: The port is taken.
            StateInUseError: Another server uses the state folder.
            StateError: The state was written by another version or is damaged.
            RuntimeError: This process runs a server already.
        """
        if not _only_one.acquire(blocking=False):
            raise RuntimeError("this process runs an embedded AWS already; stop that one first")
        with contextlib.ExitStack() as undo:
            undo.callback(_only_one.release)
            self._open(undo)
            self._undo = undo.pop_all()

    def stop(self) -> None:
        """Stop jobs and port and save the state. What was under way resumes at the next start."""
        self._undo.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _open(self, undo: contextlib.ExitStack) -> None:
        # Each line says how it is undone; the stack undoes in the opposite order.
        undo.callback(StateLock(self._state).release)
        listener = Listener(wsgi_application(self._handle, refuse), refuse, self._port)
        undo.callback(listener.stop)
        self.endpoint_url = f"http://{HOST}:{listener.port}"
        store = Store(self._state / "documents.sqlite", salvage=self._salvage)
        undo.callback(store.close)
        for path in NOTICES:
            announcing.attach(store, _named(path))
        moto = Moto()
        keeper = Keeper(moto, self._state / "moto", salvage=self._salvage)
        keeper.load()
        undo.callback(keeper.stop)
        self.context = ServerContext(
            store, self._state, self.endpoint_url, self._handle, salvage=self._salvage
        )
        providers: dict[str, Provider] = _make(PROVIDERS, self.context)
        guards: dict[str, Guard] = _make(GUARDS, self.context)
        authorizer = Authorizer(self.context, enforce_iam=self._enforce_iam)
        self.context.authorizer = authorizer
        faults = Faults(self.context.stopping, self._plan)
        self._gateway = Gateway(
            Accounts(store),
            moto,
            providers,
            guards,
            authorizer,
            faults,
            lambda: (keeper.problem, keeper.notes),
        )
        keeper.start()
        undo.callback(self._end_work, list(providers.values()), listener)
        # Before the first answer: what a client starts now is not what a former server left.
        for provider in providers.values():
            provider.start()
        listener.start()

    def _end_work(self, providers: list[Provider], listener: Listener) -> None:
        self.context.stopping.set()
        for provider in providers:
            provider.stop()
        sandbox.stop_all()
        listener.stop()

    def _handle(self, request: Request, **how: Any) -> Response:
        return self._gateway.handle(request, **how)


def _make(paths: Iterable[str], context: ServerContext) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for path in paths:
        holder = _named(path)(context)
        made[holder.service] = holder
    return made


def _named(path: str) -> Any:
    module_name, _, name = path.partition(":")
    return getattr(importlib.import_module(module_name), name)
