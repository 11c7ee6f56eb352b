"""Datasets into feature groups: counted, resumed, restated, in bulk; both stores compared."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assets import resync, skew
from resources.accounting import IngestRefused
from resources.errors import Terminal
from resources.polling import wait_for
from tests.functional.faults import Faults, ordered
from tests.functional.resources.feature_world import START, World, as_stored, rows_of

if TYPE_CHECKING:
    from orchestration.environments import Environment
    from resources.platform import Platform

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DAY = timedelta(days=1)


@pytest.fixture
def glue(environment: Environment) -> Any:
    return environment.admin_client("glue", "experimentation")


def test_every_row_is_accounted_for_and_a_second_run_compares_nothing(platform: Platform):
    world, rows = World(platform, ROOT, "counted"), rows_of(7, 30)
    world.lay(rows)
    first = world.take_in()
    assert (first.way, first.rows, first.written, first.unchanged) == ("api", 210, 210, 0)
    assert world.offline() == as_stored(rows)
    assert skew.compare(world.work()).counts == {"in step": 7}

    again = world.take_in()
    assert (again.way, again.written, again.unchanged, again.partitions) == ("none", 0, 210, (0, 1))
    world.forget()
    lost = world.take_in()
    assert (lost.way, lost.written, lost.unchanged, lost.partitions) == ("api", 0, 210, (1, 1))


def test_a_restated_row_reaches_both_stores_and_so_does_the_way_back(platform: Platform):
    world, rows = World(platform, ROOT, "restated"), rows_of(3, 4)
    world.lay(rows)
    world.take_in()
    newest = rows[3]
    for delay in (77.0, newest[2]):
        rows[3] = (*newest[:2], delay, newest[3])
        world.lay(rows)
        done = world.take_in()
        assert (done.written, done.mended, done.unchanged) == (1, 1, 11)
        assert world.offline() == as_stored(rows)
        assert world.online("c0")["c0"]["delay"] == str(delay)
        assert skew.compare(world.work()).counts == {"in step": 3}


def test_an_old_row_restated_leaves_the_online_record_alone(platform: Platform):
    world, rows = World(platform, ROOT, "late"), rows_of(2, 4)
    world.lay(rows)
    world.take_in()
    before = world.online("c0", "c1")
    rows[0] = (*rows[0][:2], 55.0, 5)
    late = ("c1", START - DAY, 1.0, 1)
    world.lay([*rows, late])
    done = world.take_in()
    assert (done.written, done.mended) == (2, 0)
    assert world.online("c0", "c1") == before
    assert world.offline() == as_stored([*rows, late])


def test_only_the_partitions_that_changed_are_compared(platform: Platform, glue: Any):
    # The worked example of docs/data/feature-groups.md.
    world, rows = World(platform, ROOT, "daily"), rows_of(4, 72)
    days = {f"2013-01-0{d + 1}": [r for r in rows if r[1].day == d + 1] for d in range(3)}
    world.lay_days(glue, days)
    first = world.take_in()
    assert (first.written, first.rows, first.partitions) == (288, 288, (3, 3))
    assert (world.take_in().way, world.take_in().partitions) == ("none", (0, 3))
    second = days["2013-01-02"]
    second[0] = (*second[0][:2], 99.0, 9)
    world.lay_days(glue, {"2013-01-02": second})
    done = world.take_in()
    assert (done.written, done.unchanged, done.partitions) == (1, 287, (1, 3))
    world.forget()
    lost = world.take_in()
    assert (lost.way, lost.written, lost.unchanged, lost.partitions) == ("api", 0, 288, (3, 3))
    world.lay_days(glue, {"2013-01-04": [("c0", START + 3 * DAY, 1.0, 1)], "2013-01-05": []})
    done = world.take_in()
    assert (done.written, done.unchanged, done.partitions) == (1, 288, (2, 5))
    expected = [*days["2013-01-01"], *second, *days["2013-01-03"], ("c0", START + 3 * DAY, 1.0, 1)]
    assert world.offline() == as_stored(expected)
    assert world.take_in().partitions == (0, 5)


def test_killed_in_the_middle_and_run_again_every_record_is_there(
    platform: Platform, environment: Environment
):
    world, rows = World(platform, ROOT, "killed"), rows_of(40, 50)
    world.lay(rows)
    world.work()
    url = environment.endpoint_url
    slow = {"operation": "BatchWriteRecord", "effect": {"kind": "delay", "seconds": 0.2}}
    with ordered(url, {"name": "slow", **slow}) as faults:
        child = subprocess.Popen([sys.executable, str(HERE / "intake_child.py"), url, "killed"])
        try:
            wait_for_calls(faults, "slow", 20, child)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    assert not world.remembered()
    time.sleep(8)  # what was acknowledged becomes visible offline, here within seconds
    there = len(world.offline())
    assert 0 < there < len(rows)
    done = world.take_in()
    assert (done.written, done.unchanged) == (len(rows) - there, there)
    assert world.offline() == as_stored(rows)
    assert skew.compare(world.work()).counts == {"in step": 40}
    assert world.take_in().way == "none"


def wait_for_calls(faults: Faults, rule: str, count: int, child: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while faults.counters()[rule][0] < count:
        assert child.poll() is None, "it was done before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_throttling_is_waited_out(platform: Platform, environment: Environment):
    world, rows = World(platform, ROOT, "throttled"), rows_of(10, 20)
    world.lay(rows)
    world.work()
    busy = {
        "name": "busy", "operation": "BatchWriteRecord", "effect": "throttle", "until": 15,
    }  # fmt: skip
    with ordered(environment.endpoint_url, busy) as faults:
        done = world.take_in()
        assert faults.counters()["busy"][1] > 5
    assert (done.written, done.unchanged) == (200, 0)
    assert done.seconds > 10


def test_a_row_that_cannot_be_written_is_named_and_all_others_are(platform: Platform):
    world, rows = World(platform, ROOT, "refused"), rows_of(2, 3)
    world.lay([*rows, ("bad", START, float("nan"), 1)])
    with pytest.raises(IngestRefused, match=r"6 records written, 1 not.*NaN.*'bad'") as caught:
        world.take_in()
    assert sum(caught.value.report.reasons.values()) == 1
    assert not world.remembered()
    world.lay(rows)
    world.work()
    deadline = time.monotonic() + 20
    while len(world.offline()) < len(rows) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert world.take_in().unchanged == len(rows)


def test_the_skew_check_can_fail_and_tells_each_kind(platform: Platform):
    world, rows = World(platform, ROOT, "skewed"), rows_of(5, 3)
    world.lay(rows)
    world.take_in()
    work, store = world.work(), platform.feature_store
    assert skew.compare(work).verdict == "in step"
    newest = START + timedelta(hours=2)
    stamp = newest.isoformat() + "Z"
    # An online record is gone; another stands for what the offline store never saw, and so on.
    runtime = store.online._runtime
    for gone in ("c0", "c1"):
        runtime.delete_record(
            FeatureGroupName=work.facts.name, RecordIdentifierValueAsString=gone,
            EventTime=(newest + timedelta(seconds=1)).isoformat() + "Z",
            TargetStores=["OnlineStore"], DeletionMode="HardDelete",
        )  # fmt: skip
    online_only = [
        {"carrier": "c1", "at": newest - timedelta(hours=1), "delay": 1.0},
        {"carrier": "c3", "at": newest + timedelta(hours=1), "delay": 1.0},
        {"carrier": "nobody", "at": newest, "delay": 1.0},
    ]
    store.ingest(work.facts.name, online_only, targets=("OnlineStore",))
    store.online.replace(
        work.facts.name, {"carrier": "c2", "at": stamp, "delay": 0.5, "flights": 2}, "c2", stamp
    )
    verdict = skew.compare(world.work())
    assert verdict.verdict == "skewed"
    assert verdict.counts == {
        "missing": 1, "stale": 1, "different": 1, "ahead": 1, "extra": 1, "in step": 1,
    }  # fmt: skip
    assert "delay is '0.5' online, 2.25 offline" in verdict.examples["different"][0]
    assert resync.resync(world.work()) == 3
    assert skew.compare(world.work()).counts == {"in step": 4, "ahead": 1, "extra": 1}


def test_many_rows_are_inserted_into_the_offline_table_and_the_newest_go_online(
    platform: Platform,
):
    rows = rows_of(3, 130, step=DAY)
    api = World(platform, ROOT, "by_api", bulk_from=1_000)
    bulk = World(platform, ROOT, "by_bulk", bulk_from=10)
    for world, way in ((api, "api"), (bulk, "bulk")):
        world.lay(rows)
        done = world.take_in()
        assert (done.way, done.written, done.unchanged) == (way, 390, 0)
        assert world.offline() == as_stored(rows)
        assert skew.compare(world.work()).counts == {"in step": 3}
    assert bulk.online("c0", "c1", "c2") == api.online("c0", "c1", "c2")
    table = bulk.work().facts
    assert len(platform.catalogue.partitions(table.glue_database, table.glue_table)) == 130
    # Restated in bulk, the online record of the same event time gives way too.
    changed = [(c, at, (delay or 0) + 1, n) for c, at, delay, n in rows]
    bulk.lay(changed)
    done = bulk.take_in()
    assert (done.way, done.written, done.mended) == ("bulk", 390, 3)
    assert bulk.offline() == as_stored(changed)
    assert skew.compare(bulk.work()).counts == {"in step": 3}


def test_a_backfill_that_broke_off_is_completed_by_the_next_run(
    platform: Platform, environment: Environment
):
    world, rows = World(platform, ROOT, "broken", bulk_from=10), rows_of(2, 130, step=DAY)
    world.lay(rows)
    world.work()
    second = {
        "service": "athena", "operation": "StartQueryExecution", "calls": [2],
        "parameters": {"QueryString": "INSERT*"},
        "effect": {"kind": "error", "code": "InvalidRequestException"},
    }  # fmt: skip
    with ordered(environment.endpoint_url, second), pytest.raises(Terminal):
        world.take_in()
    assert 0 < len(world.offline()) < len(rows)
    done = world.take_in()
    assert done.way == "bulk"
    assert 0 < done.written < len(rows)
    assert world.offline() == as_stored(rows)
    # Nothing was inserted twice: there is one copy of each row.
    facts = world.work().facts
    query = f'SELECT count(*) AS n FROM "{facts.glue_database}"."{facts.glue_table}"'  # noqa: S608
    counted = platform.athena.select(query, database=facts.glue_database, intent="copies")
    assert counted[0]["n"] == len(rows)


def test_a_feature_added_later_is_filled_for_all_rows(platform: Platform):
    world, rows = World(platform, ROOT, "grown", features={"delay": "numeric"}), rows_of(2, 5)
    world.lay(rows)
    assert world.take_in().written == 10
    grown = world.redeclared(features={"delay": "numeric", "flights": "numeric"})
    done = grown.take_in()
    assert done.written == sum(1 for row in rows if row[3] is not None)
    assert grown.offline() == as_stored(rows)
    assert skew.compare(grown.work()).counts == {"in step": 2}
    with pytest.raises(Terminal, match=r"flights is no longer declared.*version: 2 in"):
        world.work()
    second = world.redeclared(version=2)
    done = second.take_in()
    assert (done.written, done.rows) == (10, 10)
    assert second.work().facts.name == "flight-delay-grown-v2"
    assert grown.online("c0")


def test_a_record_past_its_time_to_live_is_no_skew(platform: Platform):
    world = World(platform, ROOT, "brief", ttl="1d")
    world.lay(rows_of(3, 2))
    assert world.take_in().written == 6
    assert world.online("c0", "c1", "c2") == {}
    assert skew.compare(world.work()).verdict == "cannot tell"


def test_without_an_offline_store_the_newest_rows_are_kept_online(platform: Platform):
    world, rows = World(platform, ROOT, "fleeting", offline=False), rows_of(3, 4)
    world.lay(rows)
    assert world.take_in().written == 3
    assert world.online("c1")["c1"]["delay"] == str(rows[7][2])
    rows[7] = (*rows[7][:2], 42.0, 1)
    world.lay(rows)
    done = world.take_in()
    assert done.mended == 1
    assert world.online("c1")["c1"]["delay"] == "42.0"
    assert world.take_in().way == "none"


def test_an_offline_store_that_cannot_be_written_is_told_at_once(
    platform: Platform, environment: Environment
):
    world, rows = World(platform, ROOT, "blocked"), rows_of(2, 3)
    world.lay(rows)
    world.work()
    full = {
        "service": "s3", "operation": "PutObject", "internal": True,
        "parameters": {"Key": "*flight-delay-blocked-*"},
        "effect": {"kind": "error", "code": "AccessDenied"},
    }  # fmt: skip
    with (
        ordered(environment.endpoint_url, full),
        pytest.raises(Terminal, match=r"flight-delay-blocked is blocked: .*AccessDenied"),
    ):
        world.take_in()

    def written_again() -> Any:
        try:
            return world.take_in()
        except Terminal:  # AWS tries again by itself, in its own time
            return None

    done = wait_for(
        written_again, "the offline store to be written", deadline=timedelta(seconds=60)
    )
    assert world.offline() == as_stored(rows)
    assert done.rows == len(rows)


def test_an_iceberg_store_is_filled_by_both_ways(platform: Platform):
    rows = rows_of(3, 130, step=DAY)
    api = World(platform, ROOT, "ice_api", table_format="iceberg", bulk_from=1_000)
    bulk = World(platform, ROOT, "ice_bulk", table_format="iceberg", bulk_from=10)
    for world, way in ((api, "api"), (bulk, "bulk")):
        world.lay(rows)
        done = world.take_in()
        assert (done.way, done.written, done.unchanged) == (way, 390, 0)
        assert world.work().facts.table_format == "Iceberg"
        assert world.offline() == as_stored(rows)
        assert skew.compare(world.work()).counts == {"in step": 3}
    changed = [(c, at, (delay or 0) + 1, n) for c, at, delay, n in rows[:5]]
    bulk.lay([*changed, *rows[5:]])
    done = bulk.take_in()
    assert (done.way, done.written, done.mended) == ("api", 5, 0)
    assert bulk.offline() == as_stored([*changed, *rows[5:]])
    with pytest.raises(Terminal, match=r"offline table format is 'Iceberg', wanted 'Glue'"):
        bulk.redeclared(table_format="glue").work()
