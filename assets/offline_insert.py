"""The INSERT that fills an offline table, and how its rows fall into partitions.

Which rows lack is feature_sql.py's; running it belongs to backfill.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from assets.feature_sql import iso_text, unwritten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assets.feature_sql import Scope

_DIALECT = "athena"
_PARTS = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H"}


def by_partition(scope: Scope, *, hourly: bool) -> exp.Select:
    """Return ``at``, when each of the offline table's partitions begins that would get rows."""
    unit = "hour" if hourly else "day"
    moment = exp.column(scope.event_time, table="u", quoted=True)
    begins = exp.func("date_trunc", exp.Literal.string(unit), moment, dialect=_DIALECT)
    at = exp.column("at", quoted=True)
    inner = exp.select(exp.alias_(begins, "at", quoted=True)).from_(unwritten(scope).subquery("u"))
    return exp.select(at).from_(inner.subquery("p")).group_by(at.copy()).order_by(at.copy())


def insert(scope: Scope, columns: Mapping[str, str]) -> str:
    """Return an INSERT of the unwritten rows into the offline table.

    The columns that Feature Store appends get what its Spark connector gives them: the time of
    writing for ``write_time`` and ``api_invocation_time``, false for ``is_deleted``, and the
    event time's parts where the table is partitioned by them.

    Args:
        scope: What to insert.
        columns: The offline table's columns with their Glue types, partition keys last.
    """
    values = [
        exp.alias_(_cast(_value(scope, name), kind), name, quoted=True)
        for name, kind in columns.items()
    ]
    query = exp.select(*values).from_(unwritten(scope).subquery("u"))
    into = exp.Schema(this=scope.offline.copy(),
                      expressions=[exp.to_identifier(n, quoted=True) for n in columns])  # fmt: skip
    return str(exp.Insert(this=into, expression=query).sql(_DIALECT))


def _value(scope: Scope, name: str) -> exp.Expression:
    if name == scope.event_time:
        return iso_text(exp.column(name, table="u", quoted=True))
    if name in scope.columns:
        return exp.column(name, table="u", quoted=True)
    if name in ("write_time", "api_invocation_time"):
        return exp.AtTimeZone(this=exp.CurrentTimestamp(), zone=exp.Literal.string("UTC"))
    if name == "is_deleted":
        return exp.false()
    if name in _PARTS:
        pattern = exp.Literal.string(_PARTS[name])
        return exp.func(
            "date_format",
            exp.column(scope.event_time, table="u", quoted=True),
            pattern,
            dialect=_DIALECT,
        )
    return exp.Null()


def _cast(value: exp.Expression, glue_type: str) -> exp.Expression:
    kind = exp.DataType.build("varchar" if glue_type == "string" else glue_type, dialect=_DIALECT)
    return exp.Cast(this=value, to=kind)
