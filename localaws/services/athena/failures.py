"""Why a query fails, in Athena's words; DuckDB's errors are translated here. No AWS errors."""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

USER_ERROR = 2
SYSTEM_ERROR = 1


class QueryFailedError(Exception):
    """A query ends FAILED (or CANCELLED) with this reason.

    Attributes:
        reason: StateChangeReason, beginning with Athena's error name where it has one.
        state: The state the query ends in.
        category: AthenaError.ErrorCategory: 1 system, 2 user, 3 other.
    """

    def __init__(self, reason: str, *, state: str = "FAILED", category: int = USER_ERROR) -> None:
        super().__init__(reason)
        self.reason = reason
        self.state = state
        self.category = category


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the statement something stands, counted from 1 as Trino does."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}:{self.column}"


def place_of(sql: str, offset: int) -> Place:
    """Turn a character offset into Trino's line and column."""
    before = sql[: max(offset, 0)]
    return Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def not_performed(what: str) -> QueryFailedError:
    """Answer for a construct Athena may know but nobody here performs."""
    return QueryFailedError(
        f"NOT_SUPPORTED: The embedded Athena does not perform {what}. See docs/localaws.md"
    )


def syntax_error(message: str, place: Place | None = None) -> QueryFailedError:
    """Answer for SQL that cannot be parsed."""
    return QueryFailedError(f"SYNTAX_ERROR: {place or Place(1, 1)}: {message}")


_NO_COLUMN = re.compile(r'Referenced column "([^"]+)" not found')
_NO_COLUMN_IN = re.compile(
    r'(?:Table|Values list) "([^"]+)" does not have a column named "([^"]+)"'
)
_NO_TABLE_IN = re.compile(r'Referenced table "([^"]+)" not found')
_AMBIGUOUS = re.compile(r'Ambiguous reference to column name "([^"]+)"')
_NO_FUNCTION = re.compile(r"Function with name \"?([\w.]+)\"? (?:does not exist|is not)")
_GROUPED = re.compile(r'column "([^"]+)" must appear in the GROUP BY clause')


def explain(error: duckdb.Error, sql: str) -> QueryFailedError:
    """Translate an error of DuckDB's into the reason Athena would give, as near as can be told."""
    text = str(error)
    return (
        _missing_name(text, sql)
        or _unknown_function(text)
        or QueryFailedError(f"{_error_name(error, text)}: {_first_line(text)}")
    )


def _missing_name(text: str, sql: str) -> QueryFailedError | None:
    if found := _NO_COLUMN_IN.search(text):
        name = f"{found[1]}.{found[2]}"
        return QueryFailedError(
            f"COLUMN_NOT_FOUND: {_find(sql, name)}: Column '{name.lower()}' cannot be resolved"
        )
    if found := _NO_COLUMN.search(text) or _NO_TABLE_IN.search(text):
        return QueryFailedError(
            f"COLUMN_NOT_FOUND: {_find(sql, found[1])}: Column '{found[1].lower()}' "
            "cannot be resolved"
        )
    if found := _AMBIGUOUS.search(text):
        return QueryFailedError(
            f"AMBIGUOUS_NAME: {_find(sql, found[1])}: Column '{found[1].lower()}' is ambiguous"
        )
    if found := _GROUPED.search(text):
        return QueryFailedError(
            f"EXPRESSION_NOT_AGGREGATE: {_find(sql, found[1])}: '{found[1].lower()}' must be an "
            "aggregate expression or appear in GROUP BY clause"
        )
    return None


def _unknown_function(text: str) -> QueryFailedError | None:
    found = _NO_FUNCTION.search(text)
    return not_performed(f"the function {found[1].lower()}") if found else None


def _error_name(error: duckdb.Error, text: str) -> str:
    if "ivision by zero" in text:
        return "DIVISION_BY_ZERO"
    if isinstance(error, duckdb.ConversionException):
        return "INVALID_CAST_ARGUMENT"
    if isinstance(error, duckdb.BinderException):
        return "TYPE_MISMATCH"
    if isinstance(error, duckdb.OutOfRangeException):
        return "NUMERIC_VALUE_OUT_OF_RANGE"
    if isinstance(error, (duckdb.InvalidInputException, duckdb.ParserException)):
        return "INVALID_FUNCTION_ARGUMENT"
    return "GENERIC_INTERNAL_ERROR"


def _first_line(text: str) -> str:
    return text.split("\n", maxsplit=1)[0].split("Error: ", maxsplit=1)[-1]


def _find(sql: str, name: str) -> Place:
    found = re.search(rf"(?<![\w\"]){re.escape(name)}(?!\w)", sql, re.IGNORECASE)
    return place_of(sql, found.start() if found else 0)
