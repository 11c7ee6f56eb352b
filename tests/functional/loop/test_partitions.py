"""A restated raw partition makes again what reads it, and nothing else; days can be asked for."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from assets.quarantine import release
from resources.glue import PartitionFacts
from tests.functional.loop.conftest import LANDED
from tests.functional.loop.test_bad_input import reading

if TYPE_CHECKING:
    import pyarrow as pa

    from tests.functional.loop.loop_world import Loop, Outcome
    from usecases.declaration import UseCase

NAME = "by_day"
WEATHER = [NAME, "datasets", "weather_hourly"]
BY_DAY = [NAME, "days", "weather_hourly"]
FIRST = (LANDED - timedelta(days=21)).date()
DAYS = [(FIRST + timedelta(days=n)).isoformat() for n in range(21)]


class Upstream:
    """A copy of the weather table that this test restates at will."""

    def __init__(self, loop: Loop, name: str = "weather_restated") -> None:
        self._name = name
        self._lake = loop.platform.lake
        self._catalogue = loop.platform.catalogue
        original = self._catalogue.table("nycflights", "weather")
        self._catalogue.point_table(
            "nycflights",
            name,
            columns=original.columns,
            location=self._lake.uri(f"raw/{name}/"),
            parameters=original.parameters,
            partition_keys=original.partition_keys,
        )
        self._table = self._catalogue.table("nycflights", name)
        self._catalogue.put_partitions(
            self._table, self._catalogue.partitions("nycflights", "weather")
        )

    def restate(self, day: str, change: Any, version: str) -> None:
        """Write a day's partition anew, as its rows are after a change."""
        body = self._lake.get(f"raw/weather/dt={day}/part-0.parquet")
        rows: pa.Table = change(pq.read_table(io.BytesIO(body)))
        sink = io.BytesIO()
        pq.write_table(rows, sink)
        self._lake.put(f"raw/{self._name}/{version}/dt={day}/part-0.parquet", sink.getvalue())
        location = self._lake.uri(f"raw/{self._name}/{version}/dt={day}/")
        facts = PartitionFacts((day,), location, {"perennial.version": version})
        self._catalogue.put_partitions(self._table, [facts])


@pytest.fixture(scope="module")
def upstream(loop: Loop) -> Upstream:
    return Upstream(loop)


@pytest.fixture(scope="module")
def by_day(loop: Loop, upstream: Upstream) -> UseCase:
    made = loop.declare("by_day", name=NAME, **reading("weather", "weather_restated",
                                                       "weather_hourly.sql"))  # fmt: skip
    loop.bootstrap(made)
    outcome = loop.only(made, WEATHER)
    assert outcome.succeeded, outcome.told
    return made


def partitions(loop: Loop) -> dict[str, PartitionFacts]:
    found = loop.platform.catalogue.partitions(f"perennial_{NAME}", "weather_hourly")
    return {each.values[0]: each for each in found}


def made_days(outcome: Outcome) -> list[str]:
    events = outcome.result.get_asset_materialization_events()
    return sorted(event.partition for event in events if event.partition)


def warmest(loop: Loop, day: str) -> float:
    rows = loop.platform.athena.select(
        f"SELECT max(temp) AS warmest FROM weather_hourly WHERE dt = '{day}'",  # noqa: S608
        database=f"perennial_{NAME}",
        intent=f"warmest of {day}",
        salt=str(datetime.now()),  # noqa: DTZ005 - no two questions are the same
    )
    return float(rows[0]["warmest"])


def hotter(rows: pa.Table) -> pa.Table:
    place = rows.schema.get_field_index("temp")
    return rows.set_column(place, "temp", pc.add(rows.column("temp"), 40.0))


def test_every_day_of_the_window_is_there_with_its_rows(loop: Loop, by_day: UseCase) -> None:
    found = partitions(loop)
    assert sorted(found) == DAYS
    assert all(int(each.parameters["perennial.rows"]) > 20 for each in found.values())


