"""The language of cross-column rules: a boolean SQL expression, read into typed nodes.

A subset that SQL engines and pandas can be made to judge alike; everything else is refused here,
with what may stand instead. Nothing is evaluated here.

Null and NaN mean "unknown", as in SQL; a rule is broken only by a row for which it is false.
Arithmetic is done in double precision, so nothing overflows; two whole numbers that are merely
compared stay whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from usecases.sql import DIALECT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from usecases.fields import ColumnType

Kind = Literal["integer", "double", "string", "timestamp", "date", "boolean"]
SUBSET = (
    "columns, numbers, 'text', TRUE, FALSE, TIMESTAMP '...', DATE '...', = <> < <= > >=, AND, OR, "
    "NOT, IS NULL, IN (...), BETWEEN, + - * /, abs(), length(), coalesce(), "
    "a timestamp + or - INTERVAL 'n' SECOND, MINUTE, HOUR or DAY"
)
_KINDS: Mapping[str, Kind] = {"bigint": "integer", "int": "integer"}
_NUMBERS = frozenset({"integer", "double"})
_MOMENTS = frozenset({"timestamp", "date"})
_WHOLE = 2**63 - 1
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}
_LONGEST_DAYS = 36500
_COMPARISONS: Mapping[type, str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_ARITHMETIC: Mapping[type, str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}


class RuleError(ValueError):
    """A rule that cannot be judged alike everywhere.

    Attributes:
        problem: What was found.
        expected: What may stand there instead.
    """

    def __init__(self, problem: str, expected: str = SUBSET) -> None:
        super().__init__(f"{problem}; expected {expected}")
        self.problem = problem
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: "column", "literal", a comparison, "and", "+", "is_null", ...

    Attributes:
        value: The column's name, or the literal as a Python value.
    """

    op: str
    kind: Kind
    args: tuple[Node, ...] = ()
    value: Any = None

    def columns(self) -> tuple[str, ...]:
        """Return the columns read, in order of first use."""
        found = [self.value] if self.op == "column" else []
        for each in self.args:
            found += each.columns()
        return tuple(dict.fromkeys(found))


def read(text: str, columns: Mapping[str, ColumnType]) -> Node:
    """Read a rule.

    Raises:
        RuleError: If it is no boolean expression of the subset over these columns.
    """
    try:
        node = _Reader(columns).node(_parsed(text))
    except (SqlglotError, RecursionError) as error:
        raise RuleError("the rule cannot be parsed", "one boolean SQL expression") from error
    if node.kind != "boolean":
        raise RuleError(f"a {node.kind}", "a condition that is true or false")
    if not node.columns():
        raise RuleError("a rule that reads no column", "a condition on the dataset's columns")
    return node


def _parsed(text: str) -> Any:
    """Return the expression's tree. Its first word may be a statement's, as in a column `load`."""
    statements = sqlglot.parse(f"SELECT (\n{text}\n)", read=DIALECT)
    if len(statements) == 1 and isinstance(statements[0], exp.Select):
        given = {name for name, value in statements[0].args.items() if value}
        chosen = statements[0].expressions
        if given == {"expressions"} and len(chosen) == 1 and isinstance(chosen[0], exp.Paren):
            return chosen[0].this
    raise RuleError("the rule is not one expression", "one boolean SQL expression")


class _Reader:
    def __init__(self, columns: Mapping[str, ColumnType]) -> None:
        self._columns = columns

    def node(self, found: Any) -> Node:
        if type(found) in _COMPARISONS:
            return self._comparison(found, _COMPARISONS[type(found)])
        if type(found) in _ARITHMETIC:
            return self._arithmetic(found, _ARITHMETIC[type(found)])
        readers: dict[type, Callable[[Any], Node]] = {
            exp.Column: self._column, exp.Literal: _literal, exp.Boolean: _boolean,
            exp.Paren: lambda one: self.node(one.this), exp.Cast: _moment,
            exp.And: self._logic, exp.Or: self._logic, exp.Not: self._logic,
            exp.Is: self._is_null, exp.In: self._in, exp.Between: self._between,
            exp.Neg: self._number, exp.Abs: self._number, exp.Length: self._length,
            exp.Coalesce: self._coalesce,
        }  # fmt: skip
        reader = readers.get(type(found))
        if reader is None:
            raise RuleError(f"{_shown(found)} cannot be judged alike by SQL and pandas")
        return reader(found)

    def _column(self, found: Any) -> Node:
        name = str(found.name).lower()
        if found.table or name not in self._columns:
            known = ", ".join(self._columns)
            raise RuleError(f"unknown column {_shown(found)}", f"one of {known}")
        declared = self._columns[name]
        return Node("column", _KINDS.get(declared, declared), value=name)  # type: ignore[arg-type]

    def _comparison(self, found: Any, op: str) -> Node:
        return _compared(op, self.node(found.this), self.node(found.expression), found)

    def _logic(self, found: Any) -> Node:
        sides = [found.this] if isinstance(found, exp.Not) else [found.this, found.expression]
        args = tuple(self.node(side) for side in sides)
        for arg in args:
            if arg.kind != "boolean":
                raise RuleError(f"a {arg.kind} in {_shown(found)}", "conditions")
        return Node(type(found).__name__.lower(), "boolean", args)

    def _is_null(self, found: Any) -> Node:
        if not isinstance(found.expression, exp.Null):
            raise RuleError(f"{_shown(found)}", "IS NULL or IS NOT NULL")
        return Node("is_null", "boolean", (self.node(found.this),))

    def _in(self, found: Any) -> Node:
        if found.args.get("query") or not found.expressions:
            raise RuleError(f"{_shown(found)}", "IN with a list of literals")
        item = self.node(found.this)
        equal = [_compared("=", item, self.node(one), found) for one in found.expressions]
        return _chain("or", equal)

    def _between(self, found: Any) -> Node:
        item, low, high = (self.node(found.args[part]) for part in ("this", "low", "high"))
        return _chain(
            "and", [_compared(">=", item, low, found), _compared("<=", item, high, found)]
        )

    def _arithmetic(self, found: Any, op: str) -> Node:
        if isinstance(found.expression, exp.Interval) and op in "+-":
            moment = self.node(found.this)
            if moment.kind != "timestamp":
                raise RuleError(f"a {moment.kind} in {_shown(found)}", "a timestamp")
            step = _interval(found.expression) * (-1 if op == "-" else 1)
            return Node("shift", "timestamp", (moment,), step)
        args = (self.node(found.this), self.node(found.expression))
        _all_numbers(args, found)
        return Node(op, "double", args)

    def _number(self, found: Any) -> Node:
        arg = self.node(found.this)
        _all_numbers((arg,), found)
        if isinstance(found, exp.Neg) and arg.op == "literal":
            return Node("literal", arg.kind, value=-arg.value)
        return Node("neg" if isinstance(found, exp.Neg) else "abs", "double", (arg,))

    def _length(self, found: Any) -> Node:
        arg = self.node(found.this)
        if arg.kind != "string":
            raise RuleError(f"length of a {arg.kind}", "a string")
        return Node("length", "integer", (arg,))

    def _coalesce(self, found: Any) -> Node:
        args = tuple(self.node(one) for one in [found.this, *found.expressions])
        kinds = {arg.kind for arg in args}
        if kinds <= _NUMBERS:
            return Node("coalesce", "integer" if kinds == {"integer"} else "double", args)
        if len(kinds) != 1:
            raise RuleError(f"{' and '.join(sorted(kinds))} in {_shown(found)}", "one type")
        return Node("coalesce", args[0].kind, args)


