"""Versions of an Iceberg table: published whole, one after another, never one over another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from assets.ctas import create_table_as
from assets.iceberg_publish import Change, Rows, publish
from resources.errors import Transient
from resources.iceberg import CONFLICT

if TYPE_CHECKING:
    from resources.glue import TableFacts
    from resources.platform import Platform

DATABASE = "perennial_flight_delay"
COLUMNS = {"n": "bigint", "dt": "string"}
PREFIX = "datasets/tests/published/iceberg/"


def staged(platform: Platform, name: str, rows: dict[str, int]) -> Rows:
    """A table with one row per day."""
    values = ", ".join(f"(CAST({n} AS bigint), '{day}')" for day, n in rows.items())
    create_table_as(
        platform, DATABASE, name, prefix=f"datasets/tests/{name}/", salt="",
        query=f"SELECT n, dt FROM (VALUES {values}) AS t(n, dt)", partitioned_by=("dt",),  # noqa: S608
    )  # fmt: skip
    return Rows(name, tuple(rows), len(rows))


def change_of(rows: Rows) -> Change:
    return Change(COLUMNS, (rows,), partition="dt", removed=rows.only)


def put(platform: Platform, table: str, rows: Rows, describe: Any = None) -> None:
    describe = describe or (lambda _: {"perennial.by": rows.table})
    publish(platform, DATABASE, table, change_of(rows), prefix=PREFIX, describe=describe)


def shown(platform: Platform, table: str, salt: str) -> dict[str, int]:
    sql = f"SELECT dt, n FROM {table} ORDER BY n"  # noqa: S608
    found = platform.athena.select(sql, database=DATABASE, intent=sql, salt=salt)
    return {row["dt"]: row["n"] for row in found}


def names(platform: Platform) -> list[str]:
    return [each.name for each in platform.catalogue.tables(DATABASE) if "__fork_" in each.name]


@pytest.mark.parametrize("begun", [True, False], ids=["on a version", "at the beginning"])
def test_who_is_second_makes_its_change_again_on_what_the_first_published(
    platform: Platform, *, begun: bool
) -> None:
    table = "published_on" if begun else "published_first"
    if begun:
        put(platform, table, staged(platform, f"{table}_a", {"2013-01-01": 1, "2013-01-02": 2}))
    theirs = staged(platform, f"{table}_b", {"2013-01-02": 20})
    ours = staged(platform, f"{table}_c", {"2013-01-03": 30})
    asked: list[TableFacts | None] = []

    def describe(kept: TableFacts | None) -> dict[str, str]:
        if not asked:  # all statements are done, and nothing is published yet
            put(platform, table, theirs)
        asked.append(kept)
        return {"perennial.by": "us"}

    put(platform, table, ours, describe)
    assert len(asked) == 2
    first = {"2013-01-01": 1} if begun else {}
    assert shown(platform, table, "now") == {**first, "2013-01-02": 20, "2013-01-03": 30}
    assert platform.catalogue.table(DATABASE, table).parameters["perennial.by"] == "us"
    assert names(platform) == []


def test_rows_that_are_not_those_that_were_made_are_never_published(platform: Platform) -> None:
    rows = staged(platform, "counted_a", {"2013-01-01": 1})
    put(platform, "counted", rows)
    lost = Rows(rows.table, rows.only, 2)
    with pytest.raises(Transient, match="has 1 rows of the days that were made, expected 2"):
        put(platform, "counted", lost)
    assert shown(platform, "counted", "after") == {"2013-01-01": 1}
    assert names(platform) == []


def test_where_rows_only_go_the_table_stays_even_if_its_columns_are_others_now(
    platform: Platform,
) -> None:
    put(platform, "emptied", staged(platform, "emptied_a", {"2013-01-01": 1, "2013-01-02": 2}))
    location = platform.catalogue.table(DATABASE, "emptied").location
    for added in ((), (Rows("emptied_gone", ()),)):
        change = Change({"n": "double", "dt": "string"}, added, "dt", removed=("2013-01-02",))
        publish(platform, DATABASE, "emptied", change, prefix=PREFIX, describe=lambda _: {})
    assert platform.catalogue.table(DATABASE, "emptied").location == location
    assert shown(platform, "emptied", "then") == {"2013-01-01": 1}


def test_an_answer_that_got_lost_is_no_conflict_and_a_stale_fork_is_one(platform: Platform) -> None:
    put(platform, "answered", staged(platform, "answered_a", {"2013-01-01": 1}))
    base = platform.iceberg.entry(DATABASE, "answered")
    assert base is not None
    for fork in ("answered__fork_1", "answered__fork_2"):
        platform.iceberg.fork(DATABASE, fork, base)
        platform.athena.run(f"INSERT INTO {fork} SELECT n + 1, '{fork}' FROM answered",  # noqa: S608
                            database=DATABASE, intent=fork)  # fmt: skip
    once = {"database": DATABASE, "fork": "answered__fork_1", "name": "answered"}
    for _ in range(2):  # as a client does that had no answer
        platform.iceberg.publish(**once, base=base, parameters={})
    assert shown(platform, "answered", "one") == {"2013-01-01": 1, "answered__fork_1": 2}
    with pytest.raises(Transient) as caught:
        platform.iceberg.publish(DATABASE, "answered__fork_2", "answered", base=base, parameters={})
    assert caught.value.code == CONFLICT
    assert "answered__fork_2" not in shown(platform, "answered", "two")
