"""What a dataset's promises must agree on with its columns. What they mean is contracts/'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from usecases.contracts.contract import contract_of
from usecases.contracts.expressions import RuleError, read
from usecases.contracts.patterns import PatternError, portable
from usecases.contracts.statements import compile_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usecases.fields import Column, Dataset

Location = tuple[str | int, ...]
Finding = tuple[Location, str, str, str]
"""Where in the YAML, what was found, what was expected, how to mend it."""

_NUMBERS = ("bigint", "int", "double")
_BOUNDS = ("minimum", "maximum", "exclusive_minimum", "exclusive_maximum")
_EXACT = 2.0**53
"""Beyond it a bound is no longer the number that was written."""
_MOST_SQL_BYTES = 240 * 1024
"""Athena takes 256 KiB of SQL; what is left is for the days that a run asks of."""
_FEW_BYTES = 32 * 1024
"""With no more allowed values than this a contract is far from it."""


def findings(dataset: Dataset, event_time: str | None) -> Iterator[Finding]:
    """Find every promise that cannot be kept or judged; locations are within the dataset."""
    found = tuple(_promises(dataset, event_time))
    yield from found
    if not found:  # else there is no contract to be long
        yield from _length(dataset)


def _promises(dataset: Dataset, event_time: str | None) -> Iterator[Finding]:
    for name, column in dataset.columns.items():
        at: Location = ("columns", name)
        yield from _bounds(at, column)
        yield from _text(at, column)
        if column.unique and column.type == "double":
            yield (*at, "unique"), *_NO_KEY
    for name in dataset.primary_key:
        if name in dataset.columns and dataset.columns[name].type == "double":
            yield ("primary_key",), *_NO_KEY
    yield from _rules(dataset)
    if dataset.fresh_within is not None and event_time is None:
        yield (
            ("fresh_within",),
            "the dataset has no event time",
            "a dataset that is the spine or feeds a feature group",
            "remove it",
        )


def _length(dataset: Dataset) -> Iterator[Finding]:
    """Find the longest list of allowed values, if the contract as SQL is more than Athena takes."""
    sizes = {
        name: sum(len(value.encode()) for value in column.allowed)
        for name, column in dataset.columns.items()
    }
    if sum(sizes.values()) <= _FEW_BYTES:
        return
    table = exp.table_(dataset.name, quoted=True)
    written = len(compile_sql(contract_of(dataset), table).encode())
    if written > _MOST_SQL_BYTES:
        longest = max(sizes, key=lambda name: sizes[name])
        values = len(dataset.columns[longest].allowed)
        yield (
            ("columns", longest, "allowed"),
            f"with {values} values the contract is {written} bytes of SQL",
            f"at most {_MOST_SQL_BYTES} bytes, near Athena's limit",
            "promise a pattern instead, or allow fewer values",
        )


_NO_KEY = (
    "a double as a key",
    "columns whose equal values are equal",
    "CAST it in the SQL, or promise something else",
)


def _bounds(at: Location, column: Column) -> Iterator[Finding]:
    given = {name: getattr(column, name) for name in _BOUNDS}
    given = {name: value for name, value in given.items() if value is not None}
    if given and column.type not in _NUMBERS:
        yield at, f"bounds on a {column.type}", "bounds on numbers only", "remove them"
        return
    for name, value in given.items():
        if column.type != "double" and abs(value) > _EXACT:
            yield (*at, name), f"{value}", f"at most {_EXACT:.0f} either way", "remove it"
    low, high = column.minimum, column.maximum
    if low is not None and high is not None and low > high:
        yield at, "minimum exceeds maximum", "minimum <= maximum", "swap them"
        return
    lows = [given[name] for name in ("minimum", "exclusive_minimum") if name in given]
    highs = [given[name] for name in ("maximum", "exclusive_maximum") if name in given]
    if lows and highs and max(lows) > min(highs):
        yield at, "no number lies within the bounds", "lower bounds below upper ones", "mend them"


def _text(at: Location, column: Column) -> Iterator[Finding]:
    if column.allowed and column.type != "string":
        yield at, f"allowed values on a {column.type}", "a string", "remove them"
    for name in ("pattern", "max_length"):
        if getattr(column, name) is not None and column.type != "string":
            yield (*at, name), f"{name} on a {column.type}", "a string", "remove it"
    if column.pattern is None:
        return
    try:
        portable(column.pattern)
    except PatternError as error:
        yield (*at, "pattern"), error.problem, error.expected, "correct the pattern"


def _rules(dataset: Dataset) -> Iterator[Finding]:
    types = {name: column.type for name, column in dataset.columns.items()}
    seen = {"primary_key", "rows", "fresh_within"}
    for place, rule in enumerate(dataset.rules):
        at: Location = ("rules", place)
        if rule.name in seen:
            yield (*at, "name"), f"{rule.name} is taken", "a name of its own", "rename the rule"
        seen.add(rule.name)
        try:
            read(rule.sql, types)
        except RuleError as error:
            yield (*at, "sql"), error.problem, error.expected, "correct the rule"
