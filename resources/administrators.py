"""Acting as an account's own administrator, which laying its foundations needs. Nothing else may.

Everyday calls go through the orchestrator's role (aws.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from pydantic import BaseModel, ConfigDict, SecretStr

from resources.aws import AwsSettings, client_options

if TYPE_CHECKING:
    from resources.aws import AccountName


class Identity(BaseModel):
    """Where credentials come from: a profile, a pair of keys, or (neither) boto3's own chain.

    ``{account}`` and ``{account_id}`` are filled in with the account's name and number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None

    def session(self, settings: AwsSettings, account: AccountName) -> boto3.session.Session:
        """Return a session that acts as this identity in ``account``."""
        fill = {"account": account, "account_id": settings.accounts[account]}
        secret = self.secret_access_key
        return boto3.session.Session(
            profile_name=self.profile and self.profile.format(**fill),
            aws_access_key_id=self.access_key_id and self.access_key_id.format(**fill),
            aws_secret_access_key=secret and secret.get_secret_value(),
            region_name=settings.region,
        )


class Administrators:
    """Clients that act as each account's administrator."""

    def __init__(self, settings: AwsSettings, identity: Identity) -> None:
        self._settings = settings
        self._identity = identity

    def client(self, service: str, account: AccountName) -> Any:
        """Return a new client of ``service`` in ``account``."""
        session = self._identity.session(self._settings, account)
        return session.client(service, **client_options(self._settings))
