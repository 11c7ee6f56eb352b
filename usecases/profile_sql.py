"""The SQL that counts a table's days for drift: plain Trino, one pass, one row a day.

Two statements: `survey_sql` (quantiles and commonest values, of which a new baseline freezes its
bins) and `counts_sql` (every watched column of every wanted day against frozen bins). Reading their
rows belongs to profile_rows.py, when they are run to profiling.py, how far two counts are apart to
decisions/drift.

Frozen edges and values travel as one JSON text a column: a literal for each of some thousand edges
would take the parsers longer than the count takes, and Athena takes at most 256 KiB of SQL.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal

from sqlglot import exp

from usecases.sql import DIALECT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from usecases.point_in_time import Table

BINS = 256
"""Quantile bins. With so many, what KS misses inside of a bin is below 1/256 (docs/drift)."""
_TAILS = tuple(0.5**power for power in range(9, 15))
QUANTILES = tuple(
    sorted({*(k / BINS for k in range(1, BINS)), *_TAILS, *(1.0 - tail for tail in _TAILS)})
)
"""Where the edges of a new baseline lie; closer together in the tails, whose bins are wide."""
TOP_VALUES = 50
"""Values of a categorical column that a baseline keeps unless more are asked for."""
MOST_VALUES = 1000
"""Values that a baseline keeps at most, however many are asked for."""
LONGEST_VALUE = 256
"""Characters of a value that is kept, at most; a longer one counts among the others."""

Kind = Literal["numeric", "categorical", "boolean", "timestamp", "text_length"]
_AS_VALUES = frozenset({"categorical", "boolean"})
_ALWAYS_FINITE = frozenset({"bigint", "int", "timestamp", "date", "string"})


@dataclass(frozen=True, slots=True)
class Watched:
    """A column and what is counted of it.

    Attributes:
        name: Of the column.
        kind: "numeric", "timestamp" (its epoch seconds) and "text_length" (its characters) fall
            into bins; "categorical" and "boolean" are counted by value.
        type: The column's Glue type; only a double can hold NaN and infinities.
    """

    name: str
    kind: Kind
    type: str = "double"

    @property
    def by_value(self) -> bool:
        """Say whether it is counted by value, and not in bins."""
        return self.kind in _AS_VALUES


@dataclass(frozen=True, slots=True)
class Days:
    """Daily partitions of a table: text such as 2013-01-31 under its partition key."""

    table: Table
    partition_key: str
    days: tuple[date, ...]


def survey_sql(
    days: Days, columns: Sequence[Watched], top: int = TOP_VALUES, *, dialect: str = DIALECT
) -> str:
    """Write the query for what a baseline freezes: one row.

    Its columns: c<place>, the QUANTILES of the column at that place as a JSON array; "values", a
    JSON object of the commonest values by key (see `value_key`).
    """
    binned, named = (_places(columns, by_value=kind) for kind in (False, True))
    chosen = [
        _json(_call("APPROX_PERCENTILE", _column(f"c{place}"), _quantiles()), f"c{place}")
        for place in binned
    ]
    source = _finite(_values(days, columns, binned), columns, binned)
    query = _select(*chosen).from_(source, copy=False)
    if named:
        commonest = _commonest(days, columns, named, top)
        first = _subquery(query, "numbers") if binned else commonest
        query = _select("*").from_(first, copy=False)
        query = query.join(commonest, join_type="cross", copy=False) if binned else query
    return str(query.sql(dialect=dialect, copy=False))


def counts_sql(
    days: Days,
    columns: Sequence[Watched],
    edges: Mapping[str, Sequence[float]],
    kept: Mapping[str, Sequence[str]],
    *,
    dialect: str = DIALECT,
) -> str:
    """Write the query that counts days against frozen bins: one row for each day that has rows.

    Its columns: "day"; "n", the rows; for the column at each binned place c<place>_bins (JSON
    object: how many edges are at or above a value, to how many rows), _n (finite values), _infinite
    (of doubles), _minimum, _maximum, _total, _squares; and "values", a JSON object of rows by key.

    Args:
        days: What to count.
        columns: What to count of it; their order gives the places.
        edges: By name of a binned column; none make one bin.
        kept: Values by name of a column that is counted by value.
        dialect: Any that sqlglot writes.
    """
    binned = _places(columns, by_value=False)
    inner = _finite(_values(days, columns, binned), columns, binned)
    chosen = [_column("day"), _alias(exp.Count(this=exp.Star()), "n")]
    for place in binned:
        chosen += _number_counts(place, columns[place], edges[columns[place].name])
    numbers = _select(*chosen).from_(inner, copy=False).group_by(_column("day"), copy=False)
    named = _places(columns, by_value=True)
    if not named:
        return str(numbers.sql(dialect=dialect, copy=False))
    every = exp.Column(this=exp.Star(), table=exp.to_identifier("numbers", quoted=True))
    query = (
        _select(every, _column("values", "named"))
        .from_(_subquery(numbers, "numbers"), copy=False)
        .join(
            _subquery(_kept_counts(days, columns, named, kept), "named"),
            on=_column("day", "numbers").eq(_column("day", "named")),
            copy=False,
        )
    )
    return str(query.sql(dialect=dialect, copy=False))


def value_key(place: int, value: str | None) -> str:
    """Name a value of the column at a place, or (without one) its missing values."""
    return f"{place}" if value is None else f"{place}:{value}"


def _places(columns: Sequence[Watched], *, by_value: bool) -> list[int]:
    return [place for place, each in enumerate(columns) if each.by_value is by_value]


def _values(days: Days, columns: Sequence[Watched], places: Sequence[int]) -> Any:
    """Give the wanted days' columns as c0, c1, ..., beside their day."""
    key = _column(days.partition_key)
    first, last = min(days.days).isoformat(), max(days.days).isoformat()
    gapless = (max(days.days) - min(days.days)).days + 1 == len(days.days)
    wanted = [key >= _text(first), key <= _text(last)]
    if not gapless:
        wanted.append(key.isin(*(_text(day.isoformat()) for day in sorted(days.days))))
    return (
        _select(
            _alias(key.copy(), "day"),
            *(_alias(_value(columns[place]), f"c{place}") for place in places),
        )
        .from_(exp.table_(days.table.name, db=days.table.database, quoted=True), copy=False)
        .where(*wanted, copy=False)
    )


