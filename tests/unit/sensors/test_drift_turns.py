"""A tick has some seconds: whoever it did not reach is first at the next one."""

from __future__ import annotations

import itertools
import json
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorEvaluationContext

from sensors.day_profiles import versions_of, windows_ending
from sensors.drift import drift_sensor
from usecases.declaration import load_use_case

if TYPE_CHECKING:
    from decisions.reports import DriftReport
    from resources.platform import Platform
    from usecases.declaration import UseCase

ROOT = Path(__file__).parents[3]


class Doors:
    """A platform whose registries are empty, or break; it notes who was asked for."""

    def __init__(self, broken: str = "") -> None:
        self.asked: list[str] = []
        self.broken = broken
        self.catalogue = self

    def tables(self, _database: str) -> list[Any]:
        return []

    def registry(self, name: str) -> Any:
        self.asked.append(name)
        if name == self.broken:
            raise RuntimeError("a bug of ours")
        return self

    def packages(self, **_: Any) -> tuple[()]:
        return ()


@pytest.fixture(scope="module")
def use_cases() -> list[UseCase]:
    declared = load_use_case(ROOT / "usecases" / "flight_delay")
    return [declared.model_copy(update={"name": name}) for name in ("a", "b", "c")]


def picture(_report: DriftReport, _threshold: float) -> dg.MetadataValue[Any]:
    return dg.MetadataValue.text("")


def tick(
    use_cases: list[UseCase], doors: Doors, *, cursor: str | None = None, seconds: float = 0.0
) -> Any:
    """One tick in which every look at the clock takes so long."""
    clock = itertools.count(0.0, seconds)
    sensor = drift_sensor(
        use_cases,
        picture,
        cast("Platform", doors),
        interval=1,
        budget=10.0,
        clock=lambda: float(next(clock)),
    )
    with dg.build_sensor_context(cursor=cursor) as context:
        return sensor(context)


def test_a_tick_opens_no_dagster_instance(use_cases: list[UseCase]) -> None:
    sensor = drift_sensor(use_cases, picture, cast("Platform", Doors()), interval=1)
    with SensorEvaluationContext(None, None, None, None, None, "repository") as context:
        sensor.evaluate_tick(context)  # as the code server does; with a resource it would raise
    assert not sensor.required_resource_keys


def test_a_tick_that_has_time_asks_for_all(use_cases: list[UseCase]) -> None:
    doors = Doors()
    found = tick(use_cases, doors)
    assert doors.asked == ["a", "b", "c"]
    assert json.loads(found.cursor)["following"] == ""


def test_a_tick_out_of_time_hands_on_to_the_next(use_cases: list[UseCase]) -> None:
    doors = Doors()
    found = tick(use_cases, doors, seconds=11.0)
    assert doors.asked == ["a"]
    found = tick(use_cases, doors, cursor=found.cursor, seconds=11.0)
    found = tick(use_cases, doors, cursor=found.cursor, seconds=11.0)
    assert doors.asked == ["a", "b", "c"]
    tick(use_cases, doors, cursor=found.cursor, seconds=11.0)
    assert doors.asked[3:] == ["a"]


@pytest.mark.parametrize("cursor", ["", "{", "[]", '{"a": "b"}', '{"told": 3, "following": ""}'])
def test_a_cursor_of_another_version_is_forgotten(use_cases: list[UseCase], cursor: str) -> None:
    doors = Doors()
    tick(use_cases, doors, cursor=cursor)
    assert doors.asked == ["a", "b", "c"]


def test_one_models_bug_keeps_no_other_from_being_judged(use_cases: list[UseCase]) -> None:
    doors = Doors(broken="b")
    found = tick(use_cases, doors)
    assert doors.asked == ["a", "b", "c"]
    (event,) = found.asset_events
    assert event.metadata["verdict"].value == "cannot_tell"
    assert event.metadata["why"].value == "RuntimeError: a bug of ours"
    assert not tick(use_cases, Doors(broken="b"), cursor=found.cursor).asset_events


def test_windows_go_back_by_the_stride(use_cases: list[UseCase]) -> None:
    first = use_cases[0]
    drift = first.monitors.drift.model_copy(
        update={"window": timedelta(days=3), "stride": timedelta(days=2), "history": 2}
    )
    drift = drift.model_copy(update={"persistence": type(drift.persistence)(windows=1, of=2)})
    monitors = first.monitors.model_copy(update={"drift": drift})
    windows = windows_ending(first.model_copy(update={"monitors": monitors}), date(2013, 1, 9))
    assert [[day.day for day in window] for window in windows] == [[5, 6, 7], [7, 8, 9]]
    found = versions_of({"t": {"2013-01-04": "x", "2013-01-07": "y"}}, windows)
    assert found == {"t": {"2013-01-07": "y"}}
