"""What is seen of Glue tables: every change once, at one call a page, and no row is read."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.sightings import REREAD_AFTER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.sources.wharf import Wharf

DAY = timedelta(days=1)
THROUGH = datetime(2013, 1, 4)  # noqa: DTZ001 - data time is naive UTC
DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")


def test_a_landing_is_told_once_with_its_partitions(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    first = wharf.tick()
    assert first.calls == {"GetTables": 1, "GetPartitions": 2}
    assert first.partitions("flights") == dict.fromkeys(DAYS, "added")
    seen = first.observed()
    assert set(seen) == {"flights", "weather", "planes"}
    assert seen["flights"]["landed_through"] == str(THROUGH)
    assert seen["flights"]["partitions"] == 3
    assert wharf.check("flights", "schema") == (
        True,
        "Every declared column is there, as declared.",
    )
    assert wharf.check("weather", "freshness") == (
        True,
        "dock: 0 s behind the newest source, within the 12 h allowed.",
    )
    assert wharf.instance.get_materialized_partitions(wharf.key("flights")) == set(DAYS)
    again = wharf.tick()
    assert again.calls == {"GetTables": 1}
    assert not again.result.asset_events
    assert again.skipped == "nothing new has landed"


def test_a_partition_restated_in_place_is_told_alone(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    wharf.tick()
    wharf.partitions("flights", DAYS[1:2], "second")
    wharf.table("flights", THROUGH + DAY / 4)
    found = wharf.tick()
    assert found.partitions("flights") == {"2013-01-02": "restated"}
    assert found.partitions("weather") == {}
    assert found.calls == {"GetTables": 1, "GetPartitions": 1}
    assert found.observed()["flights"]["restated"] == "2013-01-02"
    # The others are further behind now, within what is allowed: no news.
    assert set(found.observed()) == {"flights"}


def test_a_late_partition_and_one_that_is_withdrawn(wharf: Wharf) -> None:
    wharf.land(THROUGH, DAYS[0], DAYS[2])
    wharf.tick()
    wharf.partitions("weather", [DAYS[1]])
    wharf.glue.delete_partition(
        DatabaseName=wharf.database, TableName="weather", PartitionValues=[DAYS[0]]
    )
    wharf.table("weather", THROUGH, note="mended")
    assert wharf.tick().partitions("weather") == {DAYS[0]: "removed", DAYS[1]: "added"}
    # Told gone, it is not told again; back, it is new.
    wharf.table("weather", THROUGH, note="mended twice")
    assert wharf.tick().partitions("weather") == {}
    wharf.partitions("weather", [DAYS[0]])
    wharf.table("weather", THROUGH, note="mended thrice")
    assert wharf.tick().partitions("weather") == {DAYS[0]: "added"}


def test_a_restatement_that_leaves_the_table_alone_is_seen_later_or_on_demand(
    wharf: Wharf,
) -> None:
    wharf.land(THROUGH, *DAYS)
    wharf.tick()
    wharf.partitions("flights", DAYS[:1], "second")
    assert wharf.tick().partitions("flights") == {}
    assert wharf.observe("flights").success
    wharf.partitions("flights", DAYS[1:2], "second")
    assert wharf.tick().partitions("flights") == {}
    memory = json.loads(wharf.cursor or "")
    for each in memory["seen"].values():
        each[2] -= REREAD_AFTER
    wharf.cursor = json.dumps(memory)
    assert wharf.tick().partitions("flights") == {DAYS[1]: "restated"}
    assert wharf.tick().calls == {"GetTables": 1}


def test_a_lost_cursor_costs_a_look_and_tells_no_partition_twice(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    wharf.tick()
    for lost in (None, "", "not ours", '{"nycflights.flights": "2013-01-01 "}'):
        wharf.cursor = lost
        found = wharf.tick()
        assert found.calls == {"GetTables": 1, "GetPartitions": 2}
        assert found.partitions("flights") == {}


def test_on_demand_all_is_observed_and_checked(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    result = wharf.observe()
    assert result.success
    told = wharf.instance.event_log_storage.get_latest_tags_by_partition(
        wharf.key("weather"), dg.DagsterEventType.ASSET_OBSERVATION, ["dagster/data_version"]
    )
    assert set(told) == set(DAYS)
    assert {each.check_name for each in result.get_asset_check_evaluations()} == {
        "schema",
        "freshness",
    }
    # The sensor finds nothing to add about partitions.
    assert wharf.tick().partitions("weather") == {}


def test_the_data_version_of_sensor_and_person_is_one(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    wharf.tick()

    def version() -> str | None:
        record = wharf.instance.get_latest_data_version_record(wharf.key("planes"), is_source=True)
        assert record is not None
        observation = record.event_log_entry.asset_observation
        assert observation is not None
        return observation.data_version

    before = version()
    wharf.observe("planes")
    assert version() == before
    wharf.table("planes", THROUGH + DAY)
    wharf.tick()
    assert version() != before


def test_columns_renamed_retyped_and_added_upstream(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    wharf.tick()
    columns = dict(wharf.use_case.sources.tables["planes"].columns)
    columns.pop("seats")
    columns |= {"sitzplätze": "bigint", "year": "string", "quote\"d `x` 'y'": "string"}
    wharf.table("planes", THROUGH, columns=columns)
    found = wharf.tick().observed()["planes"]
    why = (
        "column seats is missing (expected type bigint), renamed to sitzplätze?; "
        "column year has type string, expected double"
    )
    assert found["schema_drift/dock"] == why
    assert found["undeclared_columns/dock"] == "sitzplätze, quote\"d `x` 'y'"
    assert wharf.check("planes", "schema") == (False, f"dock: {why}")
    assert not wharf.tick().result.asset_events
    # Mended, it recovers by itself.
    wharf.table("planes", THROUGH)
    wharf.tick()
    assert wharf.check("planes", "schema")[0]


def test_a_table_that_is_gone_and_the_others_go_on(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    wharf.tick()
    wharf.glue.delete_table(DatabaseName=wharf.database, Name="planes")
    wharf.partitions("flights", ["2013-01-04"])
    wharf.table("flights", THROUGH + DAY)
    found = wharf.tick()
    assert found.partitions("flights") == {"2013-01-04": "added"}
    said = f"Glue has no table {wharf.database}.planes."
    assert str(found.observed()["planes"]["problem"]).startswith(said)
    assert wharf.check("planes", "schema")[1].startswith(said)
    assert said in str(wharf.tick().skipped)
    wharf.table("planes", THROUGH)
    assert "planes" in wharf.tick().observed()
    assert wharf.check("planes", "schema")[0]


def test_a_database_that_is_gone_is_said_and_nothing_fails(wharf: Wharf) -> None:
    wharf.glue.delete_database(Name=wharf.database)
    found = wharf.tick()
    assert set(found.observed()) == {"flights", "weather", "planes"}
    assert f"Glue has no database {wharf.database}." in str(wharf.tick().skipped)


def test_a_mark_that_is_no_time_is_named_and_nothing_is_forgotten(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    wharf.tick()
    wharf.table("flights", None, **{"perennial.landed_through": "yesterday"})
    found = wharf.tick()
    assert "parameter perennial.landed_through is 'yesterday'; expected an ISO" in str(
        found.skipped
    )
    wharf.table("flights", THROUGH)
    assert wharf.tick().partitions("flights") == {}


def test_partitions_that_are_no_days_are_shown_and_not_made_partitions(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS, "2012-12-31", "__HIVE_DEFAULT_PARTITION__", "0")
    found = wharf.tick()
    assert found.partitions("flights") == dict.fromkeys(DAYS, "added")
    assert found.observed()["flights"]["not_partitions_of_the_asset"] == (
        "0, 2012-12-31, __HIVE_DEFAULT_PARTITION__"
    )


def test_an_iceberg_tables_snapshot_is_its_version(build: Callable[..., Wharf]) -> None:
    wharf = build()
    where = f"s3://lake/raw/{wharf.database}/planes/metadata"
    wharf.land(THROUGH, *DAYS)
    versions = []
    for snapshot in ("00001-a.metadata.json", "00002-b.metadata.json"):
        parameters: dict[str, Any] = {"table_type": "ICEBERG"}
        parameters["metadata_location"] = f"{where}/{snapshot}"
        wharf.table("planes", THROUGH, **parameters)
        found = wharf.tick()
        assert found.observed()["planes"]["iceberg/metadata_location"] == f"{where}/{snapshot}"
        versions += [
            event.tags["dagster/data_version"]
            for event in found.result.asset_events
            if isinstance(event, dg.AssetObservation) and event.asset_key == wharf.key("planes")
        ]
    assert len(set(versions)) == 2
