"""The SQL that counts a window of a raw table for drift, and the reading of its result rows.

Three queries, each one pass, in plain Trino SQL: quantiles (the edges of a new baseline), bins
(numeric columns counted against frozen edges) and values (categorical columns). profiling.py says
when each is run; how far two counts are apart belongs to decisions/drift.

NaN counts as missing: Parquet written from pandas may hold it where a null is meant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from decisions.baseline import CategoricalCounts, NumericCounts
from usecases.sql import DIALECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from usecases.point_in_time import Table

QUANTILES = tuple(tenth / 10 for tenth in range(1, 10))
"""Deciles: ten bins, the usual number for PSI."""
TOP_VALUES = 50
"""Values of a categorical column that a baseline keeps; the rest are counted together."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Days:
    """The daily partitions of a table from first through last, both included."""

    table: Table
    partition_key: str
    first: date
    last: date


def quantiles_sql(days: Days, columns: Sequence[str], *, dialect: str = DIALECT) -> str:
    """Write the query for the deciles of numeric columns: one row, c0_q0, c0_q1, ..."""
    chosen = [
        exp.alias_(
            exp.ApproxQuantile(this=_inner(place), quantile=exp.Literal.number(quantile)),
            f"c{place}_q{step}",
            quoted=True,
        )
        for place in range(len(columns))
        for step, quantile in enumerate(QUANTILES)
    ]
    return str(exp.select(*chosen).from_(_numbers(days, columns)).sql(dialect=dialect, pretty=True))


