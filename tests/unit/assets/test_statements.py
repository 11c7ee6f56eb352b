"""Statements as trees: a name or a value cannot end one."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from assets.statements import create_table_as, iso_text, unwritten_records

DATASET = [
    ("JFK", "2013-01-01 10:00:00", 1.5, 3),
    ("JFK", "2013-01-01 11:00:00", None, 4),
    ("LGA", "2013-01-01 10:00:00", 2.5, None),
]
Stored = tuple[str, str, float | None, int | None, bool]


def written(*changes: Stored) -> list[Stored]:
    """What the offline store holds once the whole dataset was ingested, and then some."""
    rows = [
        (origin, moment.replace(" ", "T") + "Z", temp, flights, False)
        for origin, moment, temp, flights in DATASET
    ]
    return [*rows, *changes]


def lacking(offline: list[Stored]) -> list[tuple[Any, ...]]:
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA curated")
    connection.execute("CREATE SCHEMA store")
    connection.execute(
        "CREATE TABLE curated.hours (origin TEXT, moment TIMESTAMP, temp DOUBLE, flights BIGINT)"
    )
    connection.execute(
        "CREATE TABLE store.hours "
        "(origin TEXT, moment TEXT, temp DOUBLE, flights BIGINT, is_deleted BOOLEAN)"
    )
    connection.executemany("INSERT INTO curated.hours VALUES (?, ?, ?, ?)", DATASET)
    if offline:
        connection.executemany("INSERT INTO store.hours VALUES (?, ?, ?, ?, ?)", offline)
    sql = unwritten_records(
        exp.table_("hours", db="curated", quoted=True),
        exp.table_("hours", db="store", quoted=True),
        record_id="origin",
        event_time="moment",
        columns=["origin", "moment", "temp", "flights"],
    )
    ported = sqlglot.transpile(sql, read="athena", write="duckdb")[0]
    found = connection.execute(ported).fetchall()
    return sorted((row[0], str(row[1]), *row[2:]) for row in found)


def test_an_empty_store_lacks_everything() -> None:
    assert lacking([]) == sorted(DATASET)


def test_a_whole_store_lacks_nothing_also_where_values_are_null() -> None:
    assert lacking(written()) == []


def test_a_record_written_twice_counts_once() -> None:
    assert lacking(written(*written())) == []


def test_a_resumed_ingest_writes_just_what_is_missing() -> None:
    assert lacking(written()[:1]) == sorted(DATASET[1:])


def test_a_restated_row_is_written_again_and_its_old_copy_does_not_matter() -> None:
    outdated = (*written()[0][:2], 9.9, *written()[0][3:])
    assert lacking([outdated, *written()[1:]]) == [DATASET[0]]
    assert lacking([outdated, *written()]) == []


def test_a_value_that_became_null_is_written_again() -> None:
    outdated = (*written()[1][:2], 7.0, *written()[1][3:])
    assert lacking([written()[0], outdated, written()[2]]) == [DATASET[1]]


def test_a_deleted_record_is_not_there() -> None:
    deleted = (*written()[2][:4], True)
    assert lacking([*written()[:2], deleted]) == [DATASET[2]]


def test_a_moment_is_written_as_the_store_holds_it() -> None:
    moment = exp.cast(exp.Literal.string("2013-01-01 10:05:09"), "timestamp")
    query = exp.select(iso_text(moment)).sql("athena")
    ported = sqlglot.transpile(query, read="athena", write="duckdb")[0]
    assert duckdb.sql(ported).fetchall() == [("2013-01-01T10:05:09Z",)]


def test_a_name_cannot_end_the_statement() -> None:
    made = create_table_as('x"; DROP TABLE y; --', "SELECT 1 AS one", location="s3://b/it's/")
    (tree,) = sqlglot.parse(made, dialect="athena")
    assert isinstance(tree, exp.Create)
    assert tree.this.name == 'x"; DROP TABLE y; --'
    assert "s3://b/it''s/" in made
