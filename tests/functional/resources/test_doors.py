"""The doors against an AWS that answers: what was asked for is there afterwards, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from resources.errors import Missing, Terminal
from resources.feature_groups import FeatureGroupSpec
from resources.glue import ColumnFacts, TableMissing
from resources.objects import Objects, parse_s3_uri

if TYPE_CHECKING:
    from orchestration.environments import Environment
    from resources.platform import Platform

DATABASE = "perennial_flight_delay"


def test_one_of_many_writers_wins(platform: Platform):
    key = "tests/once.txt"
    with ThreadPoolExecutor(8) as pool:
        bodies = [str(n).encode() for n in range(8)]
        won = list(pool.map(lambda body: platform.lake.put_if_absent(key, body), bodies))
    assert sum(won) == 1
    assert platform.lake.get(key) == bodies[won.index(True)]


def test_prefixes_are_listed_and_emptied_but_never_the_whole_bucket(platform: Platform):
    lake = platform.lake
    for n in range(3):
        lake.put(f"tests/list/{n}", b"x")
    lake.put("tests/listed-elsewhere", b"x")
    assert [each.key for each in lake.list("tests/list/")] == [f"tests/list/{n}" for n in range(3)]
    assert lake.delete_prefix("tests/list/") == 3
    assert lake.exists("tests/listed-elsewhere")
    with pytest.raises(Terminal, match="give a prefix"):
        lake.delete_prefix("")


def test_a_missing_object_or_bucket_is_named(platform: Platform, environment: Environment):
    with pytest.raises(Missing, match=r"s3://perennial-lake-\S+/tests/nowhere does not exist"):
        platform.lake.get("tests/nowhere")
    nowhere = Objects(environment.admin_client("s3", "experimentation"), "no-such-bucket-here")
    with pytest.raises(Missing, match="no-such-bucket-here"):
        nowhere.get("a")
    # The orchestrator's role is told nothing of buckets that are not the project's.
    elsewhere = Objects(platform.accounts.client("s3", "experimentation"), "no-such-bucket-here")
    with pytest.raises(Terminal, match="s3:GetObject on resource"):
        elsewhere.get("a")
    with pytest.raises(Terminal, match="expected s3://bucket/key"):
        parse_s3_uri("bucket/key")


def test_a_table_switches_to_other_data_and_keeps_its_past(platform: Platform):
    catalogue = platform.catalogue
    columns = [ColumnFacts("id", "string", "who"), ColumnFacts("x", "double")]

    def point(location: str) -> bool:
        return catalogue.point_table(
            DATABASE, "switched", columns=columns, location=location, parameters={"k": "v"}
        )

    assert point("s3://b/one/")
    first = catalogue.table(DATABASE, "switched")
    assert (first.location, first.columns, first.parameters["k"]) == (
        "s3://b/one/",
        tuple(columns),
        "v",
    )
    assert not point("s3://b/one/")
    assert point("s3://b/two/")
    assert catalogue.table(DATABASE, "switched").version_id != first.version_id
    assert catalogue.landed_through(DATABASE, "switched") is None
    assert catalogue.drop_table(DATABASE, "switched")
    assert not catalogue.drop_table(DATABASE, "switched")
    with pytest.raises(TableMissing, match=f"Glue has no table {DATABASE}.switched"):
        catalogue.table(DATABASE, "switched")


def spec(platform: Platform, *more: tuple[str, str], kind: str = "Fractional") -> FeatureGroupSpec:
    return FeatureGroupSpec(
        name="tests-carrier",
        record_id="carrier",
        event_time="event_time",
        features=(("carrier", "String"), ("event_time", "String"), ("delay", kind), *more),
        bucket_uri=platform.names.feature_store_uri,
        role_arn=platform.names.role_arn("experimentation", "perennial-sagemaker"),
    )


def test_a_feature_group_grows_and_answers_with_the_newest_record(platform: Platform):
    store = platform.feature_store
    first = store.ensure_group(spec(platform))
    assert (first.status, first.glue_database) == ("Created", "sagemaker_featurestore")
    assert store.ensure_group(spec(platform)) == first
    times = ["2013-01-01T00:00:00Z", "2013-01-03T00:00:00Z", "2013-01-02T00:00:00Z"]
    report = store.ingest(
        "tests-carrier",
        ({"carrier": "UA", "event_time": at, "delay": float(n)} for n, at in enumerate(times)),
        threads=1,
    )
    assert (report.written, report.failed) == (3, 0)
    newest = store.get("tests-carrier", "UA")
    assert newest == {"carrier": "UA", "event_time": times[1], "delay": "1.0"}
    assert store.get("tests-carrier", "XX") is None

    store.ensure_group(spec(platform, ("flights", "Integral")))
    store.ingest("tests-carrier", [{"carrier": "AA", "event_time": times[0], "flights": 7}])
    assert store.get("tests-carrier", "AA") == {
        "carrier": "AA",
        "event_time": times[0],
        "flights": "7",
    }
    with pytest.raises(Terminal, match="type of delay is 'Fractional', wanted 'Integral'"):
        store.ensure_group(spec(platform, ("flights", "Integral"), kind="Integral"))
    with pytest.raises(Terminal, match=r"flights is no longer declared.*keeps its records"):
        store.ensure_group(spec(platform))


def test_time_to_live_is_set_changed_and_taken_away(platform: Platform):
    store, made = platform.feature_store, spec(platform)
    made = replace(made, name="tests-ttl", ttl=timedelta(hours=36))
    assert store.ensure_group(made).ttl == timedelta(hours=36)
    for ttl in (timedelta(days=14), None):
        assert store.ensure_group(replace(made, ttl=ttl)).ttl == ttl
        assert store.describe("tests-ttl").ttl == ttl


def test_a_refused_record_is_counted(platform: Platform):
    platform.feature_store.ensure_group(replace(spec(platform), name="tests-refused"))
    records = [
        {"carrier": "UA", "event_time": "2013-02-01T00:00:00Z", "delay": 1.0},
        {"carrier": "UA", "event_time": "2013-02-02T00:00:00Z", "no_such_feature": 1.0},
    ]
    with pytest.raises(Terminal, match=r"1 records written, 1 not, 0 skipped"):
        platform.feature_store.ingest("tests-refused", records)


def test_a_query_is_found_again_and_a_failed_one_says_why(platform: Platform):
    athena = platform.athena
    one = athena.run("SELECT 1 AS n", database=DATABASE, intent="tests: one")
    assert athena.run("SELECT 1 AS n", database=DATABASE, intent="tests: one") == one
    assert list(athena.rows(one)) == [{"n": 1}]
    with pytest.raises(Terminal, match="nowhere"):
        athena.run("SELECT * FROM nowhere", database=DATABASE, intent="tests: nowhere")


def test_what_is_not_there_is_none_or_missing(platform: Platform):
    assert platform.endpoints("prod").describe("no-such-endpoint") is None
    assert platform.training.current_inputs_sha256("no-such-pipeline") is None
    assert platform.releases.executions("no-such-pipeline") == ()
    assert platform.registry("flight_delay").packages() == ()
    with pytest.raises(Missing):
        platform.training.start("no-such-pipeline", {}, "intent", "name")
    with pytest.raises(Missing):
        platform.endpoints("prod").invoke("no-such-endpoint", [{}])
