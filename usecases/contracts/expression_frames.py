"""A rule's nodes evaluated on a pandas frame, column-wise. Reading is expressions.py's.

A value is an array and a mask of what is null; a condition is what is true and what is false, and
the rest is unknown (SQL's three-valued logic).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from usecases.contracts.expressions import Node


class Values(NamedTuple):
    """An array of n values, and of n booleans that say where there is none."""

    data: Any
    null: Any


_COMPARISONS: dict[str, Any] = {
    "=": np.equal, "<>": np.not_equal, "<": np.less, "<=": np.less_equal,
    ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip
_ARITHMETIC: dict[str, Any] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide,
}  # fmt: skip


def false_rows(node: Node, frame: Any) -> Any:
    """Return an array of n booleans: where a condition is false, neither true nor unknown."""
    with np.errstate(all="ignore"):
        found = _values(node, frame)
    return ~found.data.astype(bool) & ~found.null


def _values(node: Node, frame: Any) -> Values:
    if node.op == "column":
        return column_values(frame[node.value], node.kind)
    if node.op == "literal":
        return _literal(node, len(frame))
    args = [_values(arg, frame) for arg in node.args]
    if node.op in _COMPARISONS:
        left, right = (_numbers(arg, node) for arg in args)
        null = left.null | right.null
        return Values(_compare(_COMPARISONS[node.op], left.data, right.data, null), null)
    if node.op in _ARITHMETIC:
        left, right = (_double(arg) for arg in args)
        return _no_nan(_ARITHMETIC[node.op](left.data, right.data), left.null | right.null)
    return _BY_OP[node.op](node, args)


def column_values(series: Any, kind: str) -> Values:
    """Return a column's values and where it has none; NaN is none."""
    null = series.isna().to_numpy(dtype=bool)
    if kind == "integer":
        if series.dtype.kind == "f":  # pandas' way of a whole number that may be null
            return Values(series.to_numpy(dtype=np.float64), null)
        return Values(series.fillna(0).to_numpy(dtype=np.int64), null)
    if kind == "double":
        return Values(series.to_numpy(dtype=np.float64, na_value=np.nan), null)
    if kind == "boolean":
        return Values(np.where(null, False, series.to_numpy(dtype=object)).astype(bool), null)
    if kind in {"timestamp", "date"}:
        return Values(series.astype("datetime64[us]").to_numpy(), null)
    return Values(np.where(null, "", series.to_numpy(dtype=object)), null)


def _literal(node: Node, rows: int) -> Values:
    value = node.value
    if node.kind in {"timestamp", "date"}:
        data = np.full(rows, np.datetime64(value, "us"))
    elif node.kind == "string":
        data = np.full(rows, value, dtype=object)
    else:
        data = np.full(rows, value)
    return Values(data, np.zeros(rows, dtype=bool))


def _compare(compare: Any, left: Any, right: Any, null: Any) -> Any:
    return np.where(null, False, compare(left, right)).astype(bool)


def _numbers(values: Values, node: Node) -> Values:
    kinds = {arg.kind for arg in node.args}
    return _double(values) if kinds == {"integer", "double"} else values


def _double(values: Values) -> Values:
    return Values(values.data.astype(np.float64), values.null)


def _no_nan(data: Any, null: Any) -> Values:
    return Values(data, null | np.isnan(data))


def _and(_: Node, args: list[Values]) -> Values:
    left, right = args
    false = (~left.data & ~left.null) | (~right.data & ~right.null)
    return Values(left.data & right.data, (left.null | right.null) & ~false)


def _or(_: Node, args: list[Values]) -> Values:
    left, right = args
    true = (left.data & ~left.null) | (right.data & ~right.null)
    return Values(true, (left.null | right.null) & ~true)


def _coalesce(node: Node, args: list[Values]) -> Values:
    values = [_double(arg) for arg in args] if node.kind == "double" else args
    data, null = values[0]
    for more in values[1:]:
        data, null = np.where(null, more.data, data), null & more.null
    return Values(data, null)


def _length(_: Node, args: list[Values]) -> Values:
    return Values(np.array([len(text) for text in args[0].data], dtype=np.int64), args[0].null)


_BY_OP: dict[str, Callable[[Node, list[Values]], Values]] = {
    "and": _and,
    "or": _or,
    "not": lambda _, args: Values(~args[0].data.astype(bool), args[0].null),
    "is_null": lambda _, args: Values(args[0].null, np.zeros_like(args[0].null)),
    "neg": lambda _, args: Values(-_double(args[0]).data, args[0].null),
    "abs": lambda _, args: Values(np.abs(_double(args[0]).data), args[0].null),
    "length": _length,
    "coalesce": _coalesce,
    "shift": lambda node, args: Values(args[0].data + np.timedelta64(node.value), args[0].null),
}
