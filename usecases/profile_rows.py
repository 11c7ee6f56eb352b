"""Reading the rows of profile_sql's two statements: edges, kept values, counts.

The statements are written in profile_sql.py; what is done with the counts belongs to profiling.py.
"""

from __future__ import annotations

import json
import math
from datetime import date
from typing import TYPE_CHECKING, Any

from decisions.baseline import CategoricalCounts, NumericCounts
from usecases.profile_sql import value_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from usecases.profile_sql import Watched

Row = dict[str, Any]
Counts = NumericCounts | CategoricalCounts

#: Bytes of JSON that a column's kept values may have together; what is beyond counts as other.
_KEPT_BYTES = 60_000


def edges_from(row: Row, columns: Sequence[Watched]) -> dict[str, tuple[float, ...]]:
    """Read the edges of each binned column from the survey's row.

    Equal quantiles (a value that many rows share) make one edge. A constant column gets a second
    edge just below its value, so that a shift to either side leaves its bin. A column with no value
    at all has no edges: its one bin stays empty.
    """
    return {
        each.name: edges_of(json.loads(row[f"c{place}"] or "[]"))
        for place, each in enumerate(columns)
        if not each.by_value
    }


def edges_of(quantiles: Sequence[float | None]) -> tuple[float, ...]:
    """Give the edges that some quantiles of a column make; see `edges_from`."""
    # Adding zero makes -0.0 the 0.0 that it equals.
    found = sorted({float(value) + 0.0 for value in quantiles if value is not None})
    if len(found) == 1:
        return (math.nextafter(found[0], -math.inf), found[0])
    return tuple(found)


def kept_from(row: Row, columns: Sequence[Watched]) -> dict[str, tuple[str, ...]]:
    """Read the commonest values of each column that is counted by value, commonest first."""
    found: dict[str, list[tuple[int, str]]] = {each.name: [] for each in columns if each.by_value}
    for key, n in json.loads(row.get("values") or "{}").items():
        place, _, value = key.partition(":")
        found[columns[int(place)].name].append((-int(n), value))
    return {name: _within(value for _, value in sorted(pairs)) for name, pairs in found.items()}


def counts_from(
    row: Row,
    columns: Sequence[Watched],
    edges: Mapping[str, Sequence[float]],
    kept: Mapping[str, Sequence[str]],
) -> tuple[date, dict[str, Counts]]:
    """Read one day's counts of every column."""
    by_key = json.loads(row.get("values") or "{}")
    found: dict[str, Counts] = {}
    for place, each in enumerate(columns):
        if each.by_value:
            found[each.name] = _named(place, kept[each.name], by_key, int(row["n"]))
        else:
            found[each.name] = _binned(row, place, len(edges[each.name]))
    return date.fromisoformat(row["day"]), found


def nothing(
    columns: Sequence[Watched],
    edges: Mapping[str, Sequence[float]],
    kept: Mapping[str, Sequence[str]],
) -> dict[str, Counts]:
    """Give the counts of a day without rows."""
    row: Row = {"day": date.min.isoformat(), "n": 0}
    row |= {f"c{place}_n": 0 for place, _ in enumerate(columns)}
    return counts_from(row, columns, edges, kept)[1]


def _binned(row: Row, place: int, edges: int) -> NumericCounts:
    there, rows = int(row[f"c{place}_n"]), int(row["n"])
    infinite = int(row.get(f"c{place}_infinite") or 0)
    counts = [0] * (edges + 1) if edges else [there]
    for above, n in json.loads(row.get(f"c{place}_bins") or "{}").items():
        counts[edges - int(above)] = int(n)
    return NumericCounts(
        counts=tuple(counts),
        missing=rows - there - infinite,
        infinite=infinite,
        rows=rows,
        minimum=row.get(f"c{place}_minimum"),
        maximum=row.get(f"c{place}_maximum"),
        total=row.get(f"c{place}_total"),
        squares=row.get(f"c{place}_squares"),
    )


def _named(
    place: int, kept: Sequence[str], by_key: Mapping[str, int], rows: int
) -> CategoricalCounts:
    found = {value: int(by_key.get(value_key(place, value), 0)) for value in kept}
    missing = int(by_key.get(value_key(place, None), 0))
    return CategoricalCounts(
        values=found, missing=missing, other=rows - missing - sum(found.values()), rows=rows
    )


def _within(values: Any) -> tuple[str, ...]:
    kept, spent = [], 0
    for value in values:
        spent += len(json.dumps(value, ensure_ascii=False).encode()) + 1
        if spent > _KEPT_BYTES:
            break
        kept.append(value)
    return tuple(kept)
