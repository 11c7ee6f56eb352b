"""What the Feature Store lacks, and what is newest in it: the statements run in DuckDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from assets import feature_sql, offline_insert
from assets.feature_sql import Scope, iso_text, newest_stored, text_of, unwritten
from resources.records import as_text

DATASET = [
    ("JFK", "2013-01-01 10:00:00", 1.5, 3),
    ("JFK", "2013-01-01 11:00:00.005", None, 4),
    ("LGA", "2013-01-02 10:00:00", 2.5, None),
]
SCOPE = Scope(
    dataset=exp.table_("hours", db="curated", quoted=True),
    offline=exp.table_("hours", db="store", quoted=True),
    record_id="origin",
    event_time="moment",
    features=("temp", "flights"),
)


def ported(query: Any) -> str:
    return sqlglot.transpile(text_of(query), read="athena", write="duckdb")[0]


def stored(row: tuple, copy: int = 0, *, deleted: bool = False, **change: Any) -> tuple:
    """A row as the offline store holds it, written the copy-th time."""
    record = dict(zip(("origin", "moment", "temp", "flights"), row, strict=True))
    record["moment"] = as_text(datetime.fromisoformat(record["moment"]))
    at = datetime(2026, 1, 1) + timedelta(seconds=copy)  # noqa: DTZ001 - naive UTC, as in Athena
    return (*{**record, **change}.values(), deleted, at, at)


def store(offline: list[tuple]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA curated")
    connection.execute("CREATE SCHEMA store")
    connection.execute(
        "CREATE TABLE curated.hours (origin TEXT, moment TIMESTAMP, temp DOUBLE, flights BIGINT, "
        "dt TEXT)"
    )
    connection.execute(
        "CREATE TABLE store.hours (origin TEXT, moment TEXT, temp DOUBLE, flights BIGINT, "
        "is_deleted BOOLEAN, write_time TIMESTAMP, api_invocation_time TIMESTAMP)"
    )
    rows = [(*row, row[1][:10]) for row in DATASET]
    connection.executemany("INSERT INTO curated.hours VALUES (?, ?, ?, ?, ?)", rows)
    if offline:
        connection.executemany("INSERT INTO store.hours VALUES (?, ?, ?, ?, ?, ?, ?)", offline)
    return connection


def lacking(offline: list[tuple], scope: Scope = SCOPE) -> dict[tuple, bool]:
    """The rows that would be written, and whether each is restated."""
    found = store(offline).execute(ported(unwritten(scope))).fetchall()
    moments = {datetime.fromisoformat(row[1]): row[1] for row in DATASET}
    answer = {(row[0], moments[row[1]], *row[2:4]): row[4] for row in found}
    assert len(answer) == len(found)
    return answer


ALL = [stored(row) for row in DATASET]


def test_an_empty_store_lacks_everything():
    assert lacking([]) == dict.fromkeys(DATASET, False)


def test_a_whole_store_lacks_nothing_also_where_values_are_null_or_times_have_milliseconds():
    assert lacking(ALL) == {}


def test_a_record_written_twice_counts_once():
    assert lacking([*ALL, *(stored(row, 1) for row in DATASET)]) == {}


def test_a_resumed_ingest_writes_just_what_is_missing():
    assert lacking(ALL[:1]) == dict.fromkeys(DATASET[1:], False)


def test_a_restated_row_is_written_again_and_told_apart():
    assert lacking([stored(DATASET[0], temp=9.9), *ALL[1:]]) == {DATASET[0]: True}
    assert lacking([stored(DATASET[0], temp=9.9), *ALL[1:], stored(DATASET[0], 1)]) == {}


def test_a_row_that_went_back_to_what_it_was_is_written_again():
    assert lacking([*ALL, stored(DATASET[0], 1, temp=9.9)]) == {DATASET[0]: True}


def test_a_value_that_became_null_is_written_again():
    assert lacking([ALL[0], stored(DATASET[1], temp=7.0), ALL[2]]) == {DATASET[1]: True}


def test_a_deleted_record_is_not_there():
    assert lacking([*ALL, stored(DATASET[2], 1, deleted=True)]) == {DATASET[2]: True}


def test_only_the_days_asked_for_are_compared():
    scope = replace(SCOPE, days=("2013-01-02",))
    assert lacking([], scope) == {DATASET[2]: False}
    assert lacking([ALL[2]], scope) == {}
    many = replace(SCOPE, days=("2013-01-02",) * (feature_sql._MOST_LISTED + 1))
    assert "BETWEEN" in text_of(unwritten(many))
    assert lacking([], many) == {DATASET[2]: False}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([1.5, 2.5, None])), max_size=8),
    st.permutations(range(8)),
)
def test_what_is_lacking_is_what_the_newest_copies_do_not_say(history, order):
    """Any history of writes: a row is written when the last write of it says the same."""
    copies = [stored(DATASET[which], n, temp=temp) for n, (which, temp) in enumerate(history)]
    shuffled = [copies[place] for place in order if place < len(copies)]
    last = dict(history)
    expected = {
        row: which in last
        for which, row in enumerate(DATASET)
        if which not in last or last[which] != row[2]
    }
    assert lacking(shuffled) == expected


def test_the_newest_record_is_by_event_time_then_by_the_last_write():
    earlier = stored(("JFK", "2013-01-01 10:00:00", 1.0, 1), 9)
    whole = stored(("JFK", "2013-01-01 11:00:00", 2.0, 1))
    # As text, 11:00:00.005Z sorts before 11:00:00Z.
    split = stored(("JFK", "2013-01-01 11:00:00.005", 3.0, 1))
    again = stored(("JFK", "2013-01-01 11:00:00.005", 4.0, 1), 1)
    gone = [stored(DATASET[2]), stored(DATASET[2], 1, deleted=True)]
    connection = store([again, earlier, whole, split, *gone])
    assert connection.execute(ported(newest_stored(SCOPE))).fetchall() == [
        ("JFK", "2013-01-01T11:00:00.005Z", 4.0, 1, False)
    ]
    asked = connection.execute(ported(newest_stored(SCOPE, ids=["LGA"]))).fetchall()
    assert [(row[0], row[-1]) for row in asked] == [("LGA", True)]
    expired = newest_stored(SCOPE, expires_after=datetime(2013, 1, 1, 12))  # noqa: DTZ001
    assert connection.execute(ported(expired)).fetchall() == []


@pytest.mark.parametrize(
    "moment", ["2013-01-01T10:05:09", "2013-01-01T10:05:09.040", "2013-12-31T23:59:59.999"]
)
def test_sql_and_the_door_write_a_moment_alike(moment):
    given = exp.cast(exp.Literal.string(moment), "timestamp")
    ((found,),) = duckdb.sql(ported(exp.select(iso_text(given)))).fetchall()
    assert found == as_text(datetime.fromisoformat(moment))


def test_a_name_cannot_end_the_statement():
    scope = replace(SCOPE, record_id='x"; DROP TABLE y; --', features=("it's",), days=("a'b",))
    assert len(sqlglot.parse(text_of(unwritten(replace(scope, partitioned=False, days=None))),
                             dialect="athena")) == 1  # fmt: skip
    (tree,) = sqlglot.parse(offline_insert.insert(replace(scope, days=None), {'a"b': "string"}),
                            dialect="athena")  # fmt: skip
    assert isinstance(tree, exp.Insert)
