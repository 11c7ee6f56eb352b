"""A rule's nodes as SQL that Athena (Trino) and DuckDB judge alike. Reading is expressions.py's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from usecases.sql import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from usecases.contracts.expressions import Kind, Node

_COMPARISONS: dict[str, Any] = {
    "=": exp.EQ, "<>": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE,
}  # fmt: skip
_ARITHMETIC: dict[str, Any] = {"+": exp.Add, "-": exp.Sub, "*": exp.Mul, "/": exp.Div}


def to_sql(node: Node) -> Any:
    """Return the expression; NaN, stored or computed, is null in it."""
    written = _written(node)
    may_be_nan = node.kind == "double" and node.op not in {"literal", "coalesce"}
    return without_nan(written) if may_be_nan else written


def without_nan(value: Any) -> Any:
    """Return a double, or null where it is NaN: DuckDB takes NaN for the greatest number."""
    return exp.Case().when(exp.IsNan(this=value.copy()).not_(), value)


def _written(node: Node) -> Any:
    """Return the expression, in which NaN may flow through arithmetic."""
    if node.op in _COMPARISONS:
        return _comparison(node)
    if node.op in _ARITHMETIC:
        left, right = (exp.paren(_raw_double(arg)) for arg in node.args)
        return _ARITHMETIC[node.op](this=left, expression=right)
    return _BY_OP[node.op](node)


def literal(value: Any, kind: Kind) -> Any:
    """Return a value as a literal of its kind."""
    if kind == "double":
        # By text: a plain literal would be a decimal to Trino, and lose the last bit.
        return exp.cast(exp.Literal.string(repr(float(value))), exp.DataType.Type.DOUBLE)
    if kind == "integer":
        return exp.Literal.number(value)
    if kind == "timestamp":
        text = exp.Literal.string(value.isoformat(sep=" ", timespec="microseconds"))
        return timestamp(value) if not value.microsecond else _precise(text)
    if kind == "date":
        return exp.cast(exp.Literal.string(value.isoformat()), exp.DataType.Type.DATE)
    return exp.convert(value)


def _precise(text: Any) -> Any:
    return exp.cast(text, exp.DataType.build("TIMESTAMP(6)", dialect="trino"))


def _raw_double(node: Node) -> Any:
    written = _written(node)
    return written if node.kind == "double" else exp.cast(written, exp.DataType.Type.DOUBLE)


def _double(node: Node) -> Any:
    written = to_sql(node)
    return written if node.kind == "double" else exp.cast(written, exp.DataType.Type.DOUBLE)


def _comparison(node: Node) -> Any:
    kinds = {arg.kind for arg in node.args}
    mixed = kinds == {"integer", "double"}
    left, right = (_double(arg) if mixed else _as_moment(arg, kinds) for arg in node.args)
    return _COMPARISONS[node.op](this=exp.paren(left), expression=exp.paren(right))


def _as_moment(node: Node, kinds: set[Kind]) -> Any:
    if kinds == {"date", "timestamp"} and node.kind == "date":
        return exp.cast(to_sql(node), exp.DataType.Type.TIMESTAMP)
    return to_sql(node)


def _logic(node: Node) -> Any:
    sides = [exp.paren(to_sql(arg)) for arg in node.args]
    if node.op == "not":
        return exp.Not(this=sides[0])
    made = exp.And if node.op == "and" else exp.Or
    return made(this=sides[0], expression=sides[1])


def _shift(node: Node) -> Any:
    seconds = int(node.value.total_seconds())
    interval = exp.Interval(this=exp.Literal.string(str(abs(seconds))), unit=exp.var("SECOND"))
    made = exp.Add if seconds >= 0 else exp.Sub
    return made(this=exp.paren(to_sql(node.args[0])), expression=interval)


def _coalesce(node: Node) -> Any:
    values = [_double(arg) if node.kind == "double" else to_sql(arg) for arg in node.args]
    return exp.Coalesce(this=values[0], expressions=values[1:])


_BY_OP: dict[str, Callable[[Node], Any]] = {
    "column": lambda node: exp.column(node.value, quoted=True),
    "literal": lambda node: literal(node.value, node.kind),
    "and": _logic,
    "or": _logic,
    "not": _logic,
    "is_null": lambda node: exp.Is(this=exp.paren(to_sql(node.args[0])), expression=exp.Null()),
    "neg": lambda node: exp.Neg(this=exp.paren(_raw_double(node.args[0]))),
    "abs": lambda node: exp.Abs(this=_raw_double(node.args[0])),
    "length": lambda node: exp.Length(this=to_sql(node.args[0])),
    "coalesce": _coalesce,
    "shift": _shift,
}
