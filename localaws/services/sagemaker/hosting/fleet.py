"""All serving processes of a server by endpoint: shared by SageMaker and its runtime.

Endpoint records and statuses belong to `endpoints.py`; one process belongs to `host.py`.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from localaws.services.sagemaker.hosting.host import Host, HostError, launch

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.services.sagemaker.objects import Objects


class Fleet:
    """The processes that serve now, one per endpoint ARN."""

    def __init__(self) -> None:
        self._hosts: dict[str, Host] = {}
        self._objects: dict[str, Objects] = {}
        self._changed = threading.Condition()
        self._reviving = threading.Lock()
        self._closed = False

    def swap(self, arn: str, host: Host, objects: Objects) -> Host | None:
        """Serve the endpoint by ``host`` from now on; return what served it before.

        Raises:
            HostError: The server stops.
        """
        with self._changed:
            if self._closed:
                host.stop()
                raise HostError("The server stops.")
            earlier = self._hosts.get(arn)
            self._hosts[arn], self._objects[arn] = host, objects
            self._changed.notify_all()
        return earlier

    def host(self, arn: str, *, patience: float) -> Host:
        """Return the endpoint's process; start it anew if it died.

        Args:
            arn: The endpoint.
            patience: Seconds to wait for an endpoint that is just being brought up.

        Raises:
            HostError: There is none in time, or it cannot be started again.
        """
        deadline = time.monotonic() + patience
        with self._changed:
            while arn not in self._hosts:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise HostError(f"{arn} has no serving process yet.")
            host = self._hosts[arn]
        return host if host.alive else self._revive(arn)

    def remove(self, arn: str) -> None:
        """Stop serving the endpoint."""
        with self._changed:
            host = self._hosts.pop(arn, None)
        if host is not None:
            host.stop()

    def stop_all(self) -> None:
        """Stop every process."""
        with self._changed:
            self._closed = True
            hosts = list(self._hosts.values())
            self._hosts.clear()
        for host in hosts:
            host.stop()

    def _revive(self, arn: str) -> Host:
        with self._reviving:
            current = self._hosts.get(arn)
            if current is None:
                raise HostError(f"{arn} serves no more.")
            if current.alive:
                return current  # Somebody else was faster.
            objects = self._objects[arn]
            host = launch(current.plan, objects)
            self.swap(arn, host, objects)
            return host


_fleets: WeakKeyDictionary[ServerContext, Fleet] = WeakKeyDictionary()
_fleets_lock = threading.Lock()


def fleet_of(context: ServerContext) -> Fleet:
    """Return the one fleet of a server."""
    with _fleets_lock:
        return _fleets.setdefault(context, Fleet())
