"""What a provider may use of its server: the store, a folder, a clock, and AWS's API on loopback.

Anything that belongs to one service does not belong here.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from localaws.core import loopback
from localaws.core.accounts import Accounts, Caller

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localaws.core.authorization.authorizer import Authorizer
    from localaws.core.http import Request, Response
    from localaws.core.provider import Call, Document
    from localaws.core.store import Store

_RENEW_SECONDS = 300.0
#: Services hold a role's session up to twelve hours, whatever the role's own limit.
_PROCESS_SECONDS = 43_200
#: One per service, region and caller; sessions come and go.
_MOST_CLIENTS = 512


class ServerContext:
    """Shared by all providers of one server.

    Attributes:
        store: Durable documents.
        state: Root of the state folder; use ``folder()`` for a place of one's own.
        endpoint_url: The server's own address, ``http://127.0.0.1:PORT``.
        authorizer: The judge of all requests.
        salvage: Of a damaged file of the state, what can be read is to be kept.
        stopping: Set when the server is about to stop; background loops watch it.
    """

    authorizer: Authorizer

    def __init__(
        self,
        store: Store,
        state: Path,
        endpoint_url: str,
        handle: Callable[..., Response],
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
        self._clients: dict[tuple[Any, ...], Any] = {}
        self._sessions: dict[tuple[str, str], tuple[Caller, float]] = {}
        self._lock = threading.RLock()

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
        key = f"LOCALAWS{account_id}" + (f".{acting_as}" if acting_as else "")
        return self._client(service, region, key, self._handle, key)

    def client_as_role(
        self, service: str, role_arn: str, region: str = "us-east-1", *, acting_as: str
    ) -> Any:
        """Return a cached boto3 client that acts as a role which a service was given.

        The role is assumed at once, so that a missing role or trust shows here, and anew before
        the session expires. ``acting_as`` is the service, for example ``sagemaker``, that the role
        must trust.

        Raises:
            ClientError: AccessDenied, the role does not exist or does not trust the service.
        """
        self._assumed(role_arn, acting_as)

        def handle(request: Request) -> Response:
            return self._handle(request, caller=self._assumed(role_arn, acting_as))

        account_id = role_arn.split(":")[4]
        what = (role_arn, acting_as)
        return self._client(service, region, f"LOCALAWS{account_id}", handle, what)

    def client_for(self, call: Call, service: str, region: str = "us-east-1", *, via: str) -> Any:
        """Return a boto3 client that asks in the name of whoever made a call.

        ``via`` is the service that does so, see
        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
        """
        caller = dataclasses.replace(call.caller, via=via)
        handle = partial(self._handle, caller=caller)
        return self._client(service, region, f"LOCALAWS{caller.account_id}", handle, caller)

    def judge(
        self, call: Call, service: str, operation: str, request: Document, *, via: str
    ) -> None:
        """Refuse what whoever made a call may not do, where nothing is asked of the service itself.

        Raises:
            ServiceError: The service's own way to deny.
        """
        caller = dataclasses.replace(call.caller, via=via)
        asked = dataclasses.replace(call, service=service, operation=operation, caller=caller)
        self.authorizer.check(asked, request)

    def unjudged_client(self, service: str, account_id: str, region: str = "us-east-1") -> Any:
        """Return a client whose requests no policy is asked about.

        For the authorizer, and for a guard that looks up what a judged request rests on.
        """
        handle = partial(self._handle, judged=False)
        return self._client(service, region, f"LOCALAWS{account_id}", handle, (account_id,))

    def role_credentials(self, role_arn: str, *, acting_as: str, session: str) -> dict[str, str]:
        """Return credentials of a role for a process that a service runs, as its environment.

        Raises:
            ClientError: AccessDenied, the role does not exist or does not trust the service.
        """
        sts = self.client("sts", role_arn.split(":")[4], acting_as=acting_as)
        credentials = sts.assume_role(
            RoleArn=role_arn, RoleSessionName=session[:64], DurationSeconds=_PROCESS_SECONDS
        )["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }

    def _assumed(self, role_arn: str, acting_as: str) -> Caller:
        key = (role_arn, acting_as)
        known = self._sessions.get(key)
        if known is None or known[1] - self.now() < _RENEW_SECONDS:
            sts = self.client("sts", role_arn.split(":")[4], acting_as=acting_as)
            given = sts.assume_role(RoleArn=role_arn, RoleSessionName=acting_as)["Credentials"]
            caller = Accounts(self.store).caller(
                given["AccessKeyId"], given["SessionToken"], "json"
            )
            known = self._sessions[key] = (caller, given["Expiration"].timestamp())
        return known[0]

    def _client(
        self, service: str, region: str, key: str, handle: Callable[[Request], Response], who: Any
    ) -> Any:
        cached = (service, region, who)
        with self._lock:
            if cached not in self._clients:
                if len(self._clients) >= _MOST_CLIENTS:
                    self._clients.clear()
                client = self._make_client(service, region, key)
                loopback.attach(client, handle)
                self._clients[cached] = client
            return self._clients[cached]

    def _make_client(self, service: str, region: str, key: str) -> Any:
        return self._session.client(
            service,
            region_name=region,
            # The gateway reads the account from this reserved form of key, see core.accounts.
            aws_access_key_id=key,
            aws_secret_access_key="loopback",  # noqa: S106 - not a secret, loopback only
            endpoint_url=self.endpoint_url,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"mode": "standard"},
                max_pool_connections=32,
            ),
        )
