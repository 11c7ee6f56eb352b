"""Two years of stored day profiles: a season that comes again is no drift; none is counted anew."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from decisions.baseline import Baseline, NumericBaseline, NumericCounts, Profile
from resources.errors import Missing
from resources.glue import ColumnFacts, TableFacts
from resources.model_registry import PackageFacts
from sensors.day_profiles import _Keeper
from sensors.drift_reports import Source, report_for
from sensors.governing import Situation
from usecases.declaration import load_use_case
from usecases.fields import DriftMonitor
from usecases.profiling import watched

if TYPE_CHECKING:
    from decisions.reports import DriftReport
    from resources.platform import Platform
    from usecases.declaration import UseCase

ROOT = Path(__file__).parents[3]
LANDED = datetime(2013, 7, 15)  # noqa: DTZ001 - data time is naive UTC
COLUMN = "weather.temp"


class Stored:
    """Objects in memory."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def get(self, key: str) -> bytes:
        if key not in self.bodies:
            raise Missing(key)
        return self.bodies[key]

    def get_json(self, key: str) -> Any:
        raise Missing(key)  # nobody put another baseline in its place

    def read_uri(self, uri: str) -> bytes:
        return self.get(uri.removeprefix("s3://bucket/"))

    def put(self, key: str, body: bytes) -> None:
        self.bodies[key] = body


class Doors:
    """A platform that has objects and no Athena: a query would be an AttributeError."""

    def __init__(self) -> None:
        self.artifacts = Stored()


def day_of(day: date, cold: int, warm: int) -> Profile:
    counts = NumericCounts(counts=(cold, warm), missing=0, rows=cold + warm)
    start = datetime.combine(day, datetime.min.time())
    by_weekday = tuple(cold + warm if n == day.weekday() else 0 for n in range(7))
    return Profile(
        features={COLUMN: counts},
        window_from=start,
        window_through=start + timedelta(days=1),
        weekdays={COLUMN: by_weekday},
    )


def in_season(day: date) -> Profile:
    """Winters are cold and summers warm."""
    return day_of(day, 10, 90) if day.month in {6, 7, 8} else day_of(day, 90, 10)


@pytest.fixture
def use_case() -> UseCase:
    declared = load_use_case(ROOT / "usecases" / "flight_delay")
    drift = DriftMonitor.model_validate(
        {
            "window": "3d",
            "psi_threshold": 0.25,
            "minimum_rows": 30,
            "minimum_features": 1,
            "seasonal": "year",
            "tables": {"weather": {"temp": "numeric"}},
        }
    )
    return declared.model_copy(
        update={"monitors": declared.monitors.model_copy(update={"drift": drift})}
    )


def judged(use_case: UseCase, days: dict[date, Profile]) -> DriftReport:
    """Ask the sensor's own gathering about a July, with these days stored; trained on a spring."""
    doors = Doors()
    platform = cast("Platform", doors)
    bins = NumericBaseline(edges=(15.0,), counts=(900, 100), missing=0, rows=1000)
    baseline = Baseline(
        features={COLUMN: bins},
        window_from=datetime(2013, 3, 1),  # noqa: DTZ001
        window_through=datetime(2013, 3, 31),  # noqa: DTZ001
    )
    doors.artifacts.put("baseline.json", baseline.model_dump_json().encode())
    columns = watched(use_case)["weather"]
    keeper = _Keeper(platform, use_case, baseline, "weather", columns)
    versions = {day.isoformat(): f"v{day}" for day in days}
    for day, profile in days.items():
        key = keeper._key(day.isoformat(), versions[day.isoformat()])
        doors.artifacts.put(key, profile.model_dump_json().encode())
    champion = PackageFacts(
        "arn/1",
        1,
        "Approved",
        datetime.now(UTC),
        "",
        {"drift_baseline_uri": "s3://bucket/baseline.json"},
    )
    name = (use_case.sources.database, "weather")
    table = TableFacts(*name, (ColumnFacts("temp", "double"),), (), {}, "", datetime.now(UTC), "1")
    situation = Situation({"weather": LANDED}, champion, None)
    found = report_for(platform, use_case, situation, ({}, {name: Source(table, versions)}))
    assert found is not None
    return found[1]


def span(first: date, last: date) -> list[date]:
    return [first + timedelta(days=more) for more in range((last - first).days + 1)]


TWO_YEARS = span(date(2012, 1, 1), date(2013, 7, 14))


def test_a_summer_as_the_last_one_is_no_drift(use_case: UseCase) -> None:
    report = judged(use_case, {day: in_season(day) for day in TWO_YEARS})
    (feature,) = report.features
    assert (report.verdict, feature.reference) == ("stable", "season")
    assert "The same season was looked at too: 2012-07-0" in report.why


def test_what_no_season_explains_is_drift(use_case: UseCase) -> None:
    days = {day: in_season(day) for day in TWO_YEARS}
    days |= {day: day_of(day, 50, 50) for day in span(date(2013, 7, 1), date(2013, 7, 14))}
    assert judged(use_case, days).verdict == "drifted"


def test_without_an_earlier_year_the_verdict_says_so(use_case: UseCase) -> None:
    days = {day: in_season(day) for day in TWO_YEARS if day.year == 2013}
    report = judged(use_case, days)
    assert report.verdict == "drifted"
    assert report.features[0].reference != "season"
    assert "No season of an earlier year to compare with: weather has 0 of the days" in report.why


def test_nobody_who_did_not_ask_is_compared_with_a_season(use_case: UseCase) -> None:
    drift = use_case.monitors.drift.model_copy(update={"seasonal": "weekday"})
    monitors = use_case.monitors.model_copy(update={"drift": drift})
    other = use_case.model_copy(update={"monitors": monitors})
    report = judged(other, {day: in_season(day) for day in TWO_YEARS})
    assert report.verdict == "drifted"
    assert "season" not in report.why
