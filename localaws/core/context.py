"""What a provider may use of its server: the store, a folder, a clock, and AWS's API on loopback.

Anything that belongs to one service does not belong here.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from localaws.core import loopback

if TYPE_CHECKING:
    from pathlib import Path

    from localaws.core.loopback import Handle
    from localaws.core.store import Store


class ServerContext:
    """Shared by all providers of one server.

    Attributes:
        store: Durable documents.
        state: Root of the state folder; use ``folder()`` for a place of one's own.
        endpoint_url: The server's own address, ``http://127.0.0.1:PORT``.
        salvage: Of a damaged file of the state, what can be read is to be kept.
        stopping: Set when the server is about to stop; background loops watch it.
    """

    def __init__(
        self,
        store: Store,
        state: Path,
        endpoint_url: str,
        handle: Handle | None = None,
        *,
        salvage: bool = False,
    ) -> None:
        self.store = store
        self.state = state
        self.salvage = salvage
        self.endpoint_url = endpoint_url
        self._handle = handle
        self.stopping = threading.Event()
        self._session = boto3.session.Session()
        self._clients: dict[tuple[str, str, str, str], Any] = {}
        self._lock = threading.Lock()

    def folder(self, *parts: str) -> Path:
        """Return a private folder below the state folder, created if need be."""
        path = self.state.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def now(self) -> float:
        """Return the time in epoch seconds."""
        return time.time()

    def client(
        self, service: str, account_id: str, region: str = "us-east-1", *, acting_as: str = ""
    ) -> Any:
        """Return a cached boto3 client that acts in ``account_id`` against this very server.

        Args:
            service: botocore's name of the service to call.
            account_id: The account to act in.
            region: The region to act in.
            acting_as: A service whose own principal asks, for example ``codebuild`` to assume a
                role that trusts ``codebuild.amazonaws.com``; by default the administrator asks.
        """
        key = (service, account_id, region, acting_as)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make_client(*key)
            return self._clients[key]

    def _make_client(self, service: str, account_id: str, region: str, acting_as: str) -> Any:
        client = self._session.client(
            service,
            region_name=region,
            # The gateway reads the account from this reserved form of key, see core.accounts.
            aws_access_key_id=f"LOCALAWS{account_id}" + (f".{acting_as}" if acting_as else ""),
            aws_secret_access_key="loopback",  # noqa: S106 - not a secret, loopback only
            endpoint_url=self.endpoint_url,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"mode": "standard"},
                max_pool_connections=32,
            ),
        )
        if self._handle is not None:
            loopback.attach(client, self._handle)
        return client
