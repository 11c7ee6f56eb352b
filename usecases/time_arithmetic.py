"""Works out what a time expression of a query is once the window is known. No columns, no engine.

A small part of Athena's functions: what a filter on a daily partition is written with. Anything
else is refused rather than guessed.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_UNITS = {
    "MILLISECOND": timedelta(milliseconds=1),
    "SECOND": timedelta(seconds=1),
    "MINUTE": timedelta(minutes=1),
    "HOUR": timedelta(hours=1),
    "DAY": timedelta(days=1),
    "WEEK": timedelta(weeks=1),
}


class NotATimeError(Exception):
    """An expression that is not worked out here; the message says which part."""


def value_of(expression: exp.Expression, window: Mapping[str, datetime]) -> Any:
    """Return the datetime, date, number or text that an expression gives.

    Args:
        expression: Without columns.
        window: Values of the placeholders, naive UTC.

    Raises:
        NotATimeError: It holds something that is not worked out here.
    """
    read = _READERS.get(type(expression))
    if read is None:
        raise NotATimeError(f"{expression.sql(dialect='athena')} is not understood")
    return read(expression, window)


def _placeholder(node: Any, window: Mapping[str, datetime]) -> Any:
    if node.name not in window:
        raise NotATimeError(f":{node.name} is not known")
    return window[node.name]


def _literal(node: Any, _window: Mapping[str, datetime]) -> Any:
    return node.this if node.is_string else int(node.this)


def _negative(node: Any, window: Mapping[str, datetime]) -> Any:
    return -value_of(node.this, window)


def _inner(node: Any, window: Mapping[str, datetime]) -> Any:
    return value_of(node.this, window)


def _cast(node: Any, window: Mapping[str, datetime]) -> Any:
    value, kind = value_of(node.this, window), node.to.this
    if kind in exp.DataType.TEXT_TYPES:
        return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
    if kind == exp.DataType.Type.DATE:
        return _moment(value).date()
    if kind == exp.DataType.Type.TIMESTAMP:
        return _moment(value)
    raise NotATimeError(f"a cast to {node.to.sql(dialect='athena')} is not understood")


def _as_date(node: Any, window: Mapping[str, datetime]) -> Any:
    return _moment(value_of(node.this, window)).date()


def _added(node: Any, window: Mapping[str, datetime]) -> Any:
    return _shifted(node, window, 1)


def _taken(node: Any, window: Mapping[str, datetime]) -> Any:
    return _shifted(node, window, -1)


def _shifted(node: Any, window: Mapping[str, datetime], sign: int) -> Any:
    value, amount = value_of(node.this, window), node.expression
    unit = node.args.get("unit")
    if isinstance(amount, exp.Interval):
        amount, unit = amount.this, amount.args.get("unit")
    step = _UNITS.get(unit.name.upper()) if unit is not None else None
    if step is None:
        raise NotATimeError(f"{node.sql(dialect='athena')} does not add fixed units")
    return value + step * (sign * int(value_of(amount, window)))


def _truncated(node: Any, window: Mapping[str, datetime]) -> Any:
    if node.args["unit"].name.upper() != "DAY":
        raise NotATimeError(f"{node.sql(dialect='athena')} does not cut to days")
    return datetime.combine(_moment(value_of(node.this, window)).date(), time())


def _formatted(node: Any, window: Mapping[str, datetime]) -> Any:
    return _moment(value_of(node.this, window)).strftime(value_of(node.args["format"], window))


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    try:
        return datetime.fromisoformat(str(value))
    except ValueError as error:
        raise NotATimeError(f"{value!r} is no time") from error


_READERS: Mapping[Any, Callable[[Any, Mapping[str, datetime]], Any]] = {
    exp.Placeholder: _placeholder,
    exp.Literal: _literal,
    exp.Neg: _negative,
    exp.Paren: _inner,
    exp.Cast: _cast,
    exp.Date: _as_date,
    exp.DateAdd: _added,
    exp.Add: _added,
    exp.Sub: _taken,
    exp.TimestampTrunc: _truncated,
    exp.TimeToStr: _formatted,
}
