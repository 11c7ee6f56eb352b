"""Trino SQL to DuckDB SQL, by syntax tree. Which files a table means is scan.py's business.

Two kinds of difference are mended: names (sqlglot knows most) and meanings (macros in macros.sql).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import UnsupportedError

from localaws.services.athena.failures import not_performed
from localaws.services.athena.functions import RENAMED
from localaws.services.athena.semantics import FLOATING
from localaws.services.athena.types import with_precision

if TYPE_CHECKING:
    from collections.abc import Callable

_TRINO_DECIMAL = (38, 0)
_DECIMAL = re.compile(r"[+-]?(\d*)(?:\.(\d*))?")

_EXTRACT = {"DOW": "ISODOW", "DAY_OF_WEEK": "ISODOW", "DOY": "DOY", "DAY_OF_YEAR": "DOY",
            "DAY_OF_MONTH": "DAY", "YOW": "ISOYEAR", "YEAR_OF_WEEK": "ISOYEAR"}  # fmt: skip

_JODA = (("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"),
         ("SSS", "%g"), ("EEEE", "%A"), ("EEE", "%a"), ("E", "%a"), ("DDD", "%j"))  # fmt: skip


def to_duckdb(expression: exp.Expression) -> str:
    """Return the DuckDB SQL that means what this Trino query means.

    Raises:
        QueryFailedError: It uses something that cannot be said in DuckDB's SQL.
    """
    root = expression.copy()
    for node in reversed(list(root.walk())):  # children before their parents
        change = _REWRITES.get(type(node))
        if change is None:
            continue
        mended = change(node)
        if node is root:
            root = mended
        elif mended is not node:
            node.replace(mended)
    try:
        return str(root.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE))
    except UnsupportedError as error:
        raise not_performed(f"this ({error})") from error


def _type_is_known(node: exp.Expression) -> bool:
    """Whether DuckDB can choose a macro's overload by this argument's type."""
    return node.find(exp.AggFunc, exp.Window, exp.Subquery, exp.Lambda) is None


def _call(name: str, *arguments: exp.Expression | str) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _anonymous(node: exp.Expression) -> exp.Expression:
    name = str(node.this).lower()
    arguments = node.expressions
    if name in {"at_timezone", "with_timezone"}:
        return _zoned(arguments[0], arguments[1], naive=name == "with_timezone")
    if name in {"any_match", "all_match", "none_match"}:
        return _match(name, arguments)
    if name == "format_datetime":
        return _call("strftime", arguments[0], exp.Literal.string(_joda(arguments[1])))
    if name == "histogram" and (buckets := _buckets(arguments)):
        return _call("trino_bucket_histogram", *buckets)
    if name == "millisecond":
        return exp.paren(_call("millisecond", *arguments)) % 1000
    return _call(RENAMED[name], *arguments) if name in RENAMED else node


def _zoned(value: exp.Expression, zone: exp.Expression, *, naive: bool) -> exp.Expression:
    # DuckDB has no value that carries its zone, so a zoned timestamp becomes local wall time.
    target = "TIMESTAMP" if naive else "TIMESTAMPTZ"
    return _call("timezone", zone, exp.cast(value, target, dialect="duckdb"))


def _match(name: str, arguments: list[exp.Expression]) -> exp.Expression:
    verdicts = _call("list_transform", *arguments)
    if name == "all_match":
        return exp.func("coalesce", _call("list_bool_and", verdicts), exp.true())
    found = exp.func("coalesce", _call("list_bool_or", verdicts), exp.false())
    return exp.Not(this=found) if name == "none_match" else found


def _buckets(arguments: list[exp.Expression]) -> tuple[exp.Expression, exp.Expression] | None:
    """Return operand and bins of histogram(width_bucket(operand, bins)), if it is that."""
    (only,) = arguments if len(arguments) == 1 else (None,)
    if isinstance(only, exp.WidthBucket) and only.args.get("max_value") is None:
        return only.this, only.args["min_value"]
    return None


def _joda(pattern: exp.Expression) -> str:
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        raise not_performed("format_datetime with a computed pattern")
    rest, out = str(pattern.this), ""
    while rest:
        known = next(((joda, ours) for joda, ours in _JODA if rest.startswith(joda)), None)
        if known:
            out, rest = out + known[1], rest[len(known[0]) :]
        elif rest[0] == "'" and "'" in rest[1:]:
            literal, rest = rest[1:].split("'", maxsplit=1)
            out += literal.replace("%", "%%")
        elif rest[0].isalpha():
            raise not_performed(f"the letter '{rest[0]}' in a format_datetime pattern")
        else:
            out, rest = out + rest[0].replace("%", "%%"), rest[1:]
    return out


def _shifted(value: exp.Expression, interval: exp.Expression) -> exp.Expression:
    if _type_is_known(value):
        return _call("trino_add", value, interval)
    return exp.paren(exp.Add(this=value, expression=interval))


def _date_add(node: exp.Expression) -> exp.Expression:
    interval = exp.Interval(this=exp.paren(node.expression), unit=node.args.get("unit"))
    return _shifted(node.this, interval)


def _add(node: exp.Expression) -> exp.Expression:
    if isinstance(node.expression, exp.Interval):
        return _shifted(node.this, node.expression)
    if isinstance(node.this, exp.Interval):
        return _shifted(node.expression, node.this)
    return node


def _subtract(node: exp.Expression) -> exp.Expression:
    if isinstance(node.expression, exp.Interval):
        return _shifted(node.this, exp.Neg(this=node.expression))
    return node


def _cast(node: exp.Expression) -> exp.Expression:
    target = with_precision(node.args["to"], _precision_of(node.this))
    node.set("to", target)
    if isinstance(node.this, exp.Null):
        return node
    if target.this in exp.DataType.INTEGER_TYPES:
        return type(node)(this=_rounded(node.this), to=target)
    if target.this == exp.DataType.Type.TIMESTAMP:
        return type(node)(this=node.this, to=exp.DataType.build("TIMESTAMP", dialect="duckdb"))
    is_text = target.this in (exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT)
    return _cast_to_text(node, target) if is_text and not isinstance(node, exp.TryCast) else node


def _precision_of(value: exp.Expression) -> tuple[int, int]:
    """Return what a bare DECIMAL means: of DECIMAL '1.50' its own digits, else (38, 0)."""
    found = _DECIMAL.fullmatch(value.name) if isinstance(value, exp.Literal) else None
    if found is None or not value.args.get("is_string"):
        return _TRINO_DECIMAL
    scale = len(found[2] or "")
    return max(len(found[1].lstrip("0")) + scale, 1), scale


def _cast_to_text(node: exp.Expression, target: exp.DataType) -> exp.Expression:
    text = _call("trino_varchar", node.this)
    return _call("left", text, target.expressions[0].this) if target.expressions else text


def _rounded(value: exp.Expression) -> exp.Expression:
    if _type_is_known(value):
        return _call("trino_whole", value)
    numeric = isinstance(value, (exp.Sum, exp.Avg, exp.Div, exp.Mul))
    return _call("round", value) if numeric else value


def _extract(node: exp.Expression) -> exp.Expression:
    part = node.this.name.upper()
    node.set("this", exp.var(_EXTRACT.get(part, part)))
    return node


def _regexp_extract(node: exp.Expression) -> exp.Expression:
    group = node.args.get("group") or exp.Literal.number(0)
    return _call("trino_regexp_extract", node.this, node.expression, group)


def _divide(node: exp.Expression) -> exp.Expression:
    if node.meta.get(FLOATING):
        return _call("trino_divide", node.this, node.expression)
    node.set("typed", False)  # SET integer_division says what / means, sqlglot need not
    return node


def _date_trunc(node: exp.Expression) -> exp.Expression:
    unit = exp.Literal.string(node.args["unit"].name.lower())
    return _call("trino_trunc" if _type_is_known(node.this) else "date_trunc", unit, node.this)


_REWRITES: dict[type, Callable[[exp.Expression], exp.Expression]] = {
    exp.Anonymous: _anonymous,
    exp.AtTimeZone: lambda node: _zoned(node.this, node.args["zone"], naive=False),
    exp.DateAdd: _date_add,
    exp.Add: _add,
    exp.Sub: _subtract,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Extract: _extract,
    exp.RegexpExtract: _regexp_extract,
    exp.Div: _divide,
    # date_diff counts whole units elapsed in Trino, boundaries crossed in DuckDB.
    exp.DateDiff: lambda node: _call(
        "date_sub", exp.Literal.string(node.args["unit"].name.lower()), node.expression, node.this
    ),
    exp.DateTrunc: _date_trunc,
    exp.TimestampTrunc: _date_trunc,
    exp.GenerateSeries: lambda node: _call(
        "trino_sequence",
        *(node.args[key] for key in ("start", "end", "step") if node.args.get(key)),
    ),
    # Exact answers keep the approximate functions' promise and are the same on every run.
    exp.ApproxDistinct: lambda node: exp.Count(this=exp.Distinct(expressions=[node.this])),
    exp.ApproxQuantile: lambda node: _call("quantile_disc", node.this, node.args["quantile"]),
}
