"""A dataset's contract: the SQL pass over all rows and pandera over a sample say the same."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
import sqlglot

from assets.contracts import (
    breaches_of,
    contract_sql,
    pandera_failures,
    promises,
    schema_breaches,
)
from resources.glue import ColumnFacts
from usecases.fields import Dataset

DATASET = Dataset.model_validate(
    {
        "name": "hours",
        "description": "Something for every promise.",
        "sql": "sql/hours.sql",
        "primary_key": ["origin", "hour"],
        "columns": {
            "origin": {"type": "string", "allowed": ["EWR", "JFK"]},
            "hour": {"type": "bigint", "minimum": 0, "maximum": 23},
            "temp": {"type": "double", "nullable": True, "minimum": -60},
        },
    }
)
GOOD: list[tuple[Any, ...]] = [("EWR", 0, None), ("EWR", 1, -60.0), ("JFK", 0, 12.5)]
BREACHES = {
    "nothing": ([], []),
    "an origin that is not declared": ([("LGA", 1, 1.0)], ["origin: 1 rows are not one of"]),
    "no origin": ([(None, 1, 1.0)], ["origin: 1 rows are not present"]),
    "an hour below": ([("JFK", -1, 1.0)], ["hour: 1 rows are not >= 0"]),
    "an hour above": ([("JFK", 24, 1.0)], ["hour: 1 rows are not <= 23"]),
    "too cold": ([("JFK", 2, -61.0), ("JFK", 3, -99.0)], ["temp: 2 rows are not >= -60"]),
    "the same key twice": ([("EWR", 0, 1.0)], ["origin, hour: 1 rows are not unique"]),
}


def counted(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Run the contract's own SQL over rows, in DuckDB."""
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA curated")
    connection.execute('CREATE TABLE curated.hours (origin TEXT, "hour" BIGINT, temp DOUBLE)')
    if rows:
        connection.executemany("INSERT INTO curated.hours VALUES (?, ?, ?)", rows)
    sql = contract_sql(DATASET, "curated")
    answer = connection.execute(sqlglot.transpile(sql, read="athena", write="duckdb")[0])
    names = [column[0] for column in answer.description]
    return dict(zip(names, answer.fetchall()[0], strict=True))


@pytest.mark.parametrize("name", BREACHES)
def test_sql_and_pandera_agree(name: str) -> None:
    bad, expected = BREACHES[name]
    rows = GOOD + bad
    answer = counted(rows)
    assert answer["row_count"] == len(rows)
    told = [str(breach) for breach in breaches_of(DATASET, answer)]
    assert len(told) == len(expected)
    for one, beginning in zip(told, expected, strict=True):
        assert one.startswith(beginning)
    records = [dict(zip(DATASET.columns, row, strict=True)) for row in rows]
    assert bool(pandera_failures(DATASET, records)) == bool(expected)


def test_an_empty_table_breaks_no_promise_and_counts_zero() -> None:
    answer = counted([])
    assert answer["row_count"] == 0
    assert breaches_of(DATASET, answer) == []


def test_the_answer_has_a_column_per_promise() -> None:
    answer = counted(GOOD)
    assert set(answer) == {"row_count", "duplicate_keys"} | {
        f"b{number}" for number in range(len(promises(DATASET)))
    }


def test_columns_that_are_gone_or_retyped_are_named_and_further_ones_ignored() -> None:
    found = [
        ColumnFacts("origin", "string"),
        ColumnFacts("temp", "string"),
        ColumnFacts("further", "bigint"),
    ]
    assert schema_breaches(DATASET, found) == [
        "column hour is missing (expected type bigint)",
        "column temp has type string, expected double",
    ]


def test_names_are_quoted_and_values_are_literals() -> None:
    hostile = Dataset.model_validate(
        DATASET.model_dump()
        | {"columns": {"origin": {"type": "string", "allowed": ["x') OR 1=1 --"]}}}
        | {"primary_key": ["origin"]}
    )
    sql = contract_sql(hostile, "curated")
    assert "'x'') OR 1=1 --'" in sql
    assert '"curated"."hours"' in sql
