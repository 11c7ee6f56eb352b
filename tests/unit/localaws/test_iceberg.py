"""Iceberg's pure parts: partition transforms against pyiceberg's own, filters against DuckDB."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg import transforms, types
from pyiceberg.expressions.visitors import expression_evaluator
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record
from sqlglot import exp

from localaws.iceberg.partitioning import spec_of, values
from localaws.iceberg.types import hive_of, type_of
from localaws.services.athena.iceberg_filters import row_filter

EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - Iceberg's timestamp has no zone
MOMENTS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))  # noqa: DTZ001
DATES = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))
WHOLE = st.integers(-(2**31), 2**31 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def micros(moment: dt.datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // dt.timedelta(microseconds=1)


CASES: list[tuple[Any, Any, Any, Any]] = [
    *((transform, types.TimestampType(), pa.timestamp("us"), MOMENTS)
      for transform in (transforms.HourTransform(), transforms.DayTransform(),
                        transforms.MonthTransform(), transforms.YearTransform(),
                        transforms.BucketTransform(16))),
    *((transform, types.DateType(), pa.date32(), DATES)
      for transform in (transforms.DayTransform(), transforms.MonthTransform(),
                        transforms.YearTransform(), transforms.BucketTransform(7))),
    (transforms.BucketTransform(16), types.LongType(), pa.int64(), WHOLE),
    (transforms.TruncateTransform(10), types.LongType(), pa.int64(), WHOLE),
    (transforms.BucketTransform(16), types.StringType(), pa.string(), TEXTS),
    (transforms.TruncateTransform(3), types.StringType(), pa.string(), TEXTS),
    (transforms.IdentityTransform(), types.StringType(), pa.string(), TEXTS),
]  # fmt: skip


@pytest.mark.parametrize(("transform", "kind", "arrow", "some"), CASES, ids=str)
def test_transforms_are_pyicebergs(transform: Any, kind: Any, arrow: Any, some: Any) -> None:
    apply = transform.transform(kind)

    @given(st.lists(st.none() | some, min_size=1, max_size=20))
    @settings(max_examples=50, deadline=None)
    def check(found: list[Any]) -> None:
        column = pa.chunked_array([pa.array(found, arrow)])
        is_moment = isinstance(kind, types.TimestampType)
        expected = [apply(micros(value) if is_moment else value) for value in found]
        assert values(column, transform, kind).to_pylist() == expected

    check()


SCHEMA = Schema(
    types.NestedField(1, "n", types.LongType(), required=False),
    types.NestedField(2, "s", types.StringType(), required=False),
    types.NestedField(3, "t", types.TimestampType(), required=False),
)
SMALL = st.integers(0, 5)
LETTERS = st.sampled_from(["", "a", "b", "it's"])
DAYS = st.sampled_from([dt.datetime(2013, 1, day) for day in (1, 2, 3)])  # noqa: DTZ001


def constant(name: str) -> st.SearchStrategy[str]:
    if name == "n":
        return SMALL.map(str)
    if name == "s":
        return LETTERS.map(lambda text: exp.Literal.string(text).sql("trino"))
    return st.one_of(
        DAYS.map(lambda day: f"TIMESTAMP '{day}'"), DAYS.map(lambda day: f"DATE '{day.date()}'")
    )


def simple(name: str) -> st.SearchStrategy[str]:
    value = constant(name)
    sign = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
    return st.one_of(
        st.tuples(sign, value).map(lambda found: f"{name} {found[0]} {found[1]}"),
        st.tuples(value, sign).map(lambda found: f"{found[0]} {found[1]} {name}"),
        st.tuples(value, value).map(lambda found: f"{name} BETWEEN {found[0]} AND {found[1]}"),
        st.lists(value, min_size=1, max_size=3).map(lambda all_: f"{name} IN ({', '.join(all_)})"),
        st.just(f"{name} IS NULL"),
    )


CONDITIONS = st.recursive(
    st.sampled_from(["n", "s", "t"]).flatmap(simple),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]} AND {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} OR {two[1]})"),
        inner.map(lambda one: f"NOT ({one})"),
    ),
    max_leaves=6,
)
ROWS = st.tuples(st.none() | SMALL, st.none() | LETTERS, st.none() | DAYS)


@given(st.lists(CONDITIONS, min_size=1, max_size=2), st.lists(ROWS, min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_a_filter_never_excludes_a_row_that_is_wanted(
    conditions: list[str], rows: list[tuple[Any, ...]]
) -> None:
    trees = [sqlglot.parse_one(condition, read="trino") for condition in conditions]
    wanted = row_filter(trees, SCHEMA, SCHEMA)
    keeps = expression_evaluator(SCHEMA, wanted, case_sensitive=True)
    sql = " AND ".join(f"({tree.sql('duckdb')})" for tree in trees)
    for n, s, t in rows:
        query = f"SELECT {sql} FROM (SELECT ?::BIGINT AS n, ?::VARCHAR AS s, ?::TIMESTAMP AS t)"  # noqa: S608 - generated here
        (found,) = duckdb.execute(query, [n, s, t]).fetchall()
        if found[0]:
            assert keeps(Record(n, s, micros(t)))


def test_a_filter_excludes_what_it_can() -> None:
    trees = [sqlglot.parse_one("n >= 3 AND (s = 'a' OR s IN ('b', 'c'))", read="trino")]
    text = str(row_filter(trees, SCHEMA, SCHEMA))
    assert all(part in text for part in ("GreaterThanOrEqual", "EqualTo", "In", "Or"))


@pytest.mark.parametrize(
    "hive",
    ["boolean", "int", "bigint", "float", "double", "string", "date", "timestamp", "binary",
     "timestamp with time zone", "decimal(10,2)", "array<int>", "map<string,bigint>",
     "struct<a:int,b:array<string>>"],
)  # fmt: skip
def test_types_come_back(hive: str) -> None:
    assert hive_of(type_of(hive)) == hive


def test_terms_are_read() -> None:
    terms = ["hour(t)", "bucket(16, n)", " truncate(3, `s`) "]
    fields = spec_of(terms, SCHEMA).fields
    assert [(field.name, str(field.transform)) for field in fields] == [
        ("t_hour", "hour"), ("n_bucket", "bucket[16]"), ("s_trunc", "truncate[3]"),
    ]  # fmt: skip
    assert str(spec_of(["bucket(n, 16)"], SCHEMA).fields[0].transform) == "bucket[16]"


@pytest.mark.parametrize(
    "term", ["nothing", "day(s)", "bucket(n)", "bucket(0, n)", "week(t)", "day(t) desc", "days(t)"]
)
def test_what_is_no_term_is_refused(term: str) -> None:
    with pytest.raises(ValueError, match=r"partition|column|Could not find"):
        spec_of([term], SCHEMA)


def test_two_transforms_of_one_column_are_refused() -> None:
    with pytest.raises(ValueError, match="two transforms"):
        spec_of(["day(t)", "hour(t)"], SCHEMA)
