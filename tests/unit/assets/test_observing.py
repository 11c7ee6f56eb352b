"""What Dagster makes of what it is told: just the dependents of a restated day are out of date."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from assets.observing import partition_news, partitions_of, tell
from assets.sources import spec
from resources.glue import TableFacts, source_facts
from resources.sightings import Seen, Sighting
from usecases.declaration import load_use_case
from usecases.raw_tables import raw_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
USE_CASE = load_use_case(ROOT / "usecases" / "flight_delay")
RAW = raw_tables([USE_CASE])["nycflights", "weather"]
DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def sighting(**versions: str) -> Sighting:
    """A look at the weather, with these partitions: ``d1="a"`` is 2013-01-01 in version a."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    table = TableFacts("nycflights", "weather", (), (), {}, "s3://b/", at, "1")
    partitions = {f"2013-01-0{name[1:]}": version for name, version in versions.items()}
    seen = Seen("entry", "-".join(partitions.values()), 0.0)
    return Sighting(table, source_facts(table), seen, partitions)


def record(instance: dg.DagsterInstance, seen: Sighting, most: int = 100) -> int:
    partitions, table, left = tell(instance, RAW, seen, {}, most=most)
    for event in (*partitions, *table):
        instance.report_runless_asset_event(event)
    return left


def test_a_restated_day_makes_just_its_dependents_out_of_date(instance: dg.DagsterInstance) -> None:
    mapping = dg.TimeWindowPartitionMapping(
        start_offset=-1, end_offset=0, allow_nonexistent_upstream_partitions=True
    )
    raw = spec(RAW)

    @dg.asset(partitions_def=partitions_of(RAW), deps=[dg.AssetDep(raw, partition_mapping=mapping)])
    def days() -> None:
        """Each day is made of its own weather and of the day's before."""

    defs = dg.Definitions([raw, days])

    def stale() -> list[str]:
        context = LoadingContextForTest(instance)
        resolver = CachingStaleStatusResolver(instance, defs.resolve_asset_graph(), context)
        return [day for day in DAYS if resolver.get_status(days.key, day).value == "STALE"]

    record(instance, sighting(d1="a", d2="a", d3="a"))
    job = defs.resolve_implicit_global_asset_job_def()
    for day in DAYS:
        assert job.execute_in_process(instance=instance, partition_key=day).success
    assert stale() == []
    record(instance, sighting(d1="a", d2="b", d3="a"))
    assert stale() == ["2013-01-02", "2013-01-03"]
    # A look that finds the same again is no news.
    record(instance, sighting(d1="a", d2="b", d3="a"))
    assert partition_news(instance, RAW, sighting(d1="a", d2="b", d3="a"), most=9).events == ()
    assert stale() == ["2013-01-02", "2013-01-03"]


def test_what_is_cut_off_is_told_the_next_time(instance: dg.DagsterInstance) -> None:
    seen = sighting(d1="a", d2="a", d3="a")
    assert [record(instance, seen, most=2) for _ in range(3)] == [1, 0, 0]
    assert instance.get_materialized_partitions(dg.AssetKey(RAW.key)) == set(DAYS)