def test_nothing_changed_makes_nothing(loop: Loop, by_day: UseCase) -> None:
    before = partitions(loop)
    outcome = loop.only(by_day, WEATHER)
    assert outcome.succeeded, outcome.told
    assert made_days(outcome) == []
    assert outcome.metadata(*WEATHER)["plan"] == "0 of 21 days to make"
    assert "athena/query_id" not in outcome.metadata(*WEATHER)
    assert partitions(loop) == before


def test_a_run_without_partitions_works_on_sources_that_were_observed(
    loop: Loop, by_day: UseCase
) -> None:
    """Dagster fails it where the asset itself is partitioned: hence the days' own asset."""
    for key in (["glue", "nycflights", "weather_restated"], BY_DAY):
        observed = dg.AssetObservation(dg.AssetKey(key), partition=DAYS[0])
        loop.instance.report_runless_asset_event(observed)
    outcome = loop.only(by_day, WEATHER)
    assert outcome.succeeded, outcome.told


def test_a_restated_partition_makes_just_its_dependents(
    loop: Loop, upstream: Upstream, by_day: UseCase
) -> None:
    restated, next_day = "2013-01-10", "2013-01-11"
    before, cool = partitions(loop), warmest(loop, restated)
    upstream.restate(restated, hotter, "second")
    outcome = loop.only(by_day, WEATHER)
    assert outcome.succeeded, outcome.told
    # The local day reaches into the next day of UTC.
    assert made_days(outcome) == [restated, next_day]
    assert "changed inputs: weather_restated/2013-01-10" in outcome.metadata(*WEATHER)["plan"]
    after = partitions(loop)
    changed = {day for day in after if after[day] != before[day]}
    assert changed == {restated, next_day}
    assert warmest(loop, restated) == pytest.approx(cool + 40.0)


def test_a_column_of_a_restated_partition_that_breaks_the_query_keeps_what_serves(
    loop: Loop, upstream: Upstream, by_day: UseCase
) -> None:
    before, served = partitions(loop), warmest(loop, "2013-01-15")

    def retyped(rows: pa.Table) -> pa.Table:
        place = rows.schema.get_field_index("temp")
        return rows.set_column(place, "temp", pc.cast(rows.column("temp"), "string"))

    upstream.restate("2013-01-15", retyped, "broken")
    outcome = loop.only(by_day, WEATHER)
    assert not outcome.succeeded
    assert "Mend the SQL of dataset weather_hourly; its last good table was kept" in outcome.told
    assert partitions(loop) == before
    assert warmest(loop, "2013-01-15") == served
    upstream.restate("2013-01-15", lambda rows: rows, "mended")
    outcome = loop.only(by_day, WEATHER)
    assert outcome.succeeded, outcome.told
    assert made_days(outcome) == ["2013-01-15", "2013-01-16"]


def test_a_day_that_lost_all_its_rows_is_held_back(
    loop: Loop, upstream: Upstream, by_day: UseCase
) -> None:
    before = partitions(loop)
    for day in ("2013-01-17", "2013-01-18"):
        upstream.restate(day, lambda rows: rows.slice(0, 0), "empty")
    outcome = loop.only(by_day, WEATHER)
    assert not outcome.succeeded
    assert "partition 2013-01-18, is empty: it had 72 rows and lost them all" in outcome.told
    assert partitions(loop)["2013-01-18"] == before["2013-01-18"]
    for day in ("2013-01-17", "2013-01-18"):
        upstream.restate(day, lambda rows: rows, "back")
    outcome = loop.only(by_day, WEATHER)
    assert outcome.succeeded, outcome.told
    assert int(partitions(loop)["2013-01-18"].parameters["perennial.rows"]) > 20


