"""Counting a use case's watched columns: a new baseline, or days against a frozen one.

Composes profile_sql's statements; the caller hands in `select`, which runs one and gives its rows.
A column is called "<table>.<column>", so that one report covers every table. A window is the merge
of its days: whoever keeps the days (sensors/day_profiles.py) counts each of them once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any

from decisions.baseline import (
    Baseline,
    CategoricalBaseline,
    CategoricalCounts,
    NumericBaseline,
    NumericCounts,
    Profile,
)
from decisions.dependence import design_effects
from usecases import profile_rows, profile_sql
from usecases.point_in_time import Table
from usecases.profile_sql import Days, Watched

if TYPE_CHECKING:
    from usecases.declaration import UseCase

Select = Callable[[str], list[dict[str, Any]]]
"""Runs a query and gives its rows."""
Counts = NumericCounts | CategoricalCounts
Frozen = Mapping[str, NumericBaseline | CategoricalBaseline]

#: Bytes of frozen bins in one statement; Athena takes 262,144 of SQL in all.
_STATEMENT_BYTES = 180_000
_EDGE_BYTES = 24
#: Columns whose quantiles one statement asks for: an engine that sorts holds all of their values.
_QUANTILE_COLUMNS = 5
#: Columns counted by value in one statement: GROUPING gives each a bit of an integer.
_NAMED_COLUMNS = 30


def measure_baseline(
    use_case: UseCase,
    first: date,
    last: date,
    select: Select,
    *,
    top: int = profile_sql.TOP_VALUES,
) -> Baseline:
    """Count the days from first through last, both included, and freeze the bins.

    Args:
        use_case: Whose monitor.
        first: First day.
        last: Last day.
        select: Runs a query.
        top: Values to keep of each column that is counted by value.
    """
    wanted = _span(first, last)
    whole: dict[str, NumericBaseline | CategoricalBaseline] = {}
    weekdays: dict[int, dict[str, Counts]] = {weekday: {} for weekday in range(7)}
    effects: dict[str, float] = {}
    for table, columns in watched(use_case).items():
        days = _days(use_case, table, wanted)
        frozen = freeze_bins(days, columns, select, top)
        by_day = count_days(days, columns, frozen, select)
        for weekday in range(7):
            some = [by_day[day] for day in wanted if day.weekday() == weekday]
            if some:
                weekdays[weekday] |= _named(table, merged(some).features)
        for name, counts in merged(by_day.values()).features.items():
            whole[f"{table}.{name}"] = _freeze(frozen[name], counts)
        measured = design_effects(frozen, [by_day[day] for day in wanted])
        effects |= {f"{table}.{name}": effect for name, effect in measured.items()}
    start, end = bounds(wanted)
    return Baseline(
        features=whole,
        window_from=start,
        window_through=end,
        by_weekday={weekday: found for weekday, found in weekdays.items() if found},
        design_effects=effects,
    )


def measure_days(
    use_case: UseCase,
    baseline: Baseline,
    table: str,
    wanted: Sequence[date],
    select: Select,
    *,
    columns: Sequence[Watched] | None = None,
) -> dict[date, Profile]:
    """Count some days of one table against the baseline's bins, all days in one statement.

    Args:
        use_case: Whose monitor.
        baseline: What the champion was trained on.
        table: Which table; its columns are named "<table>.<column>" in the profiles.
        wanted: The days, at least one; a day without rows is counted as empty.
        select: Runs a query.
        columns: What to count; by default all that is watched.
    """
    chosen = watched(use_case)[table] if columns is None else columns
    frozen = bins_of(baseline, table, chosen)
    found = count_days(_days(use_case, table, wanted), chosen, frozen, select)
    return {
        day: each.model_copy(
            update={
                "features": _named(table, each.features),
                "weekdays": _named(table, each.weekdays),
            }
        )
        for day, each in found.items()
    }


def measure_window(
    use_case: UseCase, baseline: Baseline, wanted: Sequence[date], select: Select
) -> Profile:
    """Count a window of days of every table at once, keeping none of them."""
    profiles = [
        profile
        for table in watched(use_case)
        for profile in measure_days(use_case, baseline, table, wanted, select).values()
    ]
    return window_of(profiles, wanted)


def window_of(profiles: Iterable[Profile], wanted: Sequence[date]) -> Profile:
    """Merge days into the window that they belong to, whose first and last day may have no rows."""
    start, end = bounds(wanted)
    return merged([*profiles, Profile(features={}, window_from=start, window_through=end)])


def bins_of(baseline: Baseline, table: str, columns: Iterable[Watched]) -> Frozen:
    """Give the bins to count some columns of a table against, by column.

    A column that the baseline does not have, or has in another kind, is counted without any: the
    judge then sees that it is there, and says why it cannot be compared.
    """
    found = {}
    for each in columns:
        bins = baseline.features.get(f"{table}.{each.name}")
        fits = bins is not None and isinstance(bins, CategoricalBaseline) is each.by_value
        found[each.name] = bins if bins is not None and fits else _no_bins(each)
    return found


def watched(use_case: UseCase) -> dict[str, tuple[Watched, ...]]:
    """Give the columns of the monitor by table."""
    return {
        name: tuple(
            Watched(column, kind, use_case.sources.tables[name].columns[column])
            for column, kind in columns.items()
        )
        for name, columns in use_case.monitors.drift.tables.items()
    }


def merged(profiles: Iterable[Profile]) -> Profile:
    """Merge profiles, at least one; the order does not matter.

    Raises:
        ValueError: If a column has another kind or another number of bins in some of them.
    """
    return reduce(Profile.merge, profiles)


def bounds(wanted: Sequence[date]) -> tuple[datetime, datetime]:
    """Give the first moment of the first day, and the first that is after the last day."""
    end = max(wanted) + timedelta(days=1)
    return datetime.combine(min(wanted), time.min), datetime.combine(end, time.min)


def count_days(
    days: Days, columns: Sequence[Watched], frozen: Frozen, select: Select
) -> dict[date, Profile]:
    """Count every wanted day; features are named by column."""
    edges = {name: one.edges for name, one in frozen.items() if isinstance(one, NumericBaseline)}
    kept = {
        name: tuple(one.values)
        for name, one in frozen.items()
        if isinstance(one, CategoricalBaseline)
    }
    found: dict[date, dict[str, Counts]] = defaultdict(dict)
    for some in _batches(columns, frozen):
        rows = select(profile_sql.counts_sql(days, some, edges, kept))
        counted = dict(profile_rows.counts_from(row, some, edges, kept) for row in rows)
        nothing = profile_rows.nothing(some, edges, kept)
        for day in days.days:
            found[day] |= counted.get(day, nothing)
    return {day: _profile(day, found[day]) for day in days.days}


def freeze_bins(days: Days, columns: Sequence[Watched], select: Select, top: int) -> Frozen:
    """Freeze the bins of columns; their counts are still none."""
    found: dict[str, NumericBaseline | CategoricalBaseline] = {}
    for some in _surveyed(columns):
        (row,) = select(profile_sql.survey_sql(days, some, top))
        for name, edges in profile_rows.edges_from(row, some).items():
            zeros = (0,) * (len(edges) + 1)
            found[name] = NumericBaseline(counts=zeros, missing=0, rows=0, edges=edges)
        for name, kept in profile_rows.kept_from(row, some).items():
            values = dict.fromkeys(kept, 0)
            found[name] = CategoricalBaseline(values=values, other=0, missing=0, rows=0)
    return found


def _surveyed(columns: Sequence[Watched]) -> Iterator[tuple[Watched, ...]]:
    """Cut the columns into statements, each with some of either kind."""
    binned = [each for each in columns if not each.by_value]
    named = [each for each in columns if each.by_value]
    for at in range(max(len(binned), len(named))):
        some = (
            *binned[at * _QUANTILE_COLUMNS : (at + 1) * _QUANTILE_COLUMNS],
            *named[at * _NAMED_COLUMNS : (at + 1) * _NAMED_COLUMNS],
        )
        if some:
            yield some


def _freeze(
    bins: NumericBaseline | CategoricalBaseline, counts: Counts
) -> NumericBaseline | CategoricalBaseline:
    if isinstance(bins, NumericBaseline):
        return NumericBaseline(**counts.model_dump(), edges=bins.edges)
    return CategoricalBaseline(**counts.model_dump())


def _batches(columns: Sequence[Watched], frozen: Frozen) -> Iterator[tuple[Watched, ...]]:
    """Cut the columns into as few statements as Athena's limits allow."""
    some: list[Watched] = []
    spent = named = 0
    for each in columns:
        size = _size(frozen[each.name])
        full = spent + size > _STATEMENT_BYTES or named + each.by_value > _NAMED_COLUMNS
        if some and full:
            yield tuple(some)
            some, spent, named = [], 0, 0
        some.append(each)
        spent, named = spent + size, named + each.by_value
    if some:
        yield tuple(some)


