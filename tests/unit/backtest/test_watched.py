"""Counting fetched rows gives what production's SQL counts."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.baseline import Baseline, CategoricalBaseline, NumericBaseline
from orchestration.backtest.watched import Watched
from tests.unit.backtest.toy import FLIGHTS
from usecases import profile_sql
from usecases.point_in_time import Table

DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")
NUMBERS = st.one_of(
    st.none(), st.just(math.nan), st.sampled_from([-1.0, 0.0, 2.5]), st.floats(-5, 5)
)
TEXTS = st.one_of(st.none(), st.sampled_from(["UA", "AA", "B6", "zz"]))
ROWS = st.lists(st.tuples(st.sampled_from(DAYS), NUMBERS, TEXTS), max_size=60)


def watched_by(rows: list[tuple[str, Any, Any]]) -> Watched:
    monitor = FLIGHTS.monitors.drift.model_copy(
        update={"tables": {"flights": {"dep_delay": "numeric", "carrier": "categorical"}}}
    )
    use_case = FLIGHTS.model_copy(
        update={"monitors": FLIGHTS.monitors.model_copy(update={"drift": monitor})}
    )
    table = pa.table(
        {
            "dt": pa.array([row[0] for row in rows], pa.string()),
            "dep_delay": pa.array([row[1] for row in rows], pa.float64()),
            "carrier": pa.array([row[2] for row in rows], pa.string()),
        }
    )
    return Watched(use_case, lambda _: table)


def baseline(edges: tuple[float, ...]) -> Baseline:
    zeros = (0,) * (len(edges) + 1)
    return Baseline(
        features={
            "flights.dep_delay": NumericBaseline(edges=edges, counts=zeros, missing=0, rows=0),
            "flights.carrier": CategoricalBaseline(
                values={"AA": 3, "UA": 2}, other=0, missing=0, rows=5
            ),
        },
        window_from=datetime(2013, 1, 1),  # noqa: DTZ001
        window_through=datetime(2013, 1, 2),  # noqa: DTZ001
    )


@settings(max_examples=40, deadline=None)
@given(ROWS, st.lists(st.sampled_from([-2.0, -1.0, 0.0, 2.5, 3.0]), min_size=1, unique=True))
def test_counts_are_those_of_production(
    rows: list[tuple[str, Any, Any]], found: list[float]
) -> None:
    edges = tuple(sorted(found))
    first, last = date(2013, 1, 2), date(2013, 1, 3)
    counted = watched_by(rows).profile(baseline(edges), first, last).features
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t (dt VARCHAR, x DOUBLE, c VARCHAR)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [("2012-12-31", None, None), *rows])

    def select(text: str) -> list[dict[str, Any]]:
        result = connection.execute(sqlglot.transpile(text, read="athena", write="duckdb")[0])
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    days = profile_sql.Days(Table("main", "t"), "dt", first, last)
    numbers = profile_sql.numbers_from(
        select(profile_sql.bins_sql(days, {"x": edges}))[0], {"x": edges}
    )
    assert counted["flights.dep_delay"] == numbers["x"]
    texts = select(profile_sql.values_sql(days, {"c": ("AA", "UA")}))
    assert counted["flights.carrier"] == profile_sql.categories_from(texts, ["c"])["c"]
