"""A server process of its own, for tests of what happens when one stops, dies or is refused."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]


def client(endpoint_url: str, service: str, credentials: dict[str, str] | str) -> Any:
    """A client with an administrator's account (12 digits) or STS credentials."""
    if isinstance(credentials, str):
        credentials = {"AccessKeyId": f"LOCALAWS{credentials}", "SecretAccessKey": "unchecked"}
    return boto3.session.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
        region_name="us-east-1",
    ).client(service, endpoint_url=endpoint_url, config=Config(s3={"addressing_style": "path"}))


class Process:
    """``python -m localaws`` as its user runs it."""

    def __init__(self, state: Path, port: int = 0, *options: str, enforce_iam: bool = True) -> None:
        self._process = subprocess.Popen(
            _command(state, port, *(["--enforce-iam"] if enforce_iam else []), *options),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=(state.parent / f"{state.name}.log").open("a"),
            text=True,
        )
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError((state.parent / f"{state.name}.log").read_text())
        self.endpoint_url = line.split()[-1]

    def client(self, service: str, credentials: dict[str, str] | str = "555555555555") -> Any:
        return client(self.endpoint_url, service, credentials)

    @property
    def pid(self) -> int:
        return self._process.pid

    def health(self) -> dict[str, Any]:
        address = urlsplit(self.endpoint_url).netloc
        connection = http.client.HTTPConnection(address, timeout=10)
        connection.request("GET", "/_localaws/health")
        return json.loads(connection.getresponse().read())

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)


@contextlib.contextmanager
def running(state: Path, *options: str, **how: bool) -> Iterator[Process]:
    process = Process(state, 0, *options, **how)
    try:
        yield process
    finally:
        process.kill()


def _command(state: Path, port: int, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "localaws"),
        *("--port", str(port), "--state", str(state)),
        *options,
    ]


def refused(state: Path, port: int, *options: str) -> str:
    """Start a server that must not start; return what it said."""
    done = subprocess.run(
        _command(state, port, *options),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done
    assert done.stdout == ""
    return done.stderr


def trusting(account_id: str, external_id: str | None) -> str:
    """A trust policy for an account, perhaps only with an external id."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
        "Action": "sts:AssumeRole",
    }
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
