"""A server that drops connections for a while, and a client of the project's."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectionClosedError

from resources.aws import AwsSettings, Credentials, make_client

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = dict.fromkeys(("experimentation", "dev", "staging", "prod", "assets"), "111111111111")
TOKEN = "amz-sdk-invocation-id"


@contextmanager
def dropping(seconds: float) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve CodePipeline, closing every connection unanswered until ``seconds`` have passed."""
    asked: list[dict[str, Any]] = []
    until = time.monotonic() + seconds

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append({"body": body, "at": time.monotonic()})
            if time.monotonic() < until:
                self.close_connection = True
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"pipelineExecutionId": "1"}')

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def client(url: str) -> Any:
    settings = AwsSettings(endpoint_url=url, accounts=ACCOUNTS)
    key = Credentials(access_key_id="LOCALAWS111111111111", secret_access_key="loopback")
    return make_client("codepipeline", settings, credentials=key)


def test_an_outage_longer_than_botocore_waits_is_waited_out() -> None:
    with dropping(2.5) as (url, asked):
        answer = client(url).start_pipeline_execution(name="release")
    assert answer["pipelineExecutionId"] == "1"
    assert len(asked) > 5  # all that botocore would have tried
    # The token that botocore fills in by itself is the same each time: one execution, not many.
    assert len({each["body"] for each in asked}) == 1


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.outages.PATIENCE_SECONDS", 1.0)
    with dropping(60) as (url, asked):
        with pytest.raises(ConnectionClosedError):
            client(url).start_pipeline_execution(name="release")
        assert asked[-1]["at"] - asked[0]["at"] < 10
