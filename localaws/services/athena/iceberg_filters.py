"""Conditions of a WHERE as pyiceberg's expressions, so that files they exclude are not read.

Only what is certain is translated: a column of the table against constants of its own kind. DuckDB
applies every condition anyway; what is left out here costs time, not truth.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from pyiceberg import expressions as iceberg
from pyiceberg import types
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyiceberg.schema import Schema

    Fields = dict[str, types.NestedField]

_SIGNS: dict[type, Any] = {
    exp.EQ: iceberg.EqualTo, exp.GT: iceberg.GreaterThan, exp.GTE: iceberg.GreaterThanOrEqual,
    exp.LT: iceberg.LessThan, exp.LTE: iceberg.LessThanOrEqual,
}  # fmt: skip
_TURNED = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.EQ: exp.EQ}
_WHOLE = (types.IntegerType, types.LongType)
_TIMES = (types.TimestampType, types.TimestamptzType)


def row_filter(
    conditions: Iterable[exp.Expression], then: Schema, now: Schema
) -> iceberg.BooleanExpression:
    """Return what must be true of a row for all the conditions to hold, as far as can be told.

    Args:
        conditions: Of the query, over this table's columns.
        then: The schema whose names the conditions use.
        now: The schema whose names pyiceberg uses: the table's latest, whichever snapshot is read.
    """
    current = {field.field_id: field for field in now.fields}
    schema = {
        field.name.lower(): current[field.field_id]
        for field in then.fields
        if field.field_id in current
    }
    found = [_translated(condition.copy(), schema) for condition in conditions]
    return _all([item for item in found if item is not None])


def _translated(node: exp.Expression, schema: Fields) -> iceberg.BooleanExpression | None:
    node = node.unnest()
    if isinstance(node, exp.And):
        sides = [_translated(node.this, schema), _translated(node.expression, schema)]
        known = [side for side in sides if side is not None]
        return _all(known) if known else None
    if isinstance(node, exp.Or):
        left, right = _translated(node.this, schema), _translated(node.expression, schema)
        return iceberg.Or(left, right) if left is not None and right is not None else None
    if type(node) in _SIGNS:
        return _comparison(node, schema)
    if isinstance(node, exp.Between):
        low = _comparison(exp.GTE(this=node.this, expression=node.args["low"]), schema)
        high = _comparison(exp.LTE(this=node.this, expression=node.args["high"]), schema)
        return iceberg.And(low, high) if low is not None and high is not None else None
    if isinstance(node, exp.In) and node.expressions:
        return _member(node, schema)
    return None


def _all(known: list[iceberg.BooleanExpression]) -> iceberg.BooleanExpression:
    both: Callable[[Any, Any], Any] = iceberg.And
    everything: Any = iceberg.AlwaysTrue()
    combined: iceberg.BooleanExpression = reduce(both, known, everything)
    return combined


def _comparison(node: exp.Expression, schema: Fields) -> iceberg.BooleanExpression | None:
    column, value, kind = node.this, node.expression, type(node)
    if isinstance(value, exp.Column):
        column, value, kind = value, column, _TURNED[kind]
    found = _constant(column, value, schema)
    return None if found is None else _SIGNS[kind](*found)


def _member(node: exp.In, schema: Fields) -> iceberg.BooleanExpression | None:
    found = [_constant(node.this, value, schema) for value in node.expressions]
    known = [item for item in found if item is not None]
    if len(known) < len(found):
        return None
    name = known[0][0]
    member: Any = iceberg.In  # made by a __new__ that mypy cannot read
    found_in: iceberg.BooleanExpression = member(name, literals={value for _, value in known})
    return found_in


def _constant(
    column: exp.Expression, value: exp.Expression, schema: Fields
) -> tuple[str, Any] | None:
    """Return a column's name and a constant that pyiceberg reads as a value of its type."""
    if not isinstance(column, exp.Column):
        return None
    field = schema.get(column.name.lower())
    if field is None:
        return None
    constant = _value(value, field.field_type)
    return None if constant is None else (field.name, constant)


def _value(value: exp.Expression, kind: types.IcebergType) -> Any:
    if isinstance(value, exp.Cast) and isinstance(value.this, exp.Literal):
        return _moment(value, kind)
    if not isinstance(value, exp.Literal):
        return None
    if value.is_string:
        return value.name if isinstance(kind, types.StringType) else None
    return int(value.name) if isinstance(kind, _WHOLE) and value.name.isdecimal() else None


def _moment(value: exp.Cast, kind: types.IcebergType) -> str | None:
    """Return DATE '...' or TIMESTAMP '...' in the form of ISO 8601 that pyiceberg reads."""
    text, target = str(value.this.name), value.to.this
    is_date = target == exp.DataType.Type.DATE
    if isinstance(kind, types.DateType) and is_date:
        return text
    if not isinstance(kind, _TIMES) or target not in {
        exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP,
    }:  # fmt: skip
        return None
    if isinstance(kind, types.TimestamptzType):
        return None
    return f"{text}T00:00:00" if is_date else text.replace(" ", "T", 1)
