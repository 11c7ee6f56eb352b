"""The SQL pass, rule by rule on rows that break just one; its examples, partitions and quoting."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest
from sqlglot import exp

from decisions.contracts import PartitionCounts
from usecases.contract_checks import Finding, findings
from usecases.contracts.contract import contract_of
from usecases.contracts.frames import as_frame, broken_rows
from usecases.contracts.statements import EXAMPLES, NO_PARTITION, compile_sql, read_counts
from usecases.fields import Dataset

DECLARED: dict[str, Any] = {
    "name": "hours",
    "description": "Something for every promise.",
    "sql": "sql/hours.sql",
    "primary_key": ["origin", "hour"],
    "columns": {
        "origin": {"type": "string", "allowed": ["EWR", "JFK"]},
        "hour": {"type": "bigint", "minimum": 0, "exclusive_maximum": 23.5},
        "temp": {"type": "double", "nullable": True, "minimum": -60, "maximum": 140},
        "code": {
            "type": "string", "nullable": True, "unique": True, "pattern": "[A-Z]+",
            "max_length": 3,
        },
    },
    "rules": [{"name": "no_frost_at_noon", "sql": "hour <> 12 OR temp > 0"}],
}  # fmt: skip
CONTRACT = contract_of(Dataset.model_validate(DECLARED))
NAMES = ("origin", "hour", "temp", "code")
Row = tuple[Any, ...]
GOOD: list[Row] = [("EWR", 0, None, None), ("EWR", 1, -60.0, "A"), ("JFK", 0, 12.5, None)]
BREACHES: dict[str, tuple[list[Row], dict[str, int]]] = {
    "nothing": ([], {}),
    "an origin that is not declared": ([("LGA", 1, 1.0, None)], {"origin.allowed": 1}),
    "no origin": ([(None, 1, 1.0, None)], {"origin.present": 1}),
    "an hour below": ([("JFK", -1, 1.0, None)], {"hour.minimum": 1}),
    "an hour above": ([("JFK", 24, 1.0, None)], {"hour.exclusive_maximum": 1}),
    "NaN is no value": ([("JFK", 2, float("nan"), None)], {}),
    "infinity is one": ([("JFK", 2, float("inf"), None)], {"temp.maximum": 1}),
    "too cold": (
        [("JFK", 2, -61.0, None), ("JFK", 3, -99.0, None)],
        {"temp.minimum": 2},
    ),
    "a key twice, and both rows told": ([("EWR", 0, 1.0, None)], {"primary_key": 2}),
    "a null is no key": ([(None, 5, 1.0, None), (None, 5, 1.0, None)], {"origin.present": 2}),
    "a code twice": ([("JFK", 4, 1.0, "A")], {"code.unique": 2}),
    "a code in small letters": ([("JFK", 4, 1.0, "a")], {"code.pattern": 1}),
    "a code with a line after it": ([("JFK", 4, 1.0, "B\n")], {"code.pattern": 1}),
    "a code too long": ([("JFK", 4, 1.0, "ABCD")], {"code.max_length": 1}),
    "a rule between columns": ([("JFK", 12, -1.0, None)], {"no_frost_at_noon": 1}),
    "a rule that cannot be judged": ([("JFK", 12, None, None)], {}),
}


def counted(rows: list[Row], days: list[str | None] | None = None) -> list[PartitionCounts]:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA curated")
        connection.execute(
            "CREATE TABLE curated.hours "
            '(origin TEXT, "hour" BIGINT, temp DOUBLE, code TEXT, dt TEXT)'
        )
        for row, day in zip(rows, days or [None] * len(rows), strict=True):
            connection.execute("INSERT INTO curated.hours VALUES (?, ?, ?, ?, ?)", [*row, day])
        table = exp.table_("hours", db="curated", quoted=True)
        key = "dt" if days else None
        answer = connection.execute(
            compile_sql(CONTRACT, table, partition_key=key, dialect="duckdb")
        )
        names = [column[0] for column in answer.description]
        found = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    return read_counts(CONTRACT, found)


@pytest.mark.parametrize("name", BREACHES)
def test_sql_and_pandera_tell_just_the_rule_that_is_broken(name: str) -> None:
    bad, expected = BREACHES[name]
    rows = GOOD + bad
    (whole,) = counted(rows)
    assert whole.rows == len(rows)
    assert {breach.rule: breach.rows for breach in whole.breaches} == expected
    frame = as_frame(CONTRACT, [dict(zip(NAMES, row, strict=True)) for row in rows])
    assert {rule: n for rule, n in broken_rows(CONTRACT, frame).items() if n} == expected


def test_an_empty_table_counts_zero() -> None:
    assert counted([]) == [PartitionCounts(partition="", rows=0)]


def test_examples_name_the_row_and_its_value_whatever_they_hold() -> None:
    bad = [("LGA", 7, 1.0, None), ('O\'Hare, "x"\n]', 8, 1.0, None)]
    (whole,) = counted(GOOD + bad)
    assert [dict(one) for one in whole.breaches[0].examples] == [
        {"origin": "LGA", "hour": "7"},
        {"origin": 'O\'Hare, "x"\n]', "hour": "8"},
    ]
    (cold,) = counted([("JFK", 2, -61.5, None)])
    assert dict(cold.breaches[0].examples[0]) == {"origin": "JFK", "hour": "2", "temp": "-61.5"}


def test_examples_are_few_and_the_same_each_time() -> None:
    bad: list[Row] = [("LGA", hour % 24, 1.0, None) for hour in range(24)]
    (whole,) = counted(bad)
    (again,) = counted(bad[::-1])
    assert whole.breaches[0].rows == len(bad)
    assert len(whole.breaches[0].examples) == EXAMPLES
    assert whole == again


def test_a_partition_without_a_name_is_told_too() -> None:
    found = counted([("LGA", 1, 1.0, None), ("JFK", 1, 1.0, None)], [None, "2013-01-01"])
    assert [(each.partition, len(each.breaches)) for each in found] == [
        ("2013-01-01", 0),
        (NO_PARTITION, 1),
    ]


def test_names_are_quoted_and_values_are_literals() -> None:
    hostile = Dataset.model_validate(
        DECLARED
        | {"columns": {"origin": {"type": "string", "allowed": ["x') OR 1=1 --"]}}}
        | {"primary_key": ["origin"], "rules": []}
    )
    table = exp.table_('ho"urs', db="curated", quoted=True)
    sql = compile_sql(contract_of(hostile), table, partition_key="dt", only=["it's"])
    assert "'x'') OR 1=1 --'" in sql
    assert '"curated"."ho""urs"' in sql
    assert "IN ('it''s')" in sql


def test_a_contract_longer_than_athena_takes_is_told_with_its_longest_list() -> None:
    def told(values: int) -> list[Finding]:
        few, many = {"type": "string", "allowed": ["a"]}, [f"{each:07}" for each in range(values)]
        columns = {"few": few, "many": {"type": "string", "allowed": many}}
        return list(
            findings(
                Dataset.model_validate(
                    DECLARED | {"columns": columns, "primary_key": ["few"], "rules": []}
                ),
                None,
            )
        )

    assert told(5_000) == []
    ((at, found, expected, remedy),) = told(12_000)
    assert at == ("columns", "many", "allowed")
    assert re.fullmatch(r"with 12000 values the contract is \d{6} bytes of SQL", found)
    assert expected == "at most 245760 bytes, near Athena's limit"
    assert remedy == "promise a pattern instead, or allow fewer values"