def test_a_day_that_breaks_its_contract_is_held_back_alone(
    loop: Loop, upstream: Upstream, by_day: UseCase
) -> None:
    bad, next_day = "2013-01-07", "2013-01-08"
    before, served = partitions(loop), warmest(loop, bad)

    def scorching(rows: pa.Table) -> pa.Table:
        place = rows.schema.get_field_index("temp")
        return rows.set_column(place, "temp", pc.add(rows.column("temp"), 900.0))

    upstream.restate(bad, scorching, "scorched")
    outcome = loop.only(by_day, WEATHER)
    assert not loop.checks_pass(outcome, WEATHER)
    assert f"weather_hourly of {bad}" in outcome.told
    assert "temp" in outcome.told
    assert f"perennial quarantine release by_day weather_hourly {bad} --reason" in outcome.told
    assert warmest(loop, bad) == served
    assert partitions(loop)[bad] == before[bad]
    again = loop.only(by_day, WEATHER)  # it is not made again, and it is not forgotten
    assert made_days(again) == []
    assert "held in quarantine" in again.metadata(*WEATHER)["plan"]
    assert not loop.checks_pass(again, WEATHER)
    for day in (bad, next_day):
        now = datetime(2026, 11, 30, tzinfo=UTC)
        release(loop.platform, NAME, "weather_hourly", day, by="a test", at=now, reason="a volcano")
    taken = loop.only(by_day, WEATHER)
    assert loop.checks_pass(taken, WEATHER, but="contract")
    assert warmest(loop, bad) == pytest.approx(served + 900.0)
    upstream.restate(bad, lambda rows: rows, "cooled")
    mended = loop.only(by_day, WEATHER)
    assert mended.succeeded, mended.told
    assert loop.checks_pass(mended, WEATHER)
    assert warmest(loop, bad) == served


def test_a_backfill_makes_the_days_asked_for_whatever_there_is(loop: Loop, by_day: UseCase) -> None:
    before = partitions(loop)
    outcome = loop.only_days(by_day, BY_DAY, "2012-12-30", "2013-01-03")
    assert not outcome.succeeded  # before sources.start there is no partition to ask for
    outcome = loop.only_days(by_day, BY_DAY, "2013-01-02", "2013-01-03")
    assert outcome.succeeded, outcome.told
    assert made_days(outcome) == ["2013-01-02", "2013-01-03"]
    after = partitions(loop)
    moved = {day for day in after if after[day].location != before[day].location}
    assert moved == {"2013-01-02", "2013-01-03"}
    assert after["2013-01-02"].parameters == before["2013-01-02"].parameters


def test_a_day_that_has_not_landed_is_told(loop: Loop, by_day: UseCase) -> None:
    ahead = (LANDED.date() + timedelta(days=40)).isoformat()
    outcome = loop.only_days(by_day, BY_DAY, ahead, ahead)
    assert not outcome.succeeded
    assert f"by_day.weather_hourly: {ahead} was asked for, and the sources have landed" in (
        outcome.told
    )
    assert "Ask for days before that, or land data first." in outcome.told


def test_another_query_makes_all_days_and_forgets_the_older_ones(
    loop: Loop, by_day: UseCase
) -> None:
    changes = reading("weather", "weather_restated", "weather_hourly.sql")
    changes["edit"] = {
        "weather_hourly.sql": ("nycflights.weather\n", "nycflights.weather_restated\n"),
    }
    narrower = loop.declare("narrower", name=NAME, **changes)
    text = (narrower.folder / "sql" / "weather_hourly.sql").read_text()
    (narrower.folder / "sql" / "weather_hourly.sql").write_text(
        text.replace("max(temp) AS temp", "max(temp) + 0.0E0 AS temp")
    )
    from usecases.declaration import load_use_case

    edited = load_use_case(narrower.folder).model_copy(
        update={
            "training_set": narrower.training_set.model_copy(update={"window": timedelta(days=12)})
        }
    )
    outcome = loop.only(edited, WEATHER)
    assert outcome.succeeded, outcome.told
    assert min(date.fromisoformat(day) for day in partitions(loop)) == date(2013, 1, 9)
    assert "by another query" in outcome.metadata(*WEATHER)["plan"]


def test_the_ui_knows_which_days_a_day_is_made_from(loop: Loop, by_day: UseCase) -> None:
    graph = loop.definitions(by_day).resolve_asset_graph()
    node = graph.get(dg.AssetKey(BY_DAY))
    assert node.partitions_def is not None
    mapping = node.partition_mappings[dg.AssetKey(["glue", "nycflights", "weather_restated"])]
    assert isinstance(mapping, dg.TimeWindowPartitionMapping)
    assert (mapping.start_offset, mapping.end_offset) == (-1, 0)
