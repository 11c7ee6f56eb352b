"""Trino's meaning, answered by DuckDB: one table of expressions and what Athena would print."""

# ruff: noqa: S608 - SQL in f-strings is what is tested

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from localaws.services.athena import dialect, results, statements
from localaws.services.athena.failures import QueryFailedError
from localaws.services.athena.functions import MACROS, SETTINGS
from localaws.services.athena.translation import to_duckdb
from localaws.services.athena.types import column_info

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[[str], tuple[list[str | None], list[str]]]

TABLE = """
CREATE TABLE t AS SELECT * FROM (VALUES
  (1.5::DOUBLE, 3::BIGINT, 'a,c', TIMESTAMP '2013-01-03 05:06:07', DATE '2013-01-03', '2013-01-03'),
  (2.5::DOUBLE, 4::BIGINT, 'zz', TIMESTAMP '2013-01-06 23:30:00', DATE '2013-01-06', '2013-01-06')
) AS v(x, i, s, ts, d, dt)
"""


@pytest.fixture(scope="module")
def answer() -> Answer:
    connection = duckdb.connect()
    connection.execute(MACROS)
    for setting in SETTINGS:
        connection.execute(setting)
    connection.execute(TABLE)

    def ask(sql: str) -> tuple[list[str | None], list[str]]:
        expression = dialect.parse(sql)
        dialect.check(expression, sql)
        cursor = connection.execute(to_duckdb(expression))
        row: tuple[Any, ...] = cursor.fetchone()
        types = [column_info("c", item[1])["Type"] for item in cursor.description]
        return [None if value is None else results.text(value) for value in row], types

    return ask


@pytest.mark.parametrize(
    ("expression", "printed", "kind"),
    [
        # A bucket is closed below; what is below the first is bucket 0.
        ("histogram(width_bucket(x, ARRAY[1.5E0, 2.0E0]))", "{1=1, 2=1}", "map"),
        ("histogram(width_bucket(-x, ARRAY[-1.6E0, -1.0E0]))", "{0=1, 1=1}", "map"),
        ("histogram(width_bucket(i, CAST(json_parse('[3, 4, 9]') AS ARRAY(DOUBLE))))",
         "{1=1, 2=1}", "map"),
        ("histogram(width_bucket(CASE WHEN i > 3 THEN x END, ARRAY[9.0E0]))", "{0=1}", "map"),
        ("histogram(width_bucket(nullif(i, i), ARRAY[9.0E0]))", None, "map"),
        # Integers divide to integers, decimals and doubles do not.
        ("7 / 2", "3", "integer"),
        ("sum(i) / count(*)", "3", "bigint"),
        ("sum(x) / count(*)", "2.0", "double"),
        ("count(*) * 1.0E0 / 4", "0.5", "double"),
        # Monday is 1 and Sunday is 7.
        ("max(day_of_week(ts))", "7", "bigint"),
        ("max(dow(d))", "7", "bigint"),
        ("max(extract(dow FROM ts))", "7", "bigint"),
        ("max(day_of_week(CAST(dt AS date)))", "7", "bigint"),
        # Whole units that have passed, not boundaries that were crossed.
        ("date_diff('day', min(ts), max(ts))", "3", "bigint"),
        ("date_diff('day', timestamp '2013-01-01 23:00:00', timestamp '2013-01-02 01:00:00')",
         "0", "bigint"),
        ("date_diff('hour', timestamp '2013-01-02 00:30:00', timestamp '2013-01-01 00:00:00')",
         "-24", "bigint"),
        # A date stays a date.
        ("date_add('day', 1, min(d)) = date '2013-01-04'", "true", "boolean"),
        ("date_add('day', 1, date '2013-01-31')", "2013-02-01", "date"),
        ("date '2013-01-31' + interval '1' month", "2013-02-28", "date"),
        ("date_trunc('month', date '2013-02-17')", "2013-02-01", "date"),
        ("timestamp '2013-01-01 00:00:00' - interval '90' minute", "2012-12-31 22:30:00.000",
         "timestamp"),
        ("date_trunc('hour', max(ts))", "2013-01-06 23:00:00.000", "timestamp"),
        ("max(date_add('hour', i, ts))", "2013-01-07 03:30:00.000", "timestamp"),
        # Text.
        ("CAST(max(ts) AS varchar)", "2013-01-06 23:30:00.000", "varchar"),
        ("CAST(timestamp '2013-01-06 23:30:00' AS varchar(10))", "2013-01-06", "varchar"),
        ("to_iso8601(max(ts))", "2013-01-06T23:30:00.000", "varchar"),
        ("date_format(max(ts), '%Y-%m-%d %H:%i')", "2013-01-06 23:30", "varchar"),
        ("format_datetime(max(ts), 'yyyy/MM/dd''T''HH')", "2013/01/06T23", "varchar"),
        ("regexp_extract('abc', 'x(.)', 1)", None, "varchar"),
        ("regexp_extract('abc', 'b(.)', 1)", "c", "varchar"),
        ("lower(to_hex(md5(to_utf8('a'))))", "0cc175b9c0f1b6a831c399e269772661", "varchar"),
        # Casts round half away from zero.
        ("CAST(2.5E0 AS bigint)", "3", "bigint"),
        ("CAST(-2.5E0 AS integer)", "-3", "integer"),
        ("CAST(max(x) > 2 AS integer)", "1", "integer"),
        ("CAST(NULL AS bigint)", None, "bigint"),
        ("TRY_CAST('x' AS double)", None, "double"),
        # Time zones.
        ("hour(at_timezone(from_iso8601_timestamp('2013-07-01T12:00:00Z'), 'America/New_York'))",
         "8", "bigint"),
        ("CAST(timestamp '2013-01-01 12:00:00' AT TIME ZONE 'America/New_York' AS timestamp)",
         "2013-01-01 07:00:00.000", "timestamp"),
        ("from_iso8601_timestamp('2013-07-01T12:00:00Z') = timestamp '2013-07-01 12:00:00'",
         "true", "boolean"),
        ("from_unixtime(0)", "1970-01-01 00:00:00.000 UTC", "timestamp with time zone"),
        # Aggregates and arrays.
        ("approx_distinct(s)", "2", "bigint"),
        ("approx_percentile(x, 0.5)", "1.5", "double"),
        ("max_by(s, ts)", "zz", "varchar"),
        ("count_if(x > 2)", "1", "bigint"),
        ("map_agg(s, i)", "{a,c=3, zz=4}", "map"),
        ("array_agg(i ORDER BY i DESC)", "[4, 3]", "array"),
        ("element_at(ARRAY[1, 2], 3)", None, "integer"),
        ("cardinality(sequence(date '2013-01-01', date '2013-01-31'))", "31", "bigint"),
        ("any_match(ARRAY[1, 2], v -> v > 1)", "true", "boolean"),
        ("greatest(1, NULL)", None, "integer"),
        # Buckets.
        ("width_bucket(5.0E0, 0, 10, 4)", "3", "bigint"),
        ("width_bucket(-1.0E0, 0, 10, 4)", "0", "bigint"),
        ("width_bucket(10.0E0, 0, 10, 4)", "5", "bigint"),
        ("width_bucket(2.5E0, ARRAY[1.0E0, 2.0E0, 3.0E0])", "2", "bigint"),
        # Numbers as Java prints them.
        ("1.0E7", "1.0E7", "double"),
        ("123456.5E0", "123456.5", "double"),
        ("0.0001E0", "1.0E-4", "double"),
    ],
)  # fmt: skip
def test_expression(answer: Answer, expression: str, printed: str | None, kind: str) -> None:
    values, kinds = answer(f"SELECT {expression} FROM t")
    assert (values, kinds) == ([printed], [kind])


