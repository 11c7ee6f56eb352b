"""Counting watched columns over any days, from rows that were fetched once.

The same counts that profile_sql's queries give, in numpy: a replay asks for hundreds of windows
against dozens of baselines, and each would be three queries. Tests hold the two to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from usecases.declaration import UseCase


@dataclass(frozen=True)
class Columns:
    """A raw table's watched columns in the order of their day.

    Attributes:
        days: Each row's day, ISO text, ascending.
        numbers: Float columns, NaN where missing.
        texts: Categorical columns as (codes, values); code -1 where missing.
    """

    days: Any
    numbers: Mapping[str, Any]
    texts: Mapping[str, tuple[Any, tuple[str, ...]]]

    @classmethod
    def of(cls, rows: Any, kinds: Mapping[str, str], partition_key: str) -> Columns:
        """Take the columns of a pyarrow table."""
        import numpy as np

        from pipelines.steps import data

        ordered = rows.sort_by(partition_key)
        days = np.array(ordered[partition_key].to_pylist(), dtype="U10")
        numbers, texts = {}, {}
        for name, kind in kinds.items():
            column = ordered[name].combine_chunks()
            if kind == "numeric":
                numbers[name] = data.numbers(column)
            else:
                texts[name] = _coded(column)
        return cls(days, numbers, texts)

    def between(self, first: date, last: date) -> slice:
        """Give the rows of some days, both included."""
        import numpy as np

        low = np.searchsorted(self.days, first.isoformat(), side="left")
        high = np.searchsorted(self.days, last.isoformat(), side="right")
        return slice(int(low), int(high))


class Watched:
    """What the drift monitor of a use case watches, over all of a backtest's span.

    Args:
        use_case: Whose monitor.
        rows: Gives the watched rows of a raw table.
    """

    def __init__(self, use_case: UseCase, rows: Callable[[str], Any]) -> None:
        self._tables: dict[str, Columns] = {}
        for table, kinds in use_case.monitors.drift.tables.items():
            key = use_case.sources.tables[table].partition_key
            self._tables[table] = Columns.of(rows(table), kinds, str(key))

    def profile(self, baseline: Baseline, first: date, last: date) -> Profile:
        """Count the days from first through last, both included, against a baseline's bins."""
        features: dict[str, NumericCounts | CategoricalCounts] = {}
        for table, columns in self._tables.items():
            rows = columns.between(first, last)
            for name in [*columns.numbers, *columns.texts]:
                frozen = baseline.features.get(f"{table}.{name}")
                if isinstance(frozen, NumericBaseline):
                    features[f"{table}.{name}"] = _bins(columns.numbers[name][rows], frozen)
                elif isinstance(frozen, CategoricalBaseline):
                    codes, values = columns.texts[name]
                    features[f"{table}.{name}"] = _values(codes[rows], values, frozen)
        return Profile(
            features=features,
            window_from=datetime.combine(first, time()),
            window_through=datetime.combine(last + timedelta(days=1), time()),
        )


def _coded(column: Any) -> tuple[Any, tuple[str, ...]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(pc.cast(column, pa.string()))
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return codes, tuple(encoded.dictionary.to_pylist())


def _bins(values: Any, frozen: NumericBaseline) -> NumericCounts:
    import numpy as np

    present = values[~np.isnan(values)]
    place = np.searchsorted(np.array(frozen.edges), present, side="left")
    counts = np.bincount(place, minlength=len(frozen.edges) + 1)
    return NumericCounts(
        counts=tuple(counts.tolist()), missing=len(values) - len(present), rows=len(values)
    )


def _values(codes: Any, names: tuple[str, ...], frozen: CategoricalBaseline) -> CategoricalCounts:
    import numpy as np

    counts = np.bincount(codes + 1, minlength=len(names) + 1).tolist()
    found = {name: count for name, count in zip(names, counts[1:], strict=True) if count}
    kept = {name: count for name, count in found.items() if name in frozen.values}
    other = sum(found.values()) - sum(kept.values())
    return CategoricalCounts(values=kept, other=other, missing=counts[0], rows=len(codes))
