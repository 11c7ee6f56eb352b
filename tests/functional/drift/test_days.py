"""Each day is counted once, a restated one again, and what cannot be read is told."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from resources.glue import PartitionFacts
from tests.functional.drift.drift_world import LANDED

if TYPE_CHECKING:
    from tests.functional.drift.drift_world import DriftWorld
    from usecases.declaration import UseCase


def counted(world: DriftWorld, use_case: UseCase) -> dict[str, set[str]]:
    """The stored days by table."""
    found: dict[str, set[str]] = {"flights": set(), "weather": set()}
    for each in world.platform.artifacts.list(f"profiles/{use_case.name}/"):
        _, _, table, day, _ = each.key.split("/")
        found[table].add(day)
    return found


def versions(world: DriftWorld, table: str) -> dict[str, str]:
    """What the catalogue says of each day's data."""
    found = world.platform.catalogue.partitions("nycflights", table)
    return {each.values[0]: str(each.parameters) for each in found}


def test_a_tick_counts_the_new_days_in_one_query_a_table_and_then_reads_nothing(
    world: DriftWorld, use_case: UseCase
) -> None:
    world.calls.clear()
    name, report = world.report(use_case)
    assert report.verdict != "cannot_tell", report.why
    assert world.calls["StartQueryExecution"] == 2
    days = {"2013-01-15", "2013-01-16", "2013-01-17", "2013-01-18"}
    assert counted(world, use_case) == {"flights": days, "weather": days}

    world.calls.clear()
    began = time.perf_counter()
    again = world.report(use_case)
    took = time.perf_counter() - began
    assert again == (name, report)
    assert not world.calls["StartQueryExecution"]
    assert world.calls["GetObject"] == 1, "only whether another baseline was put in its place"
    assert not world.calls["ListObjectsV2"]
    assert took < 2  # on a busy machine; docs/drift/profiles.md has the figure

    doors = world.environment.doors()  # another process, which remembers nothing
    world.listen(doors)
    world.calls.clear()
    assert world.report(use_case, doors) == (name, report)
    assert world.calls["GetObject"] == 2, "that, and the report"
    assert not world.calls["StartQueryExecution"]


def test_only_the_new_day_and_the_restated_one_are_counted(
    world: DriftWorld, use_case: UseCase
) -> None:
    name, _ = world.report(use_case)
    catalogue = world.platform.catalogue
    table = catalogue.table("nycflights", "weather")
    (day,) = [
        each
        for each in catalogue.partitions("nycflights", "weather")
        if each.values == ("2013-01-17",)
    ]
    restated = PartitionFacts(day.values, day.location, {**day.parameters, "sha256": "other"})
    catalogue.put_partitions(table, [restated])
    known = versions(world, "weather")
    world.land(LANDED + timedelta(days=1))
    now = versions(world, "weather")
    touched = {day for day in now if now[day] != known.get(day)} | {"2013-01-17"}
    assert "2013-01-19" in touched
    assert "2013-01-16" not in touched
    before = {each.key for each in world.platform.artifacts.list(f"profiles/{use_case.name}/")}
    world.calls.clear()
    again, report = world.report(use_case)
    assert again != name
    assert report.verdict != "cannot_tell", report.why
    new = {each.key for each in world.platform.artifacts.list(f"profiles/{use_case.name}/")}
    days = sorted(key.split("/")[3] for key in new - before if "/weather/" in key)
    assert days == sorted(touched)
    assert world.calls["StartQueryExecution"] == 2


def test_a_lost_or_broken_day_is_counted_again(world: DriftWorld, use_case: UseCase) -> None:
    _, report = world.report(use_case)
    artifacts = world.platform.artifacts
    artifacts.delete_prefix(f"monitoring/{use_case.name}/")
    first, *_ = [each.key for each in artifacts.list(f"profiles/{use_case.name}/weather/")]
    artifacts.put(first, b"{}")
    assert world.report(use_case, world.environment.doors())[1] == report
    assert artifacts.get(first) != b"{}"


def test_a_corrupted_baseline_is_told_and_the_next_model_is_judged(
    world: DriftWorld, use_case: UseCase
) -> None:
    broken = world.declare()
    world.deploy(broken)
    body = world.baseline(broken).model_dump_json().encode()
    uri = world.champion(broken, b'{"features": {}, "window": "2013"}')
    tick = world.tick(broken, use_case)
    told = {event.asset_key.path[0]: event.metadata for event in tick.asset_events}
    assert told[broken.name]["verdict"].value == "cannot_tell"
    why = told[broken.name]["why"].value
    assert uri in why
    assert "window_from: Field required" in why
    assert told[use_case.name]["verdict"].value != "cannot_tell"
    assert not world.tick(broken, use_case, cursor=tick.cursor).asset_events

    world.platform.artifacts.put(uri.partition(f"{world.platform.artifacts.bucket}/")[2], body)
    (event,) = world.tick(broken, use_case, cursor=tick.cursor).asset_events
    assert event.asset_key.path[0] == broken.name
    assert event.metadata["verdict"].value != "cannot_tell"


def test_a_column_that_is_new_or_gone_is_named(world: DriftWorld) -> None:
    use_case = world.declare()
    world.deploy(use_case)
    baseline = world.baseline(use_case)
    moved = {**baseline.features, "weather.wet": baseline.features["weather.humid"]}
    del moved["weather.humid"]
    other = baseline.model_copy(update={"features": moved, "by_weekday": {}})
    world.champion(use_case, other.model_dump_json().encode())
    told = {each.name: each for each in world.report(use_case)[1].features}
    assert told["weather.temp"].status != "cannot_tell"
    assert "baseline does not have" in told["weather.humid"].why
    assert "gone" in told["weather.wet"].why