@pytest.mark.parametrize(
    "cast",
    [
        "CAST(CASE WHEN x > 2 THEN 1 ELSE 0 END AS bigint)",
        "CAST(coalesce(i, 0) AS integer)",
        "CAST(substr(dt, 1, 4) AS integer)",
        "CAST(round(x) AS integer)",
        "CAST(max(i) OVER (ORDER BY ts) AS integer)",
        "CAST(x * i / 3 AS bigint)",
        "CAST(x > 1 AND i > 2 AS integer)",
        "CAST(date_diff('day', ts, timestamp '2014-01-01 00:00:00') AS integer)",
        "date_trunc('day', CASE WHEN x > 2 THEN ts END)",
        "date_trunc('day', date_add('hour', -1, ts))",
        "date_add('day', CAST(i AS integer), coalesce(d, date '2013-01-01'))",
        "date_trunc('hour', (SELECT max(ts) FROM t))",
        "CAST(nullif(x, 1.5E0) AS bigint)",
        "ts + interval '1' day - interval '1' hour",
        "CAST(row_number() OVER (ORDER BY ts) AS integer)",
        "CAST(try(1 / 0) AS bigint)",
    ],
)
def test_argument_types_are_found_wherever_they_come_from(answer: Answer, cast: str) -> None:
    assert answer(f"SELECT {cast} FROM t")


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT epoch(ts) FROM t", "line 1:8: Function 'epoch' not registered"),
        ("SELECT strftime(ts, '%Y') FROM t", "Function 'strftime' not registered"),
        ("SELECT * FROM read_csv('/etc/passwd')", "Function 'read_csv' not registered"),
        ("SELECT x::bigint FROM t", "mismatched input '::'"),
        ("SELECT s ILIKE 'a' FROM t", "ILIKE"),
        ("SELECT * EXCLUDE (x) FROM t", "EXCEPT or REPLACE"),
        ("SELECT s, count(*) FROM t GROUP BY ALL", "GROUP BY ALL"),
        ("SELECT numeric_histogram(5, x) FROM t", "numeric_histogram"),
        ("SELECT approx_percentile(x, i, 0.5) FROM t", "approx_percentile with weights"),
        ("SELECT format_datetime(ts, 'QQQ') FROM t", "the letter 'Q'"),
        ("SELECT 1 FROM", "SYNTAX_ERROR"),
        ("SELEC 1", "SYNTAX_ERROR: line 1:7"),
    ],
)
def test_what_athena_would_refuse_is_refused(answer: Answer, sql: str, reason: str) -> None:
    with pytest.raises(QueryFailedError) as refused:
        answer(sql)
    assert reason in refused.value.reason


def test_parameters_are_constants_in_order() -> None:
    filled = statements.fill("SELECT '?' FROM t WHERE a = ? AND b = ? -- ?", ["'x''y'", "2"])
    assert filled == "SELECT '?' FROM t WHERE a = 'x''y' AND b = 2 -- ?"


@pytest.mark.parametrize("value", ["1; DROP TABLE t", "(SELECT 1)", "x", "1 OR a = a"])
def test_a_parameter_that_is_no_constant_is_refused(value: str) -> None:
    with pytest.raises(QueryFailedError):
        statements.fill("SELECT * FROM t WHERE a = ?", [value])


def test_only_one_statement() -> None:
    assert statements.read("SELECT 1;").kind == "query"
    with pytest.raises(QueryFailedError, match="Only one sql statement is allowed"):
        statements.read("SELECT 1; SELECT 2")
