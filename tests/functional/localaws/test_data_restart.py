"""kill -9 of the server: acknowledged records survive, a query that was running has failed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import urllib3

from tests.functional.conftest import client
from tests.functional.localaws.test_code_restart import free_port
from tests.functional.localaws.test_feature_store import FeatureWorld, record
from tests.functional.localaws.test_feature_store_iceberg import IcebergFeatures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Remote:
    """Clients of a server in another process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str, _: str = "experimentation") -> Any:
        return client(self.url, service, "LOCALAWS111111111111")


@contextmanager
def server(state: Path, port: int, end: signal.Signals) -> Iterator[Remote]:
    command = [sys.executable, "-m", "localaws", "--port", str(port), "--state", str(state)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            if _is_up(url):
                break
            time.sleep(0.1)
        yield Remote(url)
    finally:
        process.send_signal(end)
        process.wait()


def _is_up(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/_localaws/health", retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def test_records_and_queries_survive_a_killed_server(tmp_path: Path) -> None:
    port = free_port()
    with server(tmp_path, port, signal.SIGKILL) as remote:
        before = FeatureWorld(remote)
        name = before.create()
        numbers = "UNNEST(sequence(1, 100000))"
        slow = before.lake.start(
            f"SELECT sum(sin(a * b)) FROM {numbers} AS x(a) CROSS JOIN {numbers} AS y(b)"  # noqa: S608
        )
        done = before.lake.run("SELECT 1")["QueryExecutionId"]
        for plane in ("N1", "N2"):
            before.runtime.put_record(FeatureGroupName=name, Record=record(plane))
    with server(tmp_path, port, signal.SIGTERM) as remote:
        after = FeatureWorld(remote)
        assert after.get(name, "N1")["seats"] == "100"
        assert after.offline(name, "plane", 2) == [["N1"], ["N2"]]
        failed = after.lake.wait(slow)
        assert failed["Status"]["State"] == "FAILED"
        assert "restarted" in failed["Status"]["StateChangeReason"]
        assert failed["Status"]["AthenaError"]["Retryable"]
        answer = after.lake.athena.get_query_results(QueryExecutionId=done)
        assert answer["ResultSet"]["Rows"][1] == {"Data": [{"VarCharValue": "1"}]}


def test_records_reach_an_iceberg_store_once(tmp_path: Path) -> None:
    """What was appended in the last seconds is flushed again after a kill, and known by its id."""
    port = free_port()
    with server(tmp_path, port, signal.SIGKILL) as remote:
        before = IcebergFeatures(remote)
        name = before.create()
        before.runtime.put_record(FeatureGroupName=name, Record=record("N1"))
        assert before.offline(name, "plane", 1) == [["N1"]]
        before.runtime.put_record(FeatureGroupName=name, Record=record("N2"))
    with server(tmp_path, port, signal.SIGTERM) as remote:
        after = IcebergFeatures(remote)
        assert after.offline(name, "plane", 2) == [["N1"], ["N2"]]
        after.runtime.put_record(FeatureGroupName=name, Record=record("N3"))
        assert after.offline(name, "plane", 3) == [["N1"], ["N2"], ["N3"]]
