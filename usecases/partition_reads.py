"""Which daily partitions of each raw table a day of a dataset is made from, read from its SQL.

The SQL filters a table's partition key by the window (``dt BETWEEN ... :window_start ...``). Those
bounds are worked out for single days, and the distance to the day is the table's reach. A table
that is not filtered by its partition key is read whole. What is done with a reach belongs to
decisions/partitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from usecases.sql import SqlError, parse
from usecases.time_arithmetic import NotATimeError, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DAY = timedelta(days=1)
#: The end of a month, of February and of a year: a bound that is no fixed distance shows here.
_PROBES = (date(2013, 1, 31), date(2012, 2, 29), date(2013, 7, 4))
_LOWER = {exp.GTE: 0, exp.GT: 1}
_UPPER = {exp.LTE: 0, exp.LT: -1}
_MIRRORED = {exp.GTE: exp.LTE, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.LT: exp.GT}


@dataclass(frozen=True, slots=True)
class Reach:
    """The partitions that day 0 is made from: from ``first`` days to ``last`` days, both included.

    Raises:
        ValueError: ``first`` lies after ``last``.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"a reach from day {self.first:+d} to day {self.last:+d} is empty")

    def days(self, day: date) -> tuple[date, ...]:
        """Return the partitions that a day is made from."""
        return tuple(day + _DAY * n for n in range(self.first, self.last + 1))

    def __or__(self, other: Reach) -> Reach:
        """Return the reach that holds both."""
        return Reach(min(self.first, other.first), max(self.last, other.last))


def reaches(text: str, partition_keys: Mapping[str, str | None]) -> dict[str, Reach | None]:
    """Return each table's reach; None for one that is read whole.

    Args:
        text: A dataset's query.
        partition_keys: The daily partition key by table; None for a table without one.

    Raises:
        SqlError: A bound on a partition key is no fixed number of days away from the window.
    """
    found: dict[str, Reach | None] = {}
    for scope, table in _scans(parse(text)):
        key = partition_keys.get(table.name)
        reach = _reach(text, scope, table, key) if key else None
        if table.name not in found:
            found[table.name] = reach
        else:
            known = found[table.name]
            found[table.name] = None if known is None or reach is None else known | reach
    return found


def _scans(query: Any) -> Iterator[tuple[exp.Select, exp.Table]]:
    """Yield each table that is read, with the SELECT that reads it."""
    own = {cte.alias for cte in query.find_all(exp.CTE)}
    for select in query.find_all(exp.Select):
        sources = [select.args.get("from_") or select.args.get("from")]
        sources += select.args.get("joins") or []
        for source in sources:
            if source is not None and isinstance(source.this, exp.Table):
                table = source.this
                if table.db or table.name not in own:
                    yield select, table


def _reach(text: str, select: exp.Select, table: exp.Table, key: str) -> Reach | None:
    lower: list[int] = []
    upper: list[int] = []
    for condition in _conditions(select):
        bounds = _bounds(text, condition, table, key)
        lower += bounds[0]
        upper += bounds[1]
    if not lower or not upper:
        return None
    first, last = max(lower), min(upper)
    if first > last:
        raise SqlError(
            f"the filter on {table.name}.{key} lets no partition through",
            expected="a lower bound that is not above the upper one",
        )
    return Reach(first, last)


def _conditions(select: exp.Select) -> Iterator[exp.Expression]:
    where = select.args.get("where")
    parts = [where.this] if where is not None else []
    while parts:
        part = parts.pop()
        if isinstance(part, exp.Paren):
            parts.append(part.this)
        elif isinstance(part, exp.And):
            parts += [part.left, part.right]
        else:
            yield part


def _bounds(
    text: str, condition: exp.Expression, table: exp.Table, key: str
) -> tuple[list[int], list[int]]:
    """Return the lower and upper bounds, in days, that a condition sets on the partition key."""
    if isinstance(condition, exp.Between) and _is_key(condition.this, table, key):
        low, high = condition.args["low"], condition.args["high"]
        return [_distance(text, low, 0)], [_distance(text, high, 0)]
    if isinstance(condition, exp.EQ):
        for this, other in ((condition.left, condition.right), (condition.right, condition.left)):
            if _is_key(this, table, key):
                days = _distance(text, other, 0)
                return [days], [days]
    for kind, mirrored in _MIRRORED.items():
        if type(condition) is kind:
            if _is_key(condition.left, table, key):
                return _one_sided(text, kind, condition.right)
            if _is_key(condition.right, table, key):
                return _one_sided(text, mirrored, condition.left)
    return [], []


def _one_sided(text: str, kind: Any, bound: exp.Expression) -> tuple[list[int], list[int]]:
    if kind in _LOWER:
        return [_distance(text, bound, _LOWER[kind])], []
    return [], [_distance(text, bound, _UPPER[kind])]


def _is_key(node: exp.Expression, table: exp.Table, key: str) -> bool:
    named = isinstance(node, exp.Column) and node.name == key
    return named and node.table in ("", table.alias_or_name)


def _distance(text: str, bound: exp.Expression, shift: int) -> int:
    """Return how many days a bound lies from the day that is made, the same for every day.

    Raises:
        SqlError: It is not the same, or not a day.
    """
    distances = set()
    for day in _PROBES:
        start = datetime.combine(day, time())
        window = {"window_start": start, "window_end": start + _DAY, "as_of": start + _DAY}
        try:
            distances.add((_as_day(value_of(bound, window)) - day).days)
        except NotATimeError as error:
            raise _not_fixed(text, bound, f"cannot be worked out: {error}") from error
    if len(distances) > 1:
        raise _not_fixed(text, bound, f"lies {sorted(distances)} days away")
    return distances.pop() + shift


def _as_day(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise NotATimeError(f"it gives {value!r}, no day") from error


def _not_fixed(text: str, bound: exp.Expression, why: str) -> SqlError:
    written = bound.sql(dialect="athena")
    return SqlError(
        f"the bound {written} on a partition key {why}",
        expected="a bound a fixed number of days from :window_start or :window_end",
        line=next((n for n, each in enumerate(text.splitlines(), 1) if "window_" in each), 1),
    )