def edges_from(row: Row, columns: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Read the edges of each column from the quantiles' row.

    Equal deciles (a value that many rows share) make one edge. A constant column gets a second edge
    just below its value, so that a shift to either side leaves its bin. A column with no value at
    all has no edges: its one bin stays empty.
    """
    return {
        column: _edges([row.get(f"c{place}_q{step}") for step in range(len(QUANTILES))])
        for place, column in enumerate(columns)
    }


def bins_sql(days: Days, edges: Mapping[str, Sequence[float]], *, dialect: str = DIALECT) -> str:
    """Write the query that counts numeric columns into frozen bins: one row."""
    chosen = [exp.alias_(exp.Count(this=exp.Star()), "n", quoted=True)]
    for place, column in enumerate(edges):
        inner = _inner(place)
        chosen.append(_count(inner.is_(exp.null()), f"c{place}_missing"))
        chosen.extend(
            _count(condition, f"c{place}_b{step}")
            for step, condition in enumerate(_bins(place, edges[column]))
        )
    source = _numbers(days, list(edges))
    return str(exp.select(*chosen).from_(source).sql(dialect=dialect, pretty=True))


def numbers_from(row: Row, edges: Mapping[str, Sequence[float]]) -> dict[str, NumericCounts]:
    """Read the counts of each numeric column from the bins' row."""
    return {
        column: NumericCounts(
            counts=tuple(int(row[f"c{place}_b{step}"]) for step in range(len(edges[column]) + 1)),
            missing=int(row[f"c{place}_missing"]),
            rows=int(row["n"]),
        )
        for place, column in enumerate(edges)
    }


def values_sql(
    days: Days, columns: Mapping[str, Sequence[str] | None], *, dialect: str = DIALECT
) -> str:
    """Write the query that counts categorical columns: rows (place, value, missing, n).

    Args:
        days: What to count.
        columns: Frozen values by column; None keeps the TOP_VALUES most frequent. At least one.
        dialect: Any that sqlglot writes.

    Raises:
        ValueError: If there is no column.
    """
    if not columns:
        raise ValueError("values_sql needs at least one column")
    parts = [
        _value_counts(days, place, column, kept)
        for place, (column, kept) in enumerate(columns.items())
    ]
    query = parts[0]
    for part in parts[1:]:
        query = query.union(part, distinct=False)
    return str(query.sql(dialect=dialect, pretty=True))


def categories_from(rows: Iterable[Row], columns: Sequence[str]) -> dict[str, CategoricalCounts]:
    """Read the counts of each categorical column; a null value that is not missing is `other`."""
    values: dict[str, dict[str, int]] = {column: {} for column in columns}
    other = dict.fromkeys(columns, 0)
    missing = dict.fromkeys(columns, 0)
    for row in rows:
        column, count = columns[int(row["place"])], int(row["n"])
        if int(row["missing"]):
            missing[column] += count
        elif row["value"] is None:
            other[column] += count
        else:
            values[column][str(row["value"])] = count
    return {
        column: CategoricalCounts(
            values=values[column],
            other=other[column],
            missing=missing[column],
            rows=sum(values[column].values()) + other[column] + missing[column],
        )
        for column in columns
    }


def _edges(quantiles: list[Any]) -> tuple[float, ...]:
    found = sorted({float(value) for value in quantiles if value is not None})
    if len(found) == 1:
        return (math.nextafter(found[0], -math.inf), found[0])
    return tuple(found)


def _bins(place: int, edges: Sequence[float]) -> list[Any]:
    """Give one condition per bin; see decisions/baseline for what belongs to which."""
    inner = _inner(place)
    if not edges:
        return [inner.is_(exp.null()).not_()]
    between = [
        exp.and_(inner > _number(low), inner <= _number(high)) for low, high in pairwise(edges)
    ]
    return [inner <= _number(edges[0]), *between, inner > _number(edges[-1])]


def _numbers(days: Days, columns: Sequence[str]) -> Any:
    """Give the numeric columns as doubles named c0, c1, ..., NaN made null."""
    chosen = []
    for place, column in enumerate(columns):
        value = exp.cast(_column(column), exp.DataType.Type.DOUBLE)
        clean = exp.Case().when(exp.IsNan(this=value).not_(), value.copy())
        chosen.append(exp.alias_(clean, f"c{place}", quoted=True))
    return _selected(days, chosen or [exp.alias_(exp.null(), "nothing")]).subquery("numbers")


def _value_counts(days: Days, place: int, column: str, kept: Sequence[str] | None) -> Any:
    """Count the values of one column; those not kept, and missing ones, have a null value."""
    value = exp.cast(_column(column), exp.DataType.Type.VARCHAR)
    counted = (
        _selected(days, [exp.alias_(value, "v", quoted=True)])
        .select(exp.alias_(exp.Count(this=exp.Star()), "n", quoted=True))
        .group_by(value.copy())
    )
    rank = exp.Window(
        this=exp.RowNumber(),
        order=exp.Order(
            expressions=[
                exp.Ordered(this=_column("n"), desc=True),
                exp.Ordered(this=_column("v")),
            ]
        ),
    )
    ranked = exp.select(
        _column("v"), _column("n"), exp.alias_(rank, "position", quoted=True)
    ).from_(counted.subquery("counted"))
    kept_value = exp.Case().when(_kept(kept), _column("v"))
    is_missing = exp.Case().when(_column("v").is_(exp.null()), _whole(1)).else_(_whole(0))
    return (
        exp.select(
            exp.alias_(_whole(place), "place", quoted=True),
            exp.alias_(kept_value, "value", quoted=True),
            exp.alias_(is_missing, "missing", quoted=True),
            exp.alias_(exp.Sum(this=_column("n")), "n", quoted=True),
        )
        .from_(ranked.subquery("ranked"))
        .group_by(kept_value.copy(), is_missing.copy())
    )


def _kept(kept: Sequence[str] | None) -> Any:
    if kept is None:
        return _column("position") <= _whole(TOP_VALUES)
    if not kept:
        return exp.false()
    return _column("v").isin(*(exp.Literal.string(value) for value in kept))


def _selected(days: Days, chosen: Sequence[Any]) -> Any:
    key = _column(days.partition_key)
    return (
        exp.select(*chosen)
        .from_(exp.table_(days.table.name, db=days.table.database, quoted=True))
        .where(
            key >= exp.Literal.string(days.first.isoformat()),
            key <= exp.Literal.string(days.last.isoformat()),
        )
    )


def _count(condition: Any, name: str) -> Any:
    return exp.alias_(exp.Count(this=exp.Case().when(condition, _whole(1))), name, quoted=True)


def _number(value: float) -> Any:
    # By text: a plain literal would be a decimal to Trino, and lose the last bit.
    return exp.cast(exp.Literal.string(repr(float(value))), exp.DataType.Type.DOUBLE)


def _whole(value: int) -> Any:
    return exp.Literal.number(value)


def _inner(place: int) -> Any:
    return _column(f"c{place}")


def _column(name: str) -> Any:
    return exp.column(name, quoted=True)
