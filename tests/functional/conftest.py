"""One embedded AWS for all functional tests, driven over HTTP with plain boto3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from localaws.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = {
    "experimentation": "111111111111",
    "dev": "222222222222",
    "staging": "333333333333",
    "prod": "444444444444",
    "assets": "555555555555",
}


class EmbeddedAws:
    """A running server, and clients that reach it as any program would."""

    def __init__(self, endpoint_url: str, server: Server | None = None) -> None:
        self.endpoint_url = endpoint_url
        if server is not None:  # one in this process; a process of its own shows only its port
            self.server = server
            self.context = server.context
        self._clients: dict[tuple[str, str], Any] = {}

    def account_id(self, account: str) -> str:
        return ACCOUNTS.get(account, account)

    def client(self, service: str, account: str = "experimentation") -> Any:
        """A cached client that acts as the administrator of an account (name or 12 digits)."""
        key = (service, self.account_id(account))
        if key not in self._clients:
            self._clients[key] = client(self.endpoint_url, service, f"LOCALAWS{key[1]}")
        return self._clients[key]


def client(endpoint_url: str, service: str, access_key: str, token: str | None = None) -> Any:
    return boto3.session.Session(
        aws_access_key_id=access_key,
        aws_secret_access_key="unchecked",
        aws_session_token=token,
        region_name="us-east-1",
    ).client(
        service,
        endpoint_url=endpoint_url,
        config=Config(s3={"addressing_style": "path"}, retries={"mode": "standard"}),
    )


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """The embedded AWS. Its state is shared by the session: use names of your own."""
    with Server(tmp_path_factory.mktemp("aws"), enforce_iam=True) as server:
        yield EmbeddedAws(server.endpoint_url, server)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a functional test; no need to say so in each file."""
    for item in items:
        if "tests/functional/" in item.path.as_posix():
            item.add_marker(pytest.mark.functional)
