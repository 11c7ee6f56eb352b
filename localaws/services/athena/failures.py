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


_NO_COLUMN = re.compile(r'Referenced column "([^"]+)" (?:was )?not found')
_NO_COLUMN_IN = re.compile(
    r'(?:Table|Values list) "([^"]+)" does not have a column named "([^"]+)"'
)
_NO_TABLE_IN = re.compile(r'Referenced table "([^"]+)" not found')
_AMBIGUOUS = re.compile(r'Ambiguous reference to column name "([^"]+)"')
_NO_FUNCTION = re.compile(r"Function with name \"?([\w.]+)\"? (?:does not exist|is not)")
#: Where the copies of objects lie is nobody's business.
_LOCAL_FILE = re.compile(r"file \"?/[^\s\"]*/athena-cache/[^\s\",]*\"?")
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
    for part, name in _NAMES_BY_TEXT:
        if part in text:
            return name
    for kind, name in _NAMES_BY_KIND:
        if isinstance(error, kind):
            return name
    return "GENERIC_INTERNAL_ERROR"


_NAMES_BY_TEXT = (
    ("ivision by zero", "DIVISION_BY_ZERO"), ("JSON transform error", "HIVE_BAD_DATA"),
    ("Malformed JSON", "HIVE_BAD_DATA"), ("CSV Error", "HIVE_BAD_DATA"),
)  # fmt: skip
_NAMES_BY_KIND: tuple[tuple[type[duckdb.Error], str], ...] = (
    (duckdb.ConversionException, "INVALID_CAST_ARGUMENT"),
    (duckdb.BinderException, "TYPE_MISMATCH"),
    (duckdb.OutOfRangeException, "NUMERIC_VALUE_OUT_OF_RANGE"),
    (duckdb.InvalidInputException, "INVALID_FUNCTION_ARGUMENT"),
    (duckdb.ParserException, "INVALID_FUNCTION_ARGUMENT"),
)


def _first_line(text: str) -> str:
    line = text.split("\n", maxsplit=1)[0].split("Error: ", maxsplit=1)[-1]
    return _LOCAL_FILE.sub("a file of the table", line)


def _find(sql: str, name: str) -> Place:
    found = re.search(rf"(?<![\w\"]){re.escape(name)}(?!\w)", sql, re.IGNORECASE)
    return place_of(sql, found.start() if found else 0)
