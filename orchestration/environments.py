"""Where this deployment runs: which accounts, which endpoint, which credentials to start from.

The only module in which `local` differs from `prod`, and the only importer of the embedded AWS.
Names, policies and clients do not belong here.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import urlopen

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from decisions.queue import Quota
from resources.aws import AccountName, AwsAccounts, AwsSettings, Credentials, make_client
from resources.clock import utc_now
from resources.errors import Terminal
from resources.platform import Platform

ROOT = Path(__file__).resolve().parents[1]


class Administrator(BaseModel):
    """How to act as an account's administrator: a profile or a key, `{account_id}` filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = Field(default=None, repr=False)


class Environment(BaseModel):
    """One deployment, read from `environments/<name>.yaml`.

    Attributes:
        clock: Whether arrivals and schedules are judged by the wall clock; a replay has only data
            time.
        quota: What trainings may use at one time, all use cases together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    region: str
    endpoint_url: str | None = None
    accounts: dict[AccountName, str]
    sensor_interval_seconds: int = Field(ge=1)
    clock: Literal["data", "wall"] = "data"
    quota: Quota = Quota()
    administrator: Administrator = Administrator()
    base_credentials: Credentials | None = None
    step_image: str | None = None

    @property
    def aws(self) -> AwsSettings:
        """Return what the doors to AWS need to know."""
        return AwsSettings(
            region=self.region,
            endpoint_url=self.endpoint_url,
            accounts=self.accounts,
            base_credentials=self.base_credentials,
            step_image=self.step_image,
        )

    def admin_client(self, service: str, account: AccountName) -> Any:
        """Return a client that acts as the account's administrator; laying foundations needs it."""
        who = self.administrator
        fill = {"account": account, "account_id": self.accounts[account]}
        credentials = None
        if who.access_key_id is not None:
            credentials = Credentials(
                access_key_id=who.access_key_id.format(**fill),
                secret_access_key=who.secret_access_key or "",
            )
        profile = None if who.profile is None else who.profile.format(**fill)
        return make_client(service, self.aws, credentials=credentials, profile=profile)

    def embedded_server(self, state: Path) -> list[str] | None:
        """Return the command that serves this environment's AWS here, if its endpoint is here."""
        if self.endpoint_url is None or not _is_loopback(self.endpoint_url):
            return None
        port = urlsplit(self.endpoint_url).port
        where = ["--port", str(port), "--state", str(state)]
        return [sys.executable, "-m", "localaws", "--enforce-iam", *where]

    def answers(self) -> bool:
        """Say whether the embedded AWS of this environment is up."""
        try:
            with urlopen(f"{self.endpoint_url}/_localaws/health", timeout=2) as answer:  # noqa: S310 - loopback, from our own file
                return bool(answer.status == HTTPStatus.OK)
        except OSError:
            return False

    def doors(self) -> Platform:
        """Return the doors to AWS, opened as the orchestrator's role in each account."""
        return Platform(AwsAccounts(self.aws), utc_now if self.clock == "wall" else None)


def load_environment(name: str | None = None) -> Environment:
    """Read an environment: `name`, else PERENNIAL_ENVIRONMENT, else `local`.

    PERENNIAL_AWS_ENDPOINT_URL, where set, replaces the file's endpoint (tests use a free port).

    Raises:
        Terminal: No such file, or a field of it is missing, unknown or malformed.
    """
    name = name or os.environ.get("PERENNIAL_ENVIRONMENT", "local")
    path = ROOT / "environments" / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in path.parent.glob("*.yaml")))
        raise Terminal(
            f"{path}: no such environment. Known: {known}. "
            "Set PERENNIAL_ENVIRONMENT to one of them, or copy environments/aws.example.yaml."
        )
    try:
        environment = Environment.model_validate(yaml.safe_load(path.read_text()))
    except (ValidationError, yaml.YAMLError) as error:
        raise Terminal(f"{path}: {error}") from error
    override = os.environ.get("PERENNIAL_AWS_ENDPOINT_URL")
    return environment.model_copy(update={"endpoint_url": override}) if override else environment


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


@cache
def platform() -> Platform:
    """Return this process's doors to AWS, opened on first use."""
    return load_environment().doors()


def state_folder() -> Path:
    """Return the folder of everything this machine keeps; PERENNIAL_STATE, else `.perennial`."""
    return Path(os.environ.get("PERENNIAL_STATE", ROOT / ".perennial")).resolve()
