"""The watched columns of 2013, day by day, and their counts over a baseline's frozen bins.

Counts by numpy into the very shapes that the SQL pass fills; how windows are drawn belongs to
drift_alarms.py.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from decisions.baseline import (
    Baseline,
    CategoricalBaseline,
    CategoricalCounts,
    NumericBaseline,
    NumericCounts,
    Profile,
)
from orchestration import flights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from usecases.declaration import UseCase

_TABLES = {"flights": flights.flights, "weather": flights.weather}
_FINE = np.arange(0.01, 1.0, 0.01)
_START = date(2013, 1, 1)
_NO_DAY = datetime(2013, 1, 1)  # noqa: DTZ001 - data time is naive UTC


class Watched:
    """Every watched column of a use case, as one array of values by day of 2013."""

    def __init__(self, use_case: UseCase) -> None:
        self.kinds = {
            f"{table}.{name}": kind
            for table, columns in use_case.monitors.drift.tables.items()
            for name, kind in columns.items()
        }

    @cached_property
    def days(self) -> dict[str, list[Any]]:
        """Return by column the values of each day; NaN where missing."""
        return {name: self._by_day(*name.split(".")) for name in self.kinds}

    def _by_day(self, table: str, name: str) -> list[Any]:
        raw = _TABLES[table]()
        values = raw.rows.column(name).to_numpy(zero_copy_only=False)
        numeric = self.kinds[f"{table}.{name}"] == "numeric"
        values = values.astype(float) if numeric else values
        found = []
        for day in range(365):
            key = (_START + timedelta(days=day)).isoformat()
            start, count = raw.partitions.get(key, (0, 0))
            found.append(values[start : start + count])
        return found


class Frozen:
    """A baseline over some days, and every day's counts over its bins.

    Args:
        watched: The data.
        first: First day, counted from 0.
        end: The day after the last.
    """

    def __init__(self, watched: Watched, first: int, end: int) -> None:
        self.watched, self.span = watched, range(first, end)
        self._edges, self._kept = self._bins()
        self.counts = {name: self._counted(name, watched.days[name]) for name in watched.kinds}
        self._ends = {name: _ends(watched.days[name]) for name in self._edges}

    def _bins(self) -> tuple[dict[str, Any], dict[str, list[str]]]:
        edges, kept = {}, {}
        for name, kind in self.watched.kinds.items():
            values = self.values(name, self.span)
            if kind == "numeric":
                edges[name] = np.unique(np.nanquantile(values, _FINE, method="inverted_cdf"))
            else:
                kept[name] = sorted({str(each) for each in values})
        return edges, kept

    def values(self, name: str, days: Sequence[int]) -> Any:
        """Return a column's values of some days, one after the other."""
        return np.concatenate([self.watched.days[name][day] for day in days])

    def _counted(self, name: str, days: Sequence[Any]) -> Any:
        return np.array([self.count(name, values) for values in days])

    def count(self, name: str, values: Any) -> Any:
        """Return counts by bin, the missing last, then the sum and the sum of squares."""
        if name in self._kept:
            kept = self._kept[name]
            found = [int((values == each).sum()) for each in kept]
            return [*found, len(values) - sum(found), 0, 0.0, 0.0]
        edges = self._edges[name]
        there = values[~np.isnan(values)]
        bins = np.bincount(np.searchsorted(edges, there, side="left"), minlength=len(edges) + 1)
        missing = len(values) - len(there)
        return [*bins, missing, float(there.sum()), float((there**2).sum())]

    def baseline(self) -> Baseline:
        """Return the baseline, with its weekdays."""
        weekdays = {
            day: {name: self._shape(name, self._of(day)) for name in self.watched.kinds}
            for day in range(7)
        }
        whole = {name: self._shape(name, list(self.span)) for name in self.watched.kinds}
        return Baseline(
            features={name: self._freeze(name, counts) for name, counts in whole.items()},
            by_weekday=weekdays,
            window_from=_NO_DAY + timedelta(days=self.span[0]),
            window_through=_NO_DAY + timedelta(days=self.span[-1] + 1),
        )

    def profile(self, days: Sequence[int], *, through: int, moved: Moved | None = None) -> Profile:
        """Return the counts of some days as if they were a window that ends with ``through``."""
        weekdays = [0] * 7
        for day in days:
            weekdays[(_START + timedelta(days=day)).weekday()] += 1
        rows = {
            name: sum(len(self.watched.days[name][day]) for day in days)
            for name in self.watched.kinds
        }
        return Profile(
            features={name: self._shape(name, days, moved) for name in self.watched.kinds},
            window_from=_NO_DAY + timedelta(days=through - len(days) + 1),
            window_through=_NO_DAY + timedelta(days=through + 1),
            weekdays={
                name: tuple(count * rows[name] // len(days) for count in weekdays)
                for name in self.watched.kinds
            },
        )

    def _of(self, weekday: int) -> list[int]:
        return [day for day in self.span if (_START + timedelta(days=day)).weekday() == weekday]

    def _shape(
        self, name: str, days: Sequence[int], moved: Moved | None = None
    ) -> NumericCounts | CategoricalCounts:
        if moved is not None and name in moved:
            counts = np.array(self.count(name, self.values(name, days) + moved[name]))
        else:
            counts = self.counts[name][list(days)].sum(axis=0)
        missing = int(counts[-3])
        bins = [int(count) for count in counts[:-3]]
        if name in self._kept:
            kept = dict(zip(self._kept[name], bins, strict=False))
            return CategoricalCounts(values=kept, other=bins[-1], missing=0, rows=sum(bins))
        shift = moved.get(name, 0.0) if moved else 0.0
        return NumericCounts(
            counts=tuple(bins),
            missing=missing,
            rows=sum(bins) + missing,
            minimum=min(self._ends[name][day][0] for day in days) + shift,
            maximum=max(self._ends[name][day][1] for day in days) + shift,
            total=float(counts[-2]),
            squares=float(counts[-1]),
        )

    def _freeze(
        self, name: str, counts: NumericCounts | CategoricalCounts
    ) -> NumericBaseline | CategoricalBaseline:
        if isinstance(counts, CategoricalCounts):
            return CategoricalBaseline(**counts.model_dump())
        edges = tuple(float(edge) for edge in self._edges[name])
        return NumericBaseline(**counts.model_dump(), edges=edges)


def _ends(days: Sequence[Any]) -> list[tuple[float, float]]:
    """Return the smallest and largest value of each day; those of none are never the ends."""
    there = [values[~np.isnan(values)] for values in days]
    return [
        (float(each.min()), float(each.max())) if len(each) else (math.inf, -math.inf)
        for each in there
    ]


Moved = dict[str, float]
"""How far a numeric column is moved, in its own units."""
