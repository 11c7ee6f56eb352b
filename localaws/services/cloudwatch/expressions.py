"""Metric math: arithmetic, comparisons, IF and a few functions over series. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
What is not understood is refused when it is read, never evaluated to something else.
"""

from __future__ import annotations

import math
import operator
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Values by the period's start.
Series = dict[float, float]
Value = Series | float
Node = Any

_TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(&&|\|\||==|!=|<=|>=|[-+*/^(),<>]))"
)
_BINARY: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "AND": lambda a, b: float(bool(a) and bool(b)),
    "OR": lambda a, b: float(bool(a) or bool(b)),
}
_LEVELS = (("OR",), ("AND",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
_SPELLED = {"&&": "AND", "||": "OR"}
_EACH: dict[str, Callable[[float], float]] = {
    "ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor, "LOG": math.log, "LOG10": math.log10
}  # fmt: skip
_OVERALL: dict[str, Callable[[list[float]], float]] = {
    "AVG": lambda v: sum(v) / len(v), "SUM": sum, "MIN": min, "MAX": max
}  # fmt: skip
_ARGUMENTS = {"IF": 3, "FILL": 2} | dict.fromkeys(_EACH, 1) | dict.fromkeys(_OVERALL, 1)


class ExpressionError(ValueError):
    """The expression is not valid, or not performed; the text says why."""


def parse(text: str) -> Node:
    """Read an expression.

    Raises:
        ExpressionError: It is no expression, or uses what is not performed.
    """
    return _Parser(_tokens(text), text).whole()


def names(node: Node) -> set[str]:
    """Return the ids an expression refers to."""
    if node[0] == "id":
        return {node[1]}
    return set().union(*(names(part) for part in node[1:] if isinstance(part, tuple)))


def evaluate(node: Node, known: Mapping[str, Series], periods: list[float]) -> Series:
    """Return the expression's series.

    Args:
        node: As ``parse`` returned it.
        known: The series of each id referred to.
        periods: The starts of all periods asked for; a constant has a value at each.
    """
    value = _evaluate(node, known, periods)
    if isinstance(value, dict):
        return value
    return dict.fromkeys(periods, value) if math.isfinite(value) else {}


def _evaluate(node: Node, known: Mapping[str, Series], periods: list[float]) -> Value:
    kind = node[0]
    if kind == "number":
        return float(node[1])
    if kind == "id":
        return known[node[1]]
    if kind == "FILL":
        return _fill(_evaluate(node[1], known, periods), node[2], known, periods)
    parts = [_evaluate(part, known, periods) for part in node[1:]]
    if kind == "IF":
        return _if(parts)
    if kind in _OVERALL:
        return _overall(kind, parts[0])
    return _map(_EACH.get(kind) or _BINARY[kind], parts)


def _map(function: Callable[..., float], parts: list[Value]) -> Value:
    """Apply a function where all parts have a value; what is no finite number is no value."""
    series = [part for part in parts if isinstance(part, dict)]
    if not series:
        result = _safely(function, parts)
        return {} if result is None else result
    moments = sorted(set(series[0]).intersection(*series[1:]))
    results = {
        moment: _safely(function, [p[moment] if isinstance(p, dict) else p for p in parts])
        for moment in moments
    }
    return {moment: value for moment, value in results.items() if value is not None}


def _safely(function: Callable[..., float], arguments: list[Any]) -> float | None:
    try:
        result = float(function(*arguments))
    except (ArithmeticError, ValueError, TypeError):
        return None
    return result if math.isfinite(result) else None


def _if(parts: list[Value]) -> Value:
    condition, then, otherwise = parts
    if not isinstance(condition, dict):
        return then if condition else otherwise
    chosen: Series = {}
    for moment, truth in condition.items():
        branch = then if truth else otherwise
        value = branch.get(moment) if isinstance(branch, dict) else branch
        if value is not None:
            chosen[moment] = value
    return chosen


def _overall(name: str, part: Value) -> Value:
    values = list(part.values()) if isinstance(part, dict) else [part]
    return float(_OVERALL[name](values)) if values else {}


def _fill(part: Value, filler: Node, known: Mapping[str, Series], periods: list[float]) -> Value:
    if not isinstance(part, dict):
        return part
    if filler[0] != "REPEAT":
        value = _evaluate(filler, known, periods)
        given = value if isinstance(value, dict) else dict.fromkeys(periods, value)
        return given | part
    filled: Series = {}
    last: float | None = None
    for moment in periods:
        last = part.get(moment, last)
        if last is not None:
            filled[moment] = last
    return filled


def _tokens(text: str) -> list[str]:
    found, position = [], 0
    stripped = text.rstrip()
    while position < len(stripped):
        token = _TOKEN.match(stripped, position)
        if token is None:
            raise ExpressionError(f"Error in expression {text!r} at {stripped[position:]!r}")
        found.append(token[0].strip())
        position = token.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str], text: str) -> None:
        self._tokens = [*tokens, "", ""]  # two ends: a look ahead needs no care
        self._text = text
        self._next = 0

    def whole(self) -> Node:
        node = self._level(0)
        if self._tokens[self._next]:
            raise self._error()
        return node

    def _level(self, number: int) -> Node:
        if number == len(_LEVELS):
            return self._power()
        node = self._level(number + 1)
        while (sign := self._operator()) in _LEVELS[number]:
            self._next += 1
            node = (sign, node, self._level(number + 1))
        return node

    def _operator(self) -> str:
        token = self._tokens[self._next]
        return _SPELLED.get(token, token.upper() if token.upper() in ("AND", "OR") else token)

    def _power(self) -> Node:
        if self._accept("-"):
            return ("-", ("number", 0.0), self._power())
        base = self._atom()
        return ("^", base, self._power()) if self._accept("^") else base

    def _atom(self) -> Node:
        if self._accept("("):
            node = self._level(0)
            self._expect(")")
            return node
        word = self._tokens[self._next]
        self._next += 1
        if word[:1].isdigit():
            return ("number", float(word))
        if self._tokens[self._next] == "(" and word[:1].isalpha():
            return self._call(word.upper())
        if word[:1].islower():
            return ("id", word)
        raise self._error()

    def _call(self, name: str) -> Node:
        if name not in _ARGUMENTS:
            raise ExpressionError(
                f"The embedded AWS does not perform {name} in metric math ({self._text!r}); it has "
                f"+ - * / ^, comparisons, AND, OR and {', '.join(sorted(_ARGUMENTS))}."
            )
        self._expect("(")
        arguments = [self._level(0)]
        while self._accept(","):
            repeats = name == "FILL" and self._accept("REPEAT")
            arguments.append(("REPEAT",) if repeats else self._level(0))
        self._expect(")")
        if len(arguments) != _ARGUMENTS[name]:
            raise ExpressionError(f"{name} takes {_ARGUMENTS[name]} arguments ({self._text!r})")
        return (name, *arguments)

    def _accept(self, token: str) -> bool:
        if self._tokens[self._next] != token:
            return False
        self._next += 1
        return True

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise self._error()

    def _error(self) -> ExpressionError:
        rest = " ".join(self._tokens[max(0, self._next - 1) :]).strip()
        return ExpressionError(f"Error in expression {self._text!r} at {rest or 'its end'!r}")
