"""A table in DuckDB that is asked in Athena's SQL, as the embedded Athena translates it."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb

from localaws.services.athena import dialect
from localaws.services.athena.functions import MACROS, SETTINGS
from localaws.services.athena.translation import to_duckdb
from usecases.point_in_time import Table
from usecases.profile_sql import Days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from usecases.profiling import Select

FIRST = date(2013, 1, 1)


def connect() -> duckdb.DuckDBPyConnection:
    """DuckDB set up as the embedded Athena sets it up."""
    connection = duckdb.connect()
    connection.execute(MACROS)
    for setting in SETTINGS:
        connection.execute(setting)
    return connection


@cache
def _shared() -> duckdb.DuckDBPyConnection:
    return connect()


def database(
    columns: Mapping[str, str], rows: Sequence[tuple[Any, ...]]
) -> duckdb.DuckDBPyConnection:
    """A table `main.t` of a day's number and columns by name and type; there is one at a time."""
    connection = _shared()
    named = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    connection.execute(f"CREATE OR REPLACE TABLE t (dt VARCHAR, {named})")
    marks = ", ".join("?" for _ in range(len(columns) + 1))
    made = [((FIRST + timedelta(days=day)).isoformat(), *values) for day, *values in rows]
    if made:
        connection.executemany(f"INSERT INTO t VALUES ({marks})", made)  # noqa: S608 - our own
    return connection


def days(*numbers: int) -> Days:
    """Days of the table by number, as `database` numbers them."""
    return Days(Table("main", "t"), "dt", tuple(FIRST + timedelta(days=each) for each in numbers))


def selecting(connection: duckdb.DuckDBPyConnection) -> Select:
    """Run Athena's SQL in DuckDB, refusing what Athena would refuse."""

    def select(text: str) -> list[dict[str, Any]]:
        parsed = dialect.parse(text)
        dialect.check(parsed, text)
        result = connection.execute(to_duckdb(parsed))
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    return select
