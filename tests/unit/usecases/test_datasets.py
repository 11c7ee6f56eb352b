"""The SQL of both models on the real flights: what it promises, and that it never looks ahead."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from decisions.partitions import days_between
from orchestration import flights, upstream
from usecases import sql
from usecases.declaration import UseCase, load_use_cases
from usecases.partition_reads import reaches

ROOT = Path(__file__).parents[3]
USE_CASES = load_use_cases(ROOT / "usecases", ROOT / "tests" / "fixtures" / "usecases")
EVERY = [
    pytest.param(use_case, dataset.name, id=f"{use_case.name}.{dataset.name}")
    for use_case in USE_CASES
    for dataset in use_case.datasets
]
START = datetime.fromisoformat("2013-01-04T05:00:00")
# A Friday afternoon: flights are in the air, and some that left late are not down.
AS_OF = datetime.fromisoformat("2013-01-11T20:00:00")
LATER = AS_OF + timedelta(days=4)


def landed(connection: duckdb.DuckDBPyConnection, schema: str, until: datetime) -> None:
    """Land the raw tables as they were known at a moment, the way the upstream team does."""
    connection.execute(f"CREATE SCHEMA {schema}")
    for name, raw, outcomes in (
        ("flights", flights.flights(), flights.OUTCOMES),
        ("weather", flights.weather(), None),
        ("planes", flights.planes(), None),
    ):
        parts = []
        for file in upstream.files_of(raw, until, outcomes, done=frozenset()):
            table = pq.read_table(io.BytesIO(file.body))
            if file.partition:
                table = table.append_column("dt", pa.array([file.partition] * file.rows))
            parts.append(table)
        connection.register("landing", pa.concat_tables(parts))
        connection.execute(f"CREATE TABLE {schema}.{name} AS FROM landing")
        connection.unregister("landing")


@pytest.fixture(scope="module")
def raw() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 2})
    landed(connection, "early", AS_OF)
    landed(connection, "later", LATER)
    return connection


def rows(
    raw: duckdb.DuckDBPyConnection, schema: str, text: str, as_of: datetime = AS_OF
) -> list[dict[str, Any]]:
    """Run a dataset's query over the tables as they were landed in a schema."""
    bound = sql.bind(text, window_start=START, window_end=AS_OF, as_of=as_of, dialect="duckdb")
    result = raw.execute(bound.replace("nycflights.", f"{schema}."))
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in sorted(result.fetchall(), key=repr)]


@pytest.mark.parametrize(("use_case", "name"), EVERY)
def test_a_dataset_keeps_what_its_columns_promise(
    raw: duckdb.DuckDBPyConnection, use_case: UseCase, name: str
) -> None:
    dataset = use_case.dataset(name)
    found = rows(raw, "early", use_case.queries[name])
    assert len(found) > 100
    keys = {tuple(row[key] for key in dataset.primary_key) for row in found}
    assert len(keys) == len(found)
    for column, promise in dataset.columns.items():
        values = [row[column] for row in found if row[column] is not None]
        assert promise.nullable or len(values) == len(found), column
        assert promise.minimum is None or min(values) >= promise.minimum, column
        assert promise.maximum is None or max(values) <= promise.maximum, column
        assert not promise.allowed or set(values) <= set(promise.allowed), column


@pytest.mark.parametrize(("use_case", "name"), EVERY)
def test_what_lands_later_does_not_change_what_was_known(
    raw: duckdb.DuckDBPyConnection, use_case: UseCase, name: str
) -> None:
    text = use_case.queries[name]
    assert rows(raw, "early", text) == rows(raw, "later", text)


@pytest.mark.parametrize(
    ("use_case", "name"),
    [
        pytest.param(use_case, group.dataset, id=f"{use_case.name}.{group.name}")
        for use_case in USE_CASES
        for group in use_case.feature_groups
    ],
)
def test_a_feature_was_known_at_its_event_time(
    raw: duckdb.DuckDBPyConnection, use_case: UseCase, name: str
) -> None:
    """Asking earlier gives the same records, up to that time: none used what came after it."""
    text, earlier = use_case.queries[name], AS_OF - timedelta(hours=31)
    known = [row for row in rows(raw, "later", text) if row["event_time"] <= earlier]
    assert rows(raw, "later", text, as_of=earlier) == known


def test_a_flight_still_in_the_air_has_no_label_yet(raw: duckdb.DuckDBPyConnection) -> None:
    (use_case,) = [one for one in USE_CASES if one.name == "flight_delay"]
    text = use_case.queries["flights_labelled"]
    known = {row["flight_id"] for row in rows(raw, "later", text)}
    all_of_them = {row["flight_id"] for row in rows(raw, "later", text, as_of=LATER)}
    assert known < all_of_them


@pytest.mark.parametrize(
    ("use_case", "name"),
    [
        pytest.param(use_case, dataset.name, id=f"{use_case.name}.{dataset.name}")
        for use_case in USE_CASES
        for dataset in use_case.datasets
        if dataset.partition_by
    ],
)
def test_day_by_day_from_the_partitions_within_reach_is_the_same_as_all_at_once(
    raw: duckdb.DuckDBPyConnection, use_case: UseCase, name: str
) -> None:
    """A day reads no partition beyond its reach: else a restated one would go unnoticed."""
    text = use_case.queries[name]
    keys = {table: facts.partition_key for table, facts in use_case.sources.tables.items()}
    reach = reaches(text, keys)
    at_once = [row for row in rows(raw, "early", text) if row["event_time"].date() > START.date()]
    one_by_one: list[dict[str, Any]] = []
    for day in days_between(START + timedelta(days=1), AS_OF):
        raw.execute("DROP SCHEMA IF EXISTS narrow CASCADE; CREATE SCHEMA narrow")
        for table, days in reach.items():
            kept = [one.isoformat() for one in days.days(day)] if days else None
            only = f"WHERE dt IN {(*kept, '')}" if kept else ""
            raw.execute(f"CREATE TABLE narrow.{table} AS FROM early.{table} {only}")
        bound = sql.bind_days(
            text, first=day, last=day, as_of=AS_OF, event_time="event_time", partition_key="dt"
        )
        duck = sqlglot.transpile(bound, read="athena", write="duckdb")[0]
        result = raw.execute(duck.replace("nycflights.", "narrow."))
        names = [column[0] for column in result.description]
        made = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        assert {row.pop("dt") for row in made} <= {day.isoformat()}
        one_by_one += [row for row in made if row["event_time"] < AS_OF]
    assert sorted(one_by_one, key=repr) == sorted(at_once, key=repr)