def _value(column: Watched) -> Any:
    """Give what is counted of a column: a double, or a text."""
    source = _column(column.name)
    if column.by_value:
        return exp.cast(source, exp.DataType.Type.VARCHAR)
    if column.kind == "timestamp":
        return _call("TO_UNIXTIME", exp.cast(source, exp.DataType.Type.TIMESTAMP))
    if column.kind == "text_length":
        source = _call("LENGTH", source)
    return exp.cast(source, exp.DataType.Type.DOUBLE)


def _finite(values: Any, columns: Sequence[Watched], places: Sequence[int]) -> Any:
    """Make NaN and infinities null, and mark the latter in i0, i1, ...; where there can be any."""
    chosen = [_column("day")]
    for place in places:
        source = _column(f"c{place}")
        if _may_be_infinite(columns[place]):
            chosen.append(_alias(_when(_call("IS_FINITE", source), source.copy()), f"c{place}"))
            infinite = _when(_call("IS_INFINITE", source.copy()), _whole(1))
            chosen.append(_alias(infinite, f"i{place}"))
        else:
            chosen.append(source)
    return _subquery(_select(*chosen).from_(_subquery(values, "raw"), copy=False), "finite")


def _may_be_infinite(column: Watched) -> bool:
    return column.kind == "numeric" and column.type not in _ALWAYS_FINITE


def _number_counts(place: int, column: Watched, edges: Sequence[float]) -> list[Any]:
    source = _column(f"c{place}")
    found = {
        "n": exp.Count(this=source),
        "minimum": exp.Min(this=source.copy()),
        "maximum": exp.Max(this=source.copy()),
        "total": exp.Sum(this=source.copy()),
        "squares": exp.Sum(this=exp.Mul(this=source.copy(), expression=source.copy())),
    }
    if _may_be_infinite(column):
        found["infinite"] = exp.Count(this=_column(f"i{place}"))
    made = [_alias(each, f"c{place}_{name}") for name, each in found.items()]
    if edges:
        # A bin is closed above and Trino's bucket below, hence the signs.
        below = [-edge for edge in reversed(edges)]
        frozen = exp.cast(_call("JSON_PARSE", _text(json.dumps(below))), "ARRAY(DOUBLE)", DIALECT)
        bucket = _call("WIDTH_BUCKET", exp.Neg(this=source.copy()), frozen)
        made.append(_json(_call("HISTOGRAM", bucket), f"c{place}_bins"))
    return made


def _quantiles() -> Any:
    return exp.Array(expressions=[exp.Literal.number(repr(each)) for each in QUANTILES])


