"""Values enter a query as literals; nothing in them can become SQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usecases import sql

TIMES = st.datetimes(datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2100-01-01"))


@given(TIMES)
def test_a_bound_query_means_the_times_it_was_given(start: datetime) -> None:
    start = start.replace(microsecond=start.microsecond // 1000 * 1000)
    end, as_of = start + timedelta(hours=1), start + timedelta(days=1)
    text = "SELECT :window_start AS a, :window_end AS b, ':as_of' AS c, :as_of AS d"
    bound = sql.bind(text, window_start=start, window_end=end, as_of=as_of, dialect="duckdb")
    assert duckdb.sql(bound).fetchall() == [(start, end, ":as_of", as_of)]


def test_a_time_with_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="naive UTC"):
        sql.timestamp(datetime(2013, 1, 1, tzinfo=UTC))


def test_tables_are_those_of_the_catalogue_not_the_querys_own() -> None:
    text = "WITH a AS (SELECT x FROM db.t) SELECT a.x, u.x AS y FROM a JOIN db.u AS u ON a.x = u.x"
    assert sql.tables(text) == ("t", "u")
    assert sql.output_columns(text) == ("x", "y")


def test_a_query_is_checked_against_columns_it_reads_in_depth() -> None:
    columns = {"t": {"x": "bigint"}}
    sql.verify("WITH a AS (SELECT x AS y FROM db.t) SELECT y FROM a", "db", columns)
    with pytest.raises(sql.SqlError, match="'z' could not be resolved") as caught:
        sql.verify("WITH a AS (\n  SELECT\n    z FROM db.t)\nSELECT z FROM a", "db", columns)
    assert caught.value.line == 3
