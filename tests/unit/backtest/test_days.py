"""Days are counted once, by production's statements, and windows are their merge."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from localaws.services.athena import dialect
from localaws.services.athena.functions import MACROS, SETTINGS
from localaws.services.athena.translation import to_duckdb
from orchestration.backtest.days import Days
from orchestration.backtest.store import Store
from sensors.day_profiles import windows_ending
from tests.unit.backtest.toy import FLIGHTS
from usecases.profiling import measure_baseline, measure_window

if TYPE_CHECKING:
    from pathlib import Path

    from usecases.declaration import UseCase

FIRST = date(2013, 1, 1)


def watching() -> UseCase:
    tables = {"flights": {"dep_delay": "numeric", "carrier": "categorical"}}
    monitor = FLIGHTS.monitors.drift.model_copy(
        update={"tables": tables, "window": timedelta(days=7)}
    )
    monitors = FLIGHTS.monitors.model_copy(update={"drift": monitor})
    return FLIGHTS.model_copy(update={"monitors": monitors})


class Counted:
    """Flights of sixty days in DuckDB, and how often they were asked about."""

    def __init__(self) -> None:
        self.asked = 0
        # As the embedded Athena sets it up.
        self._duckdb = duckdb.connect()
        for setting in (MACROS, *SETTINGS):
            self._duckdb.execute(setting)
        self._duckdb.execute("CREATE SCHEMA nycflights")
        self._duckdb.execute(
            "CREATE TABLE nycflights.flights AS SELECT CAST(CAST(DATE '2013-01-01' + "
            "CAST(i % 60 AS INTEGER) AS DATE) AS VARCHAR) AS dt, CAST(i % 37 AS DOUBLE) AS "
            "dep_delay, CASE i % 3 WHEN 0 THEN 'UA' ELSE 'AA' END AS carrier FROM range(6000) t(i)"
        )

    def select(self, text: str) -> list[dict[str, Any]]:
        self.asked += 1
        result = self._duckdb.execute(to_duckdb(dialect.parse(text)))
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@pytest.fixture
def flights() -> Counted:
    return Counted()


def days_of(flights: Counted, folder: Path) -> Days:
    use_case = watching()
    baseline = measure_baseline(use_case, FIRST, FIRST + timedelta(days=27), flights.select)
    flights.asked = 0
    last = FIRST + timedelta(days=59)
    return Days(use_case, baseline, last, flights.select, Store(folder), {"raw": "1"})


def test_windows_are_what_production_counts(flights: Counted, tmp_path: Path) -> None:
    days = days_of(flights, tmp_path)
    wanted = windows_ending(watching(), date(2013, 2, 10))
    assert wanted[-1] == [date(2013, 2, 4) + timedelta(days=at) for at in range(7)]
    assert wanted[0][-1] < wanted[-1][-1]
    found = days.windows(wanted)
    again = [measure_window(watching(), days.baseline, each, flights.select) for each in wanted]
    assert found == again
    assert found[-1].features["flights.carrier"].rows == 700


def test_the_next_ticks_find_their_days_counted(flights: Counted, tmp_path: Path) -> None:
    days = days_of(flights, tmp_path)
    days.windows([[date(2013, 2, 1)]])
    once = flights.asked
    days.windows([[date(2013, 2, 1) + timedelta(days=at)] for at in range(20)])
    assert flights.asked == once
    days.windows([[date(2013, 1, 20)]])
    assert flights.asked > once


def test_another_process_finds_them_too(flights: Counted, tmp_path: Path) -> None:
    first = days_of(flights, tmp_path).windows([[date(2013, 2, 1)]])
    second = days_of(flights, tmp_path)
    assert second.windows([[date(2013, 2, 1)]]) == first
    assert flights.asked == 0
