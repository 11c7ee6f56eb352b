"""Counting in SQL gives what counting by hand gives, and the baseline judges itself stable."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions import drift
from decisions.baseline import CategoricalBaseline, NumericBaseline
from usecases import profile_sql
from usecases.declaration import UseCase, load_use_case
from usecases.point_in_time import Table
from usecases.profiling import Select, measure_baseline, measure_profile

FIRST = date(2013, 1, 1)
DAYS = profile_sql.Days(Table("main", "t"), "dt", FIRST, FIRST + timedelta(days=1))
VALUES = st.lists(
    st.one_of(st.none(), st.just(math.nan), st.floats(-5, 5), st.just(0.0)), max_size=40
)


def database(values: list[Any], kind: str = "DOUBLE") -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE t (dt VARCHAR, x {kind})")
    rows = [("2013-01-02", value) for value in values]
    rows.append(("2013-01-09", values[0] if values else None))
    connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    return connection


def selecting(connection: duckdb.DuckDBPyConnection) -> Select:
    """Run Athena's SQL in DuckDB, the way the embedded Athena does."""

    def select(text: str) -> list[dict[str, Any]]:
        result = connection.execute(sqlglot.transpile(text, read="athena", write="duckdb")[0])
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    return select


@settings(max_examples=60, deadline=None)
@given(VALUES, st.lists(st.floats(-4, 4), max_size=5, unique=True))
def test_bins_count_what_a_loop_counts(values: list[Any], edges: list[float]) -> None:
    frozen = {"x": tuple(sorted(edges))}
    row = selecting(database(values))(profile_sql.bins_sql(DAYS, frozen))[0]
    found = profile_sql.numbers_from(row, frozen)["x"]
    present = [value for value in values if value is not None and not math.isnan(value)]
    bounds = [-math.inf, *frozen["x"], math.inf]
    assert found.rows == len(values)
    assert found.missing == len(values) - len(present)
    assert list(found.counts) == [
        sum(low < value <= high for value in present) for low, high in pairwise(bounds)
    ]


@pytest.mark.parametrize(
    ("values", "edges"),
    [([], 0), ([None, math.nan], 0), ([3.0] * 50, 2), ([float(n) for n in range(100)], 9)],
    ids=["empty", "all null", "constant", "spread"],
)
def test_edges_are_defined_for_every_column(values: list[Any], edges: int) -> None:
    row = selecting(database(values))(profile_sql.quantiles_sql(DAYS, ["x"]))[0]
    found = profile_sql.edges_from(row, ["x"])["x"]
    assert len(found) == edges
    assert list(found) == sorted(set(found))


def test_a_constant_column_that_moves_to_either_side_is_seen() -> None:
    edges = profile_sql.edges_from({f"c0_q{step}": 3.0 for step in range(9)}, ["x"])
    for moved in (2.9, 3.1):
        row = selecting(database([moved] * 10))(profile_sql.bins_sql(DAYS, edges))[0]
        assert profile_sql.numbers_from(row, edges)["x"].counts[1] == 0


def test_categories_keep_the_top_and_count_the_rest() -> None:
    values = [f"v{n:02}" for n in range(60) for _ in range(60 - n)] + [None] * 7
    select = selecting(database(values, "VARCHAR"))
    rows = select(profile_sql.values_sql(DAYS, {"x": None}))
    found = profile_sql.categories_from(rows, ["x"])["x"]
    assert len(found.values) == profile_sql.TOP_VALUES
    assert (found.missing, found.rows) == (7, len(values))
    frozen = profile_sql.values_sql(DAYS, {"x": ["v59", "it's", "gone"]})
    again = profile_sql.categories_from(select(frozen), ["x"])["x"]
    assert again.values == {"v59": 1}
    assert again.other == len(values) - 8


def test_no_categorical_column_kept_means_all_are_other() -> None:
    rows = selecting(database(["a", "b"], "VARCHAR"))(profile_sql.values_sql(DAYS, {"x": []}))
    assert profile_sql.categories_from(rows, ["x"])["x"].other == 2


@pytest.fixture(scope="module")
def use_case() -> UseCase:
    folder = Path(__file__).parents[3] / "usecases" / "flight_delay"
    return load_use_case(folder)


@pytest.fixture
def raw(use_case: UseCase) -> duckdb.DuckDBPyConnection:
    """Eight weeks of the watched columns, the last two moved."""
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA nycflights")
    for table, columns in use_case.monitors.drift.tables.items():
        chosen = ", ".join(
            f"chr(65 + (i * 7 % 3)::INT) AS {name}"
            if kind == "categorical"
            else f"(i * 37 % 101) + (i // 4200) * 60 AS {name}"
            for name, kind in columns.items()
        )
        connection.execute(
            f"CREATE TABLE nycflights.{table} AS SELECT"  # noqa: S608 - names of our own file
            f" strftime(DATE '2013-01-01' + (i // 100)::INT, '%Y-%m-%d') AS dt, {chosen}"
            " FROM range(5600) AS r(i)"
        )
    return connection


def test_a_baseline_is_stable_against_its_own_days_and_drifts_when_they_move(
    use_case: UseCase, raw: duckdb.DuckDBPyConnection
) -> None:
    select = selecting(raw)
    baseline = measure_baseline(use_case, FIRST, FIRST + timedelta(days=41), select)
    assert isinstance(baseline.features["flights.carrier"], CategoricalBaseline)
    assert isinstance(baseline.features["weather.temp"], NumericBaseline)
    policy = use_case.monitors.drift.policy
    own = measure_profile(use_case, baseline, FIRST + timedelta(days=41), select)
    assert drift.judge(baseline, [own], policy).verdict == "stable"
    moved = measure_profile(use_case, baseline, FIRST + timedelta(days=55), select)
    report = drift.judge(baseline, [moved], policy)
    assert report.verdict == "drifted"
    assert {feature.name for feature in report.features if feature.status == "stable"} == {
        "flights.carrier",
        "flights.origin",
    }


def test_an_empty_window_and_a_column_that_is_gone_cannot_be_told(
    use_case: UseCase, raw: duckdb.DuckDBPyConnection
) -> None:
    select = selecting(raw)
    baseline = measure_baseline(use_case, FIRST, FIRST + timedelta(days=41), select)
    policy = use_case.monitors.drift.policy
    empty = measure_profile(use_case, baseline, date(2020, 1, 1), select)
    assert drift.judge(baseline, [empty], policy).verdict == "cannot_tell"
    raw.execute("ALTER TABLE nycflights.weather DROP COLUMN temp")
    present = {"flights": use_case.monitors.drift.tables["flights"], "weather": ["dewp", "humid"]}
    last = FIRST + timedelta(days=41)
    profile = measure_profile(use_case, baseline, last, select, present=present)
    told = {one.name: one for one in drift.judge(baseline, [profile], policy).features}
    assert "gone" in told["weather.temp"].why
    assert told["weather.dewp"].status == "stable"
