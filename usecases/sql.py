"""A dataset's SQL: parsed, questioned, bound to a window. Athena's dialect; nothing runs it.

Values enter as literals of the syntax tree, never by pasting text, so no value can end a string.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError
from sqlglot.optimizer.qualify import qualify

if TYPE_CHECKING:
    from collections.abc import Mapping

DIALECT = "athena"
PLACEHOLDERS = ("window_start", "window_end", "as_of")


class SqlError(Exception):
    """A query that cannot be used as a dataset's.

    Attributes:
        problem: What was found.
        expected: What a dataset's query has.
        line: Where, counted from 1.
    """

    def __init__(self, problem: str, *, expected: str, line: int = 1) -> None:
        super().__init__(f"line {line}: {problem}; expected {expected}")
        self.problem = problem
        self.expected = expected
        self.line = line


def parse(text: str) -> Any:
    """Parse one SELECT.

    Raises:
        SqlError: If it is not exactly one query, or uses an unknown placeholder.
    """
    try:
        statements = [one for one in sqlglot.parse(text, read=DIALECT) if one is not None]
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        problem = str(first.get("description") or error).split(". Line")[0]
        raise SqlError(
            f"the SQL cannot be parsed: {problem}",
            expected="Athena (Trino) SQL",
            line=int(first.get("line") or 1),
        ) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise SqlError(f"{len(statements)} statement(s)", expected="exactly one SELECT")
    for placeholder in statements[0].find_all(exp.Placeholder, exp.Parameter):
        if placeholder.name not in PLACEHOLDERS:
            raise SqlError(
                f"unknown placeholder :{placeholder.name}",
                expected=" ".join(f":{name}" for name in PLACEHOLDERS),
                line=_line_of(text, placeholder.name),
            )
    return statements[0]


def bind(
    text: str,
    *,
    window_start: datetime,
    window_end: datetime,
    as_of: datetime,
    dialect: str = DIALECT,
) -> str:
    """Put the window into a query and write it in a dialect.

    Args:
        text: The query with :window_start, :window_end and :as_of.
        window_start: First event time, naive UTC.
        window_end: Event time before which the window ends.
        as_of: Only what was known by then may be seen.
        dialect: Any that sqlglot writes; Athena unless told.

    Raises:
        SqlError: If the query cannot be parsed.
    """
    values = {"window_start": window_start, "window_end": window_end, "as_of": as_of}
    return str(_filled(parse(text), values).sql(dialect=dialect, pretty=True))


def bind_days(
    text: str, *, first: date, last: date, as_of: datetime, event_time: str, partition_key: str
) -> str:
    """Put whole days into a query, and add to its rows the day that each belongs to.

    Args:
        text: The query with :window_start, :window_end and :as_of.
        first: First day of event times.
        last: Last day of event times, included.
        as_of: Only what was known by then may be seen, naive UTC.
        event_time: The column whose day makes the partition.
        partition_key: What the column with that day is named; it comes last, as Athena demands.

    Raises:
        SqlError: If the query cannot be parsed.
    """
    start = datetime.combine(first, time())
    end = datetime.combine(last + timedelta(days=1), time())
    values = {"window_start": start, "window_end": end, "as_of": as_of}
    inner = _filled(parse(text), values).subquery("made")
    moment = exp.column(event_time, quoted=True)
    pattern = exp.Literal.string("%Y-%m-%d")
    day = exp.func("date_format", moment.copy(), pattern, dialect=DIALECT)
    query = (
        exp.select(
            *(exp.column(name, quoted=True) for name in output_columns(text)),
            exp.alias_(day, partition_key, quoted=True),
        )
        .from_(inner)
        .where(moment.copy() >= timestamp(start), moment.copy() < timestamp(end))
    )
    return str(query.sql(dialect=DIALECT, pretty=True))


def placeholders(text: str) -> frozenset[str]:
    """Return the names of the placeholders that a query uses."""
    return frozenset(one.name for one in parse(text).find_all(exp.Placeholder))


def is_windowed(text: str) -> bool:
    """Say whether a query asks for a window of event times."""
    return bool(placeholders(text) & {"window_start", "window_end"})


def _filled(query: Any, values: Mapping[str, datetime]) -> Any:
    def fill(node: Any) -> Any:
        return timestamp(values[node.name]) if isinstance(node, exp.Placeholder) else node

    return query.transform(fill)


def timestamp(value: datetime) -> Any:
    """Give the literal of a naive UTC time.

    Raises:
        ValueError: If the time carries a zone: data time is naive UTC throughout.
    """
    if value.tzinfo is not None:
        raise ValueError(f"{value!r} carries a zone; data time is naive UTC")
    text = value.isoformat(sep=" ", timespec="milliseconds")
    return exp.cast(exp.Literal.string(text), exp.DataType.Type.TIMESTAMP)


def tables(text: str) -> tuple[str, ...]:
    """Give the names of the tables a query reads, without its own common table expressions."""
    return tuple(sorted({table.name for table in _table_nodes(parse(text))}))


def output_columns(text: str) -> tuple[str, ...]:
    """Give the names of a query's columns, in order; `*` where it does not name them."""
    return tuple(parse(text).named_selects)


def verify(text: str, database: str, columns: Mapping[str, Mapping[str, str]]) -> None:
    """Check that every table and column a query reads is declared.

    Args:
        text: The query.
        database: The one database it may read.
        columns: Type by column by table.

    Raises:
        SqlError: On the first table or column that is not declared.
    """
    query = parse(text)
    for table in _table_nodes(query):
        if table.db != database or table.name not in columns:
            raise SqlError(
                f"unknown table {table.db}.{table.name}",
                expected="one of " + ", ".join(f"{database}.{name}" for name in sorted(columns)),
                line=_line_of(text, table.name),
            )
    try:
        qualify(query, schema={database: columns}, dialect=DIALECT)
    except OptimizeError as error:
        problem, _, place = str(error).partition(". Line: ")
        line = place.split(",")[0]
        raise SqlError(
            f"unknown column: {problem}",
            expected="columns declared under sources.tables",
            line=int(line) if line.isdigit() else 1,
        ) from error


def _table_nodes(query: Any) -> list[Any]:
    own = {cte.alias for cte in query.find_all(exp.CTE)}
    return [table for table in query.find_all(exp.Table) if table.db or table.name not in own]


def _line_of(text: str, word: str) -> int:
    for number, line in enumerate(text.splitlines(), start=1):
        if word in line.split("--")[0]:
            return number
    return 1
