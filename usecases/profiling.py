"""Counting a use case's watched columns: a new baseline, or a window against a frozen one.

Composes profile_sql's queries; the caller hands in `select`, which runs one and gives its rows. A
column is called "<table>.<column>" in the baseline, so that one report covers every table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from decisions.baseline import (
    Baseline,
    CategoricalBaseline,
    CategoricalCounts,
    NumericBaseline,
    NumericCounts,
    Profile,
)
from usecases import profile_sql
from usecases.point_in_time import Table
from usecases.profile_sql import Days

if TYPE_CHECKING:
    from usecases.declaration import UseCase

Select = Callable[[str], list[dict[str, Any]]]
"""Runs a query and gives its rows."""


def measure_baseline(use_case: UseCase, first: date, last: date, select: Select) -> Baseline:
    """Count the days from first through last, both included, and freeze the bins."""
    features: dict[str, NumericBaseline | CategoricalBaseline] = {}
    for days, columns in _tables(use_case, first, last):
        numeric = [name for name, kind in columns.items() if kind == "numeric"]
        if numeric:
            row = select(profile_sql.quantiles_sql(days, numeric))[0]
            edges = profile_sql.edges_from(row, numeric)
            counted = profile_sql.numbers_from(select(profile_sql.bins_sql(days, edges))[0], edges)
            for name, counts in counted.items():
                frozen = NumericBaseline(**counts.model_dump(), edges=edges[name])
                features[f"{days.table.name}.{name}"] = frozen
        categorical = [name for name, kind in columns.items() if kind == "categorical"]
        if categorical:
            rows = select(profile_sql.values_sql(days, dict.fromkeys(categorical)))
            for name, found in profile_sql.categories_from(rows, categorical).items():
                kept = CategoricalBaseline(**found.model_dump())
                features[f"{days.table.name}.{name}"] = kept
    start, end = _bounds(first, last)
    return Baseline(features=features, window_from=start, window_through=end)


def measure_profile(
    use_case: UseCase,
    baseline: Baseline,
    last: date,
    select: Select,
    *,
    present: Mapping[str, Collection[str]] | None = None,
) -> Profile:
    """Count the monitor's window that ends with the day last, against the baseline's bins.

    Args:
        use_case: Whose monitor.
        baseline: What the champion was trained on.
        last: Last day of the window.
        select: Runs a query.
        present: Columns by table, as Glue has them; a column that is gone is left out, and the
            judge then says so, instead of a query that fails.
    """
    first = last - use_case.monitors.drift.window + timedelta(days=1)
    features: dict[str, NumericCounts | CategoricalCounts] = {}
    for days, columns in _tables(use_case, first, last):
        table = days.table.name
        there = columns if present is None else present.get(table, ())
        frozen = {
            name: baseline.features[f"{table}.{name}"]
            for name in columns
            if name in there and f"{table}.{name}" in baseline.features
        }
        for name, counts in _count(days, frozen, select):
            features[f"{table}.{name}"] = counts
    start, end = _bounds(first, last)
    return Profile(features=features, window_from=start, window_through=end)


def _count(
    days: Days, frozen: Mapping[str, NumericBaseline | CategoricalBaseline], select: Select
) -> Iterator[tuple[str, NumericCounts | CategoricalCounts]]:
    edges = {name: one.edges for name, one in frozen.items() if isinstance(one, NumericBaseline)}
    if edges:
        row = select(profile_sql.bins_sql(days, edges))[0]
        yield from profile_sql.numbers_from(row, edges).items()
    kept = {
        name: tuple(one.values)
        for name, one in frozen.items()
        if isinstance(one, CategoricalBaseline)
    }
    if kept:
        rows = select(profile_sql.values_sql(days, kept))
        yield from profile_sql.categories_from(rows, list(kept)).items()


def _tables(use_case: UseCase, first: date, last: date) -> Iterator[tuple[Days, Mapping[str, str]]]:
    for name, columns in use_case.monitors.drift.tables.items():
        key = use_case.sources.tables[name].partition_key
        if key is None:
            raise ValueError(f"{use_case.name}: {name} has no partition_key to choose days by")
        yield Days(Table(use_case.sources.database, name), key, first, last), columns


def _bounds(first: date, last: date) -> tuple[datetime, datetime]:
    return datetime.combine(first, time.min), datetime.combine(last + timedelta(days=1), time.min)