def _compared(op: str, left: Node, right: Node, found: Any) -> Node:
    kinds = {left.kind, right.kind}
    alike = len(kinds) == 1 or kinds <= _NUMBERS or kinds <= _MOMENTS
    if not alike:
        raise RuleError(
            f"a {left.kind} is compared with a {right.kind} in {_shown(found)}", "one type"
        )
    if "boolean" in kinds and op not in {"=", "<>"}:
        raise RuleError(f"booleans in {_shown(found)}", "= or <>")
    return Node(op, "boolean", (left, right))


def _chain(op: str, nodes: list[Node]) -> Node:
    whole = nodes[0]
    for node in nodes[1:]:
        whole = Node(op, "boolean", (whole, node))
    return whole


def _all_numbers(args: tuple[Node, ...], found: Any) -> None:
    for arg in args:
        if arg.kind not in _NUMBERS:
            raise RuleError(f"a {arg.kind} in {_shown(found)}", "numbers")


def _literal(found: Any) -> Node:
    if found.is_string:
        return Node("literal", "string", value=str(found.this))
    text = str(found.this)
    if text.isdecimal():
        if int(text) > _WHOLE:
            raise RuleError(f"the number {text}", f"at most {_WHOLE}")
        return Node("literal", "integer", value=int(text))
    try:
        value = float(text)
    except ValueError as error:
        raise RuleError(f"the number {text}", "a decimal number") from error
    if not math.isfinite(value):
        raise RuleError(f"the number {text}", "a finite number")
    return Node("literal", "double", value=value)


def _boolean(found: Any) -> Node:
    return Node("literal", "boolean", value=bool(found.this))


def _moment(found: Any) -> Node:
    """Read TIMESTAMP '...' and DATE '...', which sqlglot parses as casts of text."""
    target = found.args["to"].this
    if target == exp.DataType.Type.TIMESTAMPTZ:
        raise RuleError(f"{found.this.name!r} carries a zone", "naive UTC, as all times here")
    known: dict[Any, tuple[Kind, Callable[[str], Any]]] = {
        exp.DataType.Type.TIMESTAMP: ("timestamp", datetime.fromisoformat),
        exp.DataType.Type.DATE: ("date", date.fromisoformat),
    }
    if target not in known or not isinstance(found.this, exp.Literal):
        raise RuleError(f"the cast {_shown(found)}")
    kind, parse = known[target]
    try:
        value = parse(found.this.name)
    except ValueError as error:
        raise RuleError(f"{found.this.name!r} is no {kind}", "an ISO date or time") from error
    return Node("literal", kind, value=value)


def _interval(found: Any) -> timedelta:
    unit = str(found.args["unit"]).upper() if found.args.get("unit") else ""
    amount = found.this.name if isinstance(found.this, exp.Literal) else ""
    if unit not in _SECONDS or not amount.isdecimal():
        raise RuleError(f"the interval {_shown(found)}", "INTERVAL 'n' with a unit up to DAY")
    if int(amount) * _SECONDS[unit] > _LONGEST_DAYS * 86400:
        raise RuleError(f"the interval {_shown(found)}", f"at most {_LONGEST_DAYS} days")
    return timedelta(seconds=int(amount) * _SECONDS[unit])


def _shown(found: Any) -> str:
    text = str(found.sql(dialect=DIALECT))
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - a line's worth