def _grouped(days: Days, columns: Sequence[Watched], places: Sequence[int], *, by_day: bool) -> Any:
    """Count every value of every column in one scan: (day, key, length, n); or of all days."""
    names = [_column(f"c{place}") for place in places]
    day = [_column("day")] if by_day else []
    sets = [exp.Tuple(expressions=[*day, name]).copy() for name in names]
    counted = _select(
        *(each.copy() for each in (*day, *names)),
        _alias(exp.Count(this=exp.Star()), "n"),
        _alias(_call("GROUPING", *(name.copy() for name in names)), "which"),
    ).from_(_subquery(_values(days, columns, places), "raw"), copy=False)
    counted.set("group", exp.Group(grouping_sets=[exp.GroupingSets(expressions=sets)]))
    value = _call("COALESCE", *(name.copy() for name in names)) if len(names) > 1 else names[0]
    # GROUPING has a bit for each column, the first highest: 0 where it is the one grouped by.
    every = 2 ** len(places) - 1
    place = exp.Case(this=_column("which"))
    for rank, each in enumerate(places):
        place = place.when(_whole(every - 2 ** (len(places) - 1 - rank)), _text(str(each)))
    suffix = _call("COALESCE", _concat(_text(":"), value.copy()), _text(""))
    return _subquery(
        _select(
            *(each.copy() for each in day),
            _column("n"),
            _column("which"),
            _alias(value.copy(), "value"),
            _alias(_concat(place, suffix), "key"),
        ).from_(_subquery(counted, "counted"), copy=False),
        "grouped",
    )


def _commonest(days: Days, columns: Sequence[Watched], places: Sequence[int], top: int) -> Any:
    order = [exp.Ordered(this=_column("n"), desc=True), exp.Ordered(this=_column("value"))]
    rank = exp.Window(
        this=exp.RowNumber(),
        partition_by=[_column("which")],
        order=exp.Order(expressions=order),
    )
    ranked = (
        _select(_column("key"), _column("n"), _alias(rank, "position"))
        .from_(_grouped(days, columns, places, by_day=False), copy=False)
        .where(
            _column("value").is_(exp.null()).not_(),
            _call("LENGTH", _column("value")) <= _whole(LONGEST_VALUE),
            copy=False,
        )
    )
    kept = (
        _select(_map_of("n"))
        .from_(_subquery(ranked, "ranked"), copy=False)
        .where(_column("position") <= _whole(min(top, MOST_VALUES)), copy=False)
    )
    return _subquery(kept, "named")


def _kept_counts(
    days: Days,
    columns: Sequence[Watched],
    places: Sequence[int],
    kept: Mapping[str, Sequence[str]],
) -> Any:
    """Count the frozen values, and the missing ones, by day. What is not kept joins nothing."""
    keys = [
        value_key(place, value) for place in places for value in (None, *kept[columns[place].name])
    ]
    text = _text(json.dumps(keys, ensure_ascii=False))
    wanted = exp.Unnest(
        expressions=[exp.cast(_call("JSON_PARSE", text), "ARRAY(VARCHAR)", DIALECT)],
        alias=exp.TableAlias(
            this=exp.to_identifier("frozen", quoted=True),
            columns=[exp.to_identifier("key", quoted=True)],
        ),
    )
    frozen = _select(_column("key")).from_(wanted, copy=False)
    return (
        _select(_column("day", "grouped"), _map_of("n", exp.column("key", "kept", quoted=True)))
        .from_(_grouped(days, columns, places, by_day=True), copy=False)
        .join(
            _subquery(frozen, "kept"),
            on=_column("key", "kept").eq(_column("key", "grouped")),
            join_type="left",
            copy=False,
        )
        .group_by(_column("day", "grouped"), copy=False)
    )


def _map_of(count: str, key: Any = None) -> Any:
    return _json(_call("MAP_AGG", key or _column("key"), _column(count)), "values")


def _json(value: Any, name: str) -> Any:
    # Athena prints a map as {a=1}, which no value with a comma would survive.
    return _alias(_call("JSON_FORMAT", exp.cast(value, exp.DataType.Type.JSON)), name)


def _when(condition: Any, value: Any) -> Any:
    return exp.Case().when(condition, value, copy=False)


def _concat(*parts: Any) -> Any:
    return reduce(lambda one, two: exp.DPipe(this=one, expression=two), parts)


def _select(*chosen: Any) -> Any:
    # Trees are made to be written once. By default each step copies them, which took longer than
    # writing them; so a node that goes into two places is copied by hand.
    return exp.select(*chosen, copy=False)


def _subquery(query: Any, name: str) -> Any:
    alias = exp.TableAlias(this=exp.to_identifier(name, quoted=True))
    return exp.Subquery(this=query, alias=alias)


def _call(name: str, *arguments: Any) -> Any:
    return exp.func(name, *arguments, dialect=DIALECT)


def _alias(value: Any, name: str) -> Any:
    return exp.alias_(value, name, quoted=True, copy=False)


def _text(value: str) -> Any:
    return exp.Literal.string(value)


def _whole(value: int) -> Any:
    return exp.Literal.number(value)


def _column(name: str, table: str | None = None) -> Any:
    return exp.column(name, table=table, quoted=True)