def _size(bins: NumericBaseline | CategoricalBaseline) -> int:
    if isinstance(bins, NumericBaseline):
        return _EDGE_BYTES * len(bins.edges)
    return sum(len(value.encode()) + 8 for value in bins.values)


def _no_bins(column: Watched) -> NumericBaseline | CategoricalBaseline:
    if column.by_value:
        return CategoricalBaseline(values={}, other=0, missing=0, rows=0)
    return NumericBaseline(counts=(0,), missing=0, rows=0, edges=())


def _profile(day: date, features: dict[str, Counts]) -> Profile:
    start, end = bounds([day])
    weekdays = {
        name: tuple(counts.rows if at == day.weekday() else 0 for at in range(7))
        for name, counts in features.items()
    }
    return Profile(features=features, window_from=start, window_through=end, weekdays=weekdays)


def _named(table: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{table}.{name}": each for name, each in found.items()}


def _days(use_case: UseCase, table: str, wanted: Sequence[date]) -> Days:
    key = use_case.sources.tables[table].partition_key
    if key is None:
        raise ValueError(f"{use_case.name}: {table} has no partition_key to choose days by")
    return Days(Table(use_case.sources.database, table), key, tuple(wanted))


def _span(first: date, last: date) -> tuple[date, ...]:
    return tuple(first + timedelta(days=at) for at in range((last - first).days + 1))
