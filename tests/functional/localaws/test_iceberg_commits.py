"""Iceberg commits that meet a kill, another commit, or a caller without permission."""

# ruff: noqa: S608 - SQL in f-strings is what is tested

from __future__ import annotations

import random
import signal
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.functional.conftest import client
from tests.functional.localaws.athena_world import AthenaWorld
from tests.functional.localaws.roles import allow, ensure_role, trust
from tests.functional.localaws.test_athena_iceberg import ctas, metadata
from tests.functional.localaws.test_code_restart import free_port
from tests.functional.localaws.test_data_restart import server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.conftest import EmbeddedAws

BATCH = 50


@pytest.mark.parametrize("seed", [1, 2])
def test_a_kill_leaves_the_old_snapshot_or_the_new(tmp_path: Path, seed: int) -> None:
    port, chance = free_port(), random.Random(seed)  # noqa: S311 - a test's own chance
    done: list[int] = []
    with server(tmp_path, port, signal.SIGKILL) as remote:
        world = AthenaWorld(remote)
        world.run(ctas(world, "t", "SELECT 0 AS batch, 0 AS n WHERE false"))
        thread = threading.Thread(target=insert_for_ever, args=(world, done))
        thread.start()
        while not done:  # pyiceberg's first use takes seconds
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.5))
    thread.join()
    with server(tmp_path, port, signal.SIGTERM) as remote:
        world.athena, world.glue, world.s3 = (
            remote.client(service) for service in ("athena", "glue", "s3")
        )
        batches = world.rows("SELECT batch, count(*) FROM t GROUP BY batch ORDER BY batch")
        assert {count for _, count in batches} == {str(BATCH)}
        assert len(batches) - len(done) in {0, 1}  # the last one may be done but not answered
        assert [int(batch or -1) for batch, _ in batches] == list(range(len(batches)))
        insert(world, len(batches))
        assert world.rows("SELECT count(*) FROM t") == [[str(BATCH * (len(batches) + 1))]]
        assert len(metadata(world, "t")["snapshots"]) == len(batches) + 1


def insert(world: AthenaWorld, batch: int) -> None:
    world.run(f"INSERT INTO t SELECT {batch}, x FROM UNNEST(sequence(1, {BATCH})) AS s(x)")


def insert_for_ever(world: AthenaWorld, done: list[int]) -> None:
    while True:
        try:
            insert(world, len(done))
        except (ClientError, BotoCoreError, AssertionError):
            return
        done.append(len(done))


@pytest.fixture(scope="module")
def world(aws: EmbeddedAws) -> AthenaWorld:
    return AthenaWorld(aws)


def test_of_two_updates_at_once_none_is_lost(world: AthenaWorld) -> None:
    world.run(ctas(world, "counter", "SELECT 0 AS n"))
    started = [world.start("UPDATE counter SET n = n + 1") for _ in range(4)]
    ends = [world.wait(query)["Status"] for query in started]
    failed = [end for end in ends if end["State"] == "FAILED"]
    assert all(end["StateChangeReason"].startswith("ICEBERG_COMMIT_ERROR") for end in failed)
    assert world.rows("SELECT n FROM counter") == [[str(len(ends) - len(failed))]]


class Caller:
    """A role of its own, and Athena as it may use it."""

    def __init__(self, aws: EmbeddedAws, world: AthenaWorld, *may: dict[str, Any]) -> None:
        self._world = world
        name = f"reader-{uuid.uuid4().hex[:8]}"
        everywhere = [
            allow(["athena:*", "glue:Get*"], "*"),
            allow(["s3:*"], [f"arn:aws:s3:::{world.bucket}/results/*",
                             f"arn:aws:s3:::{world.bucket}"]),
        ]  # fmt: skip
        arn = ensure_role(
            aws.client("iam"), name, trust(accounts=("111111111111",)), may=[*everywhere, *may]
        )
        keys = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="reader")["Credentials"]
        self._athena = client(aws.endpoint_url, "athena", keys["AccessKeyId"], keys["SessionToken"])

    def run(self, sql: str) -> tuple[str, str]:
        started = self._athena.start_query_execution(
            QueryString=sql, WorkGroup=self._world.workgroup,
            QueryExecutionContext={"Database": self._world.database},
        )  # fmt: skip
        status = self._world.wait(started["QueryExecutionId"])["Status"]
        return status["State"], status.get("StateChangeReason", "")


def test_a_caller_reads_no_file_that_it_may_not(aws: EmbeddedAws, world: AthenaWorld) -> None:
    world.run(ctas(world, "kept", "SELECT 1 AS a"))
    assert world.rows("SELECT a FROM kept") == [["1"]]  # now there are local copies
    files = f"arn:aws:s3:::{world.bucket}/ice/kept/"
    nothing = Caller(aws, world)
    state, reason = nothing.run("SELECT a FROM kept")
    assert (state, "s3:GetObject" in reason) == ("FAILED", True), reason
    only_metadata = Caller(aws, world, allow(["s3:GetObject"], f"{files}metadata/*"))
    state, reason = only_metadata.run("SELECT a FROM kept")
    assert (state, "PERMISSION_DENIED" in reason, "/data/" in reason) == ("FAILED", True, True)
    assert only_metadata.run('SELECT * FROM "kept$snapshots"') == ("SUCCEEDED", "")
    reader = Caller(aws, world, allow(["s3:GetObject"], f"{files}*"))
    assert reader.run("SELECT a FROM kept") == ("SUCCEEDED", "")
    state, reason = reader.run("INSERT INTO kept VALUES (2)")
    assert (state, "s3:PutObject" in reason) == ("FAILED", True), reason
    state, reason = Caller(aws, world, allow(["s3:*"], f"{files}*")).run("DELETE FROM kept")
    assert (state, "glue:UpdateTable" in reason) == ("FAILED", True), reason
    assert world.rows("SELECT a FROM kept") == [["1"]]


def test_a_data_file_that_is_gone_fails_the_query(world: AthenaWorld) -> None:
    world.run(ctas(world, "holed", "SELECT 1 AS a"))
    assert world.rows("SELECT a FROM holed") == [["1"]]
    (key,) = [key for key in world.keys("ice/holed/") if "/data/" in key]
    world.s3.delete_object(Bucket=world.bucket, Key=key)
    assert "ICEBERG_CANNOT_OPEN_SPLIT" in world.reason("SELECT a FROM holed")
