"""The training-set SQL against a brute force: ties, rewrites, deletions, late writes, null keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings

from decisions import leakage
from tests.unit.usecases.join_world import (
    CROWDED,
    MAX_AGE,
    RECORDS,
    ROWS,
    START,
    TABLES,
    USE_CASE,
    WRITTEN_BY,
    Record,
    Row,
    comparable,
    expected,
    query,
    spine_table,
    store_table,
)
from usecases.declaration import load_use_case
from usecases.held_records import carrying_pays
from usecases.point_in_time import Table, Tables, Window, offline_state_sql, training_set_sql

COLUMNS = [
    "flight_id", "event_time", "cancelled", "carrier", "origin", "sched_hour",
    "day_of_week", "distance", "worst_wind", "total_precip", "worst_visib",
]  # fmt: skip
Run = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        # Nothing in the SQL may depend on the session's zone.
        opened.execute("SET TimeZone = 'America/New_York'")
        opened.execute("CREATE SCHEMA curated; CREATE SCHEMA store")
        yield opened


def fill(connection: duckdb.DuckDBPyConnection, rows: list[Row], records: list[Record]) -> None:
    connection.register("spine_table", spine_table(rows))
    connection.register("store_table", store_table(records))
    connection.execute("CREATE OR REPLACE TABLE curated.spine AS FROM spine_table")
    connection.execute('CREATE OR REPLACE TABLE store."weather-1" AS FROM store_table')


@pytest.fixture(scope="module", params=[TABLES, CROWDED], ids=["by interval", "carried"])
def run(request: pytest.FixtureRequest, connection: duckdb.DuckDBPyConnection) -> Run:
    def ask(rows: list[Row], records: list[Record], **options: Any) -> list[tuple[Any, ...]]:
        fill(connection, rows, records)
        result = connection.execute(query(dialect="duckdb", tables=request.param, **options))
        assert [column[0] for column in result.description] == COLUMNS
        return result.fetchall()

    return ask


def shown(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return comparable([(*row[:3], row[8], row[9]) for row in rows])


@settings(max_examples=150, deadline=None)
@given(ROWS, RECORDS)
@example([], [])
def test_each_row_has_what_was_known_at_its_time(run: Run, rows, records) -> None:
    assert shown(run(rows, records)) == expected(rows, records)


@settings(max_examples=60, deadline=None)
@given(ROWS, RECORDS)
def test_records_written_later_are_left_out(run: Run, rows, records) -> None:
    found = shown(run(rows, records, written_by=WRITTEN_BY))
    assert found == expected(rows, records, written_by=WRITTEN_BY)


@settings(max_examples=60, deadline=None)
@given(ROWS, RECORDS)
def test_what_is_too_old_counts_as_missing(run: Run, rows, records) -> None:
    found = shown(run(rows, records, max_age=MAX_AGE))
    assert found == expected(rows, records, max_age=MAX_AGE)


@settings(max_examples=30, deadline=None)
@given(ROWS, RECORDS)
def test_nothing_that_is_written_later_can_change_a_past_set(run: Run, rows, records) -> None:
    then = [each for each in records if START + timedelta(minutes=each.written) <= WRITTEN_BY]
    asked = {"written_by": WRITTEN_BY}
    assert run(rows, records, **asked) == run(rows, then, **asked)


@settings(max_examples=30, deadline=None)
@given(ROWS, RECORDS)
def test_the_order_of_arrival_changes_nothing_not_even_the_order_of_rows(
    run: Run, rows, records
) -> None:
    assert run(rows[::-1], records[::-1]) == run(rows, records)


@settings(max_examples=60, deadline=None)
@given(RECORDS)
def test_the_leakage_check_expects_the_same(records: list[Record]) -> None:
    """Two brute forces, written apart: the check's own, and the one of these tests."""
    for origin in {record.origin for record in records}:
        for half_hours in range(-2, 14):
            at = timedelta(minutes=30 * half_hours)
            row = Row("a", at, origin, 1)
            mine = [leakage_record(each) for each in records if each.origin == origin]
            best = leakage.expected_record(mine, START + at, written_by=WRITTEN_BY)
            values = tuple(best.values.values()) if best else (None, None)
            wanted = expected([row], records, written_by=WRITTEN_BY)
            assert not wanted or values == wanted[0][3:]


def leakage_record(record: Record) -> leakage.Record:
    return leakage.Record(
        key=record.origin,
        event_time=START + record.at,
        write_time=minutes(record.written),
        invoked_at=minutes(record.invoked),
        deleted=record.deleted,
        values=dict(zip("ab", record.values, strict=True)),
    )


def minutes(number: int) -> datetime:
    return START + timedelta(minutes=number)


def test_a_record_of_the_next_millisecond_is_not_known_yet(run: Run) -> None:
    hour = timedelta(hours=1)
    late = Record("EWR", hour + timedelta(milliseconds=1), 0, 0, deleted=False, values=(2.0, None))
    early = Record("EWR", hour - timedelta(milliseconds=1), 0, 0, deleted=False, values=(1.0, None))
    row = Row("a", hour, "EWR", 1)
    assert [each[8] for each in run([row], [late, early])] == [1.0]


def test_the_times_of_an_iceberg_spine_are_rounded_to_what_athena_writes_and_others_left() -> None:
    use_case = load_use_case(Path(__file__).resolve().parents[3] / "usecases" / "flight_delay")
    groups = {join.group: Table("store", join.group) for join in use_case.training_set.joins}
    window = Window(START, START + timedelta(days=30), START + timedelta(days=40))

    def written(*, precise: bool) -> str:
        tables = Tables(Table("curated", "spine", precise=precise), groups)
        return training_set_sql(use_case, tables, window)

    rounded = 'CAST("event_time" AS TIMESTAMP(3)) AS "event_time"'
    assert written(precise=True).count(rounded) == 1
    assert written(precise=True).replace(rounded, '"event_time"') == written(precise=False)


def test_many_records_a_key_are_carried_and_few_are_tried() -> None:
    assert carrying_pays(records=26_000, keys=3)
    assert not carrying_pays(records=3_300_000, keys=100_000)
    assert not carrying_pays(records=0, keys=0)


def test_an_offline_tables_state_counts_records_and_keys(connection) -> None:
    hour = timedelta(hours=1)
    records = [
        Record(origin, hour, written, 0, deleted=False, values=(1.0, None))
        for origin, written in (("EWR", 0), ("EWR", 1), ("JFK", 5))
    ]
    fill(connection, [], records)
    group = USE_CASE.feature_group("worst_weather")
    text = offline_state_sql(
        group, TABLES.groups["worst_weather"], written_by=WRITTEN_BY, dialect="duckdb"
    )
    assert connection.execute(text).fetchall() == [(2, 1, minutes(1))]
