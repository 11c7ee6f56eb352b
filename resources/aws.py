"""Accounts, roles, endpoint, retries: the only place in the project that makes a boto3 client.

What a client is used for does not belong here. Nothing here knows whether AWS is the embedded one:
only ``endpoint_url`` and the account numbers differ.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import ProfileNotFound
from pydantic import BaseModel, ConfigDict, Field

from resources.errors import Terminal
from resources.outages import wait_out

if TYPE_CHECKING:
    from collections.abc import Mapping

AccountName = Literal["experimentation", "dev", "staging", "prod", "assets"]

SESSION_NAME = "perennial"


class Credentials(BaseModel):
    """A key to start from where no profile holds one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_key_id: str
    secret_access_key: str = Field(repr=False)


_RECORDS = "sagemaker-featurestore-runtime"


class AwsSettings(BaseModel):
    """Where AWS is and who we are there.

    Attributes:
        region: The one region in use.
        endpoint_url: Where every service answers, or None for AWS itself.
        accounts: Account number of each named account.
        role_name: The role assumed in every account.
        external_id: The ExternalId that the role's trust policy demands.
        base_credentials: What to assume the roles with; None takes boto3's usual chain.
        step_image: Image of the pipeline's steps; None takes SageMaker's own scikit-learn image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: str = "us-east-1"
    endpoint_url: str | None = None
    accounts: dict[AccountName, str] = Field(min_length=5)
    role_name: str = "perennial-orchestrator"
    external_id: str = "perennial"
    base_credentials: Credentials | None = None
    step_image: str | None = None


class AwsAccounts:
    """Clients by service and account, each acting as the orchestrator's role there. Thread-safe."""

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self._clients: dict[tuple[str, str], Any] = {}
        self._sessions: dict[str, boto3.session.Session] = {}
        # boto3 sessions are not thread-safe; clients are, once made.
        self._lock = threading.RLock()

    def account_id(self, account: AccountName) -> str:
        """Return the number of a named account."""
        return self.settings.accounts[account]

    def client(self, service: str, account: AccountName) -> Any:
        """Return the client of ``service`` in ``account``, one per pair for this object's life.

        Credentials are fetched at the first call and renewed before they expire.

        Raises:
            Terminal: There are no credentials to start from.
        """
        with self._lock:
            key = (service, account)
            if key not in self._clients:
                session = self._session(account)
                client = session.client(service, **client_options(self.settings, service))
                self._clients[key] = wait_out(client)
            return self._clients[key]

    def role_arn(self, account: AccountName) -> str:
        """Return the ARN of the role assumed in ``account``."""
        return f"arn:aws:iam::{self.account_id(account)}:role/{self.settings.role_name}"

    def _session(self, account: AccountName) -> boto3.session.Session:
        if account not in self._sessions:
            core = botocore.session.Session()
            core._credentials = self._assume(account)  # noqa: SLF001 - botocore offers no setter
            session = boto3.session.Session(botocore_session=core, region_name=self.settings.region)
            self._sessions[account] = session
        return self._sessions[account]

    def _assume(self, account: AccountName) -> DeferredRefreshableCredentials:
        base = make_session(self.settings, credentials=self.settings.base_credentials)
        source = base.get_credentials()
        if source is None:
            raise Terminal(
                f"No AWS credentials to assume {self.role_arn(account)} with. Set AWS_PROFILE or "
                "AWS_ACCESS_KEY_ID/AWS_SECRET_ACCESS_KEY.",
                service="sts",
                operation="AssumeRole",
            )
        fetcher = AssumeRoleCredentialFetcher(
            partial(_sts, base, self.settings),
            source,
            self.role_arn(account),
            extra_args={
                "RoleSessionName": SESSION_NAME,
                "ExternalId": self.settings.external_id,
            },
        )
        return DeferredRefreshableCredentials(
            refresh_using=fetcher.fetch_credentials, method="assume-role"
        )


def make_session(
    settings: AwsSettings, *, credentials: Credentials | None = None, profile: str | None = None
) -> boto3.session.Session:
    """Return a session of a key, of a profile, or of boto3's usual chain.

    Raises:
        Terminal: There is no such profile.
    """
    try:
        return boto3.session.Session(
            aws_access_key_id=credentials.access_key_id if credentials else None,
            aws_secret_access_key=credentials.secret_access_key if credentials else None,
            profile_name=profile,
            region_name=settings.region,
        )
    except ProfileNotFound as error:
        raise Terminal(f"{error}. Add it to ~/.aws/config, or name another.") from error


def make_client(
    service: str,
    settings: AwsSettings,
    *,
    credentials: Credentials | None = None,
    profile: str | None = None,
) -> Any:
    """Return a client that acts as itself and assumes no role: what bootstrap works with.

    Raises:
        Terminal: There is no such profile.
    """
    session = make_session(settings, credentials=credentials, profile=profile)
    return wait_out(session.client(service, **client_options(settings)))


def _sts(
    base: boto3.session.Session, settings: AwsSettings, service: str, **credentials: Any
) -> Any:
    return wait_out(base.client(service, **credentials, **client_options(settings)))


def client_options(settings: AwsSettings, service: str = "") -> Mapping[str, Any]:
    """Return the options every client of the project is made with."""
    return {
        "region_name": settings.region,
        "endpoint_url": settings.endpoint_url,
        "config": Config(
            retries={"mode": "standard", "total_max_attempts": 5},
            connect_timeout=5,
            # SageMaker's runtime answers within 60 s; the client must outwait it.
            read_timeout=70,
            max_pool_connections=32,
            # botocore would look at each value of each record: 45% of what writing a batch costs
            # a client. records.py has looked at them, and AWS does.
            parameter_validation=service != _RECORDS,
            user_agent_extra="perennial",
        ),
    }
