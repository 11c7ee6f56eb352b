"""Counting in SQL gives what counting by hand gives, and the baseline judges itself stable."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions import drift
from decisions.baseline import CategoricalBaseline, NumericBaseline, NumericCounts, Profile
from pipelines.steps import arrow_profile
from tests.unit.usecases.profile_world import FIRST, connect, database, days, selecting
from usecases import profile_sql
from usecases.declaration import UseCase, load_use_case
from usecases.profile_rows import edges_from, edges_of, kept_from
from usecases.profile_sql import Watched
from usecases.profiling import (
    bounds,
    count_days,
    freeze_bins,
    measure_baseline,
    measure_days,
    measure_window,
    merged,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from usecases.profiling import Frozen

COLUMNS = (
    Watched("x", "numeric", "double"),
    Watched("c", "categorical", "string"),
    Watched("b", "boolean", "boolean"),
    Watched("ts", "timestamp", "timestamp"),
    Watched("txt", "text_length", "string"),
)
TYPES = {"x": "DOUBLE", "c": "VARCHAR", "b": "BOOLEAN", "ts": "TIMESTAMP", "txt": "VARCHAR"}
ARROW = {
    "x": pa.float64(),
    "c": pa.string(),
    "b": pa.bool_(),
    "ts": pa.timestamp("us"),
    "txt": pa.string(),
}
NUMBERS = st.one_of(
    st.none(),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, 5e-324, 1e100, -1e100]),
    st.floats(-5, 5),
)
TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["", "a", "it's", 'quo"te', "1:a", ":", "ß€", "\\"]),
    st.text(max_size=3),
)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        NUMBERS,
        TEXTS.filter(lambda text: text is None or "\0" not in text),
        st.one_of(st.none(), st.booleans()),
        st.one_of(st.none(), st.datetimes(datetime(1969, 1, 1), datetime(2030, 1, 1))),  # noqa: DTZ001
        st.one_of(st.none(), st.text("aß€", max_size=4)),
    ),
    max_size=30,
)
EDGES = st.lists(
    st.one_of(st.floats(-4, 4), st.sampled_from([-0.0, 1.0, 5e-324, 1e300])), max_size=6
).map(edges_of)


def frozen(edges: Sequence[float], kept: Sequence[str]) -> Frozen:
    """Bins of the five columns."""

    def numeric(edges: Sequence[float]) -> NumericBaseline:
        return NumericBaseline(
            counts=(0,) * (len(edges) + 1), missing=0, rows=0, edges=tuple(edges)
        )

    def values(kept: Sequence[str]) -> CategoricalBaseline:
        return CategoricalBaseline(values=dict.fromkeys(kept, 0), other=0, missing=0, rows=0)

    return {
        "x": numeric(edges),
        "c": values(kept),
        "b": values(["true"]),
        "ts": numeric([-1.5, 0.0, 1.4e9]),
        "txt": numeric([]),
    }


def same(one: Profile, two: Profile) -> None:
    """Equal, but for the last digits of sums, which depend on the order of adding."""
    assert one.features.keys() == two.features.keys()
    for name, counts in one.features.items():
        other = two.features[name]
        if isinstance(counts, NumericCounts) and isinstance(other, NumericCounts):
            large = max(abs(counts.minimum or 0.0), abs(counts.maximum or 0.0), 1.0)
            for sums, size in (("total", large), ("squares", large**2)):
                mine, theirs = getattr(counts, sums), getattr(other, sums)
                assert (mine is None) == (theirs is None)
                assert (mine or 0.0) == pytest.approx(theirs or 0.0, abs=size * 1e-9)
            rounded = {"total": None, "squares": None}
            assert counts.model_copy(update=rounded) == other.model_copy(update=rounded)
        else:
            assert counts == other


@settings(max_examples=30, deadline=None)
@given(ROWS, EDGES, st.lists(TEXTS.filter(bool), max_size=4, unique=True))
def test_sql_counts_what_a_loop_and_what_arrow_count(
    rows: list[tuple[Any, ...]], edges: tuple[float, ...], kept: list[str]
) -> None:
    bins = frozen(edges, [each for each in kept if "\0" not in each])
    found = count_days(days(0, 2, 3), COLUMNS, bins, selecting(database(TYPES, rows)))
    wanted = [row for row in rows if row[0] != 1]
    whole = merged(found.values())
    counts = whole.features["x"]
    assert isinstance(counts, NumericCounts)
    finite = [row[1] for row in wanted if row[1] is not None and math.isfinite(row[1])]
    assert counts.rows == len(wanted)
    assert counts.infinite == sum(row[1] in (math.inf, -math.inf) for row in wanted)
    assert counts.missing == len(wanted) - len(finite) - counts.infinite
    assert list(counts.counts) == [
        sum(low < value <= high for value in finite)
        for low, high in pairwise([-math.inf, *edges, math.inf])
    ]
    for number, (day, profile) in enumerate(found.items()):
        mine = [row for row in wanted if FIRST + timedelta(days=row[0]) == day]
        assert profile.weekdays["x"][day.weekday()] == len(mine), number
        same(profile, by_arrow(mine, bins, day))
    same(whole, by_arrow(wanted, bins, FIRST))


def by_arrow(rows: Sequence[tuple[Any, ...]], bins: Frozen, day: date) -> Profile:
    """Count rows on this machine, in two batches, one of whose text is dictionary-encoded."""
    start, end = bounds([day])
    half = len(rows) // 2
    batches = []
    for some in (rows[:half], rows[half:]):
        columns = [
            pa.array([row[place + 1] for row in some], kind)
            for place, kind in enumerate(ARROW.values())
        ]
        if some is not rows[:half] and len(some):
            columns[1] = columns[1].dictionary_encode()
        batches.append(pa.record_batch(columns, names=list(ARROW)))
    kinds = {each.name: each.kind for each in COLUMNS}
    return arrow_profile.profile(batches, bins, kinds, window_from=start, window_through=end)


@pytest.mark.parametrize(
    ("values", "edges"),
    [([], 0), ([None, math.nan], 0), ([3.0] * 50, 2), ([math.inf, 2.0], 2)],
    ids=["empty", "all null", "constant", "one finite"],
)
def test_edges_are_defined_for_every_column(values: list[Any], edges: int) -> None:
    select = selecting(database({"x": "DOUBLE"}, [(0, value) for value in values]))
    (row,) = select(profile_sql.survey_sql(days(0), COLUMNS[:1]))
    found = edges_from(row, COLUMNS[:1])["x"]
    assert len(found) == edges
    assert list(found) == sorted(set(found))


def test_quantiles_are_the_edges_of_a_spread_column() -> None:
    select = selecting(database({"x": "DOUBLE"}, [(0, float(n)) for n in range(2000)]))
    (row,) = select(profile_sql.survey_sql(days(0), COLUMNS[:1]))
    found = edges_from(row, COLUMNS[:1])["x"]
    assert len(found) > profile_sql.BINS - 10
    assert max(high - low for low, high in pairwise(found)) <= 2000 / profile_sql.BINS + 1


def test_a_constant_column_that_moves_to_either_side_is_seen() -> None:
    bins = frozen(edges_of([3.0] * 9), [])
    for moved in (2.9, 3.1):
        select = selecting(database({"x": "DOUBLE"}, [(0, moved)] * 10))
        found = count_days(days(0), COLUMNS[:1], bins, select)[FIRST].features["x"]
        assert isinstance(found, NumericCounts)
        assert found.counts[1] == 0


def test_categories_keep_the_top_and_count_the_rest() -> None:
    values = [f"v{n:02}" for n in range(60) for _ in range(60 - n)] + [None] * 7
    select = selecting(database({"c": "VARCHAR"}, [(0, value) for value in values]))
    (row,) = select(profile_sql.survey_sql(days(0), COLUMNS[1:2], 10))
    assert kept_from(row, COLUMNS[1:2])["c"] == tuple(f"v{n:02}" for n in range(10))
    again = count_days(days(0), COLUMNS[1:2], frozen((), ["v59", "gone"]), select)
    counts = again[FIRST].features["c"]
    assert counts.kind == "categorical"
    assert counts.values == {"v59": 1, "gone": 0}
    assert (counts.other, counts.missing) == (len(values) - 8, 7)


def test_no_kept_value_means_all_are_other() -> None:
    select = selecting(database({"c": "VARCHAR"}, [(0, "a"), (0, "b")]))
    counts = count_days(days(0), COLUMNS[1:2], frozen((), []), select)[FIRST].features["c"]
    assert counts.kind == "categorical"
    assert counts.other == 2


def test_a_value_too_long_to_keep_is_other() -> None:
    long = "x" * (profile_sql.LONGEST_VALUE + 1)
    select = selecting(database({"c": "VARCHAR"}, [(0, long)] * 3 + [(0, "a")]))
    (row,) = select(profile_sql.survey_sql(days(0), COLUMNS[1:2]))
    assert kept_from(row, COLUMNS[1:2])["c"] == ("a",)


def test_many_columns_take_as_few_statements_as_athena_allows() -> None:
    columns = [Watched(f"n{n}", "numeric", "double") for n in range(60)]
    columns += [Watched(f"c{n}", "categorical", "string") for n in range(40)]
    types = {each.name: "VARCHAR" if each.by_value else "DOUBLE" for each in columns}
    connection = database(types, [])
    edges = tuple(math.sqrt(n) for n in range(1, 269))
    bins: Frozen = {
        each.name: CategoricalBaseline(
            values={f"value {n}": 0 for n in range(50)}, other=0, missing=0, rows=0
        )
        if each.by_value
        else NumericBaseline(counts=(0,) * 269, missing=0, rows=0, edges=edges)
        for each in columns
    }
    asked: list[str] = []
    inner = selecting(connection)

    def select(text: str) -> list[dict[str, Any]]:
        asked.append(text)
        return inner(text)

    found = count_days(days(0, 1), columns, bins, select)
    assert set(found[FIRST].features) == set(types)
    assert max(len(text.encode()) for text in asked) < 262_144
    assert 2 <= len(asked) <= 4


@pytest.fixture(scope="module")
def use_case() -> UseCase:
    folder = Path(__file__).parents[3] / "usecases" / "flight_delay"
    return load_use_case(folder)


@pytest.fixture
def raw(use_case: UseCase) -> duckdb.DuckDBPyConnection:
    """Eight weeks of the watched columns, the last two moved."""
    connection = connect()
    connection.execute("CREATE SCHEMA nycflights")
    for table, columns in use_case.monitors.drift.tables.items():
        chosen = ", ".join(
            f"chr(65 + (i * 7 % 3)::INT) AS {name}"
            if kind == "categorical"
            else f"((i * 37 % 101) + (i // 4200) * 60)::DOUBLE AS {name}"
            for name, kind in columns.items()
        )
        connection.execute(
            f"CREATE TABLE nycflights.{table} AS SELECT"  # noqa: S608 - names of our own file
            f" strftime(DATE '2013-01-01' + (i // 100)::INT, '%Y-%m-%d') AS dt, {chosen}"
            " FROM range(5600) AS r(i)"
        )
    return connection


def span(first: int, last: int) -> list[date]:
    return [FIRST + timedelta(days=number) for number in range(first, last + 1)]


def test_a_baseline_is_stable_against_its_own_days_and_drifts_when_they_move(
    use_case: UseCase, raw: duckdb.DuckDBPyConnection
) -> None:
    select = selecting(raw)
    baseline = measure_baseline(use_case, FIRST, FIRST + timedelta(days=41), select)
    assert isinstance(baseline.features["flights.carrier"], CategoricalBaseline)
    assert isinstance(baseline.features["weather.temp"], NumericBaseline)
    policy = use_case.monitors.drift.policy
    own = measure_window(use_case, baseline, span(28, 41), select)
    assert drift.judge(baseline, [own], policy).verdict == "stable"
    moved = measure_window(use_case, baseline, span(42, 55), select)
    report = drift.judge(baseline, [moved] * 9, policy)
    assert report.verdict == "drifted", report.why
    assert {feature.name for feature in report.features if feature.status == "stable"} == {
        "flights.carrier",
        "flights.origin",
    }


def test_a_baseline_by_weekday_adds_up_to_the_whole(
    use_case: UseCase, raw: duckdb.DuckDBPyConnection
) -> None:
    baseline = measure_baseline(use_case, FIRST, FIRST + timedelta(days=9), selecting(raw))
    assert sorted(baseline.by_weekday) == list(range(7))
    for name, whole in baseline.features.items():
        parts = [found[name] for found in baseline.by_weekday.values()]
        assert sum(part.rows for part in parts) == whole.rows == 1000
    tuesday = baseline.by_weekday[1]["weather.temp"]
    assert tuesday.rows == 200  # the first and the eighth of January 2013


def test_the_merge_of_days_is_the_window(use_case: UseCase, raw: duckdb.DuckDBPyConnection) -> None:
    select = selecting(raw)
    baseline = measure_baseline(use_case, FIRST, FIRST + timedelta(days=9), select)
    whole = measure_window(use_case, baseline, span(3, 9), select)
    parts = [
        profile
        for days_of in (span(3, 4), span(5, 9))
        for table in use_case.monitors.drift.tables
        for profile in measure_days(use_case, baseline, table, days_of, select).values()
    ]
    same(merged(parts), whole)
    assert merged(parts).weekdays == whole.weekdays
    assert sum(whole.weekdays["weather.temp"]) == 700


def test_an_empty_window_and_a_column_that_is_gone_cannot_be_told(
    use_case: UseCase, raw: duckdb.DuckDBPyConnection
) -> None:
    select = selecting(raw)
    baseline = measure_baseline(use_case, FIRST, FIRST + timedelta(days=41), select)
    policy = use_case.monitors.drift.policy
    empty = measure_window(use_case, baseline, [date(2020, 1, 1)], select)
    assert drift.judge(baseline, [empty], policy).verdict == "cannot_tell"
    whole = measure_window(use_case, baseline, span(28, 41), select)
    rest = {name: each for name, each in whole.features.items() if name != "weather.temp"}
    without = whole.model_copy(update={"features": rest})
    told = {one.name: one for one in drift.judge(baseline, [without], policy).features}
    assert "gone" in told["weather.temp"].why
    assert told["weather.dewp"].status == "stable"


def test_a_survey_sorts_few_columns_at_once_and_leaves_none_out() -> None:
    columns = [Watched(f"n{n}", "numeric", "double") for n in range(7)]
    columns += [Watched(f"c{n}", "categorical", "string") for n in range(3)]
    types = {each.name: "VARCHAR" if each.by_value else "DOUBLE" for each in columns}
    inner, asked = selecting(database(types, [(0, *range(7), "a", "b", "c")])), []

    def select(text: str) -> list[dict[str, Any]]:
        asked.append(text)
        return inner(text)

    found = freeze_bins(days(0), columns, select, 5)
    assert found.keys() == types.keys()
    assert [text.count("APPROX_PERCENTILE") for text in asked] == [5, 2]
    kept = found["c1"]
    assert isinstance(kept, CategoricalBaseline)
    assert kept.values == {"b": 0}
