"""A dataset's contract: every promise as one rule, with the SQL condition of a row that breaks it.

The whole pass is statements.py's, the pandera checks are frames.py's. Null and NaN mean "no value":
they break `present` and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sqlglot import exp

from usecases.contracts.expression_sql import literal, to_sql
from usecases.contracts.expressions import Node, read
from usecases.contracts.patterns import portable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from usecases.fields import Column, ColumnType, Dataset

Sort = Literal[
    "present", "minimum", "maximum", "exclusive_minimum", "exclusive_maximum", "allowed",
    "pattern", "max_length", "unique", "row",
]  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """One promise.

    Attributes:
        name: Unique in its contract: `column.sort`, `primary_key`, or the declared rule's name.
        subject: The column, the key's columns, or the rule's name; for people.
        promise: What rows are that keep it; for people.
        columns: What it reads.
        value: The bound, the allowed values, the portable pattern, or the rule's Node.
        broken: SQL condition that is true for a row that breaks it; None for `unique`, which no
            row can break alone.
    """

    name: str
    sort: Sort
    subject: str
    promise: str
    columns: tuple[str, ...]
    value: Any = None
    broken: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class Contract:
    """What a dataset promises, in the order in which breaches are told.

    Attributes:
        key: The primary key's columns; examples name rows by them.
        types: Declared type by column.
        event_time: The column that says how new a row is, if the dataset has one.
        fresh_within: How far its newest value may lag behind what has landed.
    """

    dataset: str
    key: tuple[str, ...]
    types: Mapping[str, ColumnType]
    rules: tuple[Rule, ...]
    event_time: str | None = None
    fresh_within: timedelta | None = None


def contract_of(dataset: Dataset, event_time: str | None = None) -> Contract:
    """Gather a dataset's promises.

    Args:
        dataset: As declared.
        event_time: Its column of event times, if it has one.

    Raises:
        PatternError: A pattern is not portable.
        RuleError: A rule cannot be judged alike by SQL and pandas.
    """
    types = {name: column.type for name, column in dataset.columns.items()}
    rules = [
        rule for name, column in dataset.columns.items() for rule in _column_rules(name, column)
    ]
    rules.append(_unique("primary_key", dataset.primary_key))
    rules += [_row_rule(rule.name, rule.sql, types) for rule in dataset.rules]
    return Contract(
        dataset=dataset.name,
        key=dataset.primary_key,
        types=types,
        rules=tuple(rules),
        event_time=event_time,
        fresh_within=dataset.fresh_within,
    )


def is_missing(name: str, kind: ColumnType) -> Any:
    """Return the SQL condition that a column has no value; NaN is none."""
    column = _column(name)
    missing = exp.Is(this=column, expression=exp.Null())
    return exp.or_(missing, exp.IsNan(this=column.copy())) if kind == "double" else missing


def _column_rules(name: str, column: Column) -> Iterator[Rule]:
    if not column.nullable:
        yield _rule(name, "present", "present", None, is_missing(name, column.type))
    yield from _bounds(name, column)
    if column.allowed:
        allowed = exp.In(
            this=_column(name), expressions=[exp.convert(value) for value in column.allowed]
        )
        promise = f"one of {list(column.allowed)}"
        yield _rule(name, "allowed", promise, column.allowed, exp.Not(this=exp.paren(allowed)))
    if column.pattern is not None:
        pattern = portable(column.pattern)
        whole = exp.Literal.string(rf"\A(?:{pattern})\z")
        matches = exp.RegexpLike(this=_column(name), expression=whole)
        promise = f"like the pattern {column.pattern}"
        yield _rule(name, "pattern", promise, pattern, exp.Not(this=matches))
    if column.max_length is not None:
        longer = exp.GT(
            this=exp.Length(this=_column(name)), expression=exp.convert(column.max_length)
        )
        promise = f"at most {column.max_length} characters long"
        yield _rule(name, "max_length", promise, column.max_length, longer)
    if column.unique:
        yield _unique(f"{name}.unique", (name,))


def _bounds(name: str, column: Column) -> Iterator[Rule]:
    """Yield the rules of the bounds. A whole number is compared with a whole number, exactly."""
    whole = column.type != "double"
    kept: tuple[tuple[Sort, float | None, str, Any, Any], ...] = (
        ("minimum", column.minimum, ">=", exp.LT, math.ceil),
        ("exclusive_minimum", column.exclusive_minimum, ">", exp.LTE, math.floor),
        ("maximum", column.maximum, "<=", exp.GT, math.floor),
        ("exclusive_maximum", column.exclusive_maximum, "<", exp.GTE, math.ceil),
    )
    for sort, bound, sign, breaks, rounded in kept:
        if bound is None:
            continue
        value = rounded(bound) if whole else bound
        number = literal(value, "integer" if whole else "double")
        broken = breaks(this=_column(name), expression=number)
        if not whole:  # DuckDB takes NaN for the greatest number
            broken = exp.and_(broken, exp.IsNan(this=_column(name)).not_())
        yield _rule(name, sort, f"{sign} {bound}", value, broken)


def _rule(column: str, sort: Sort, promise: str, value: Any, broken: Any) -> Rule:
    return Rule(f"{column}.{sort}", sort, column, promise, (column,), value, broken)


def _unique(name: str, columns: tuple[str, ...]) -> Rule:
    return Rule(name, "unique", ", ".join(columns), "unique", columns)


def _row_rule(name: str, sql: str, types: Mapping[str, ColumnType]) -> Rule:
    node: Node = read(sql, types)
    broken = exp.Not(this=exp.paren(to_sql(node)))
    return Rule(name, "row", name, f"such that {sql}", node.columns(), node, broken)


def _column(name: str) -> Any:
    return exp.column(name, quoted=True)
