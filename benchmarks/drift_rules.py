"""What others would say of the same window by their documented default rules, done here again.

Evidently 0.7, DataDriftPreset, for a reference of more than 1,000 rows: a numeric column of more
than five values has drifted from a Wasserstein distance of 0.1 baseline standard deviations on, any
other from a Jensen-Shannon distance (natural logarithm) of 0.1; the data set once half of its
columns have. SageMaker Model Monitor, default constraints, comparison_method Robust: a numeric
column is violated where the KS distance less 1.8 * sqrt((n + m) / (n * m)) exceeds 0.1, a
categorical one where the L-infinity distance does; one violation makes the execution
CompletedWithViolations. That the container computes Robust as Deequ's source does is assumed.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from decisions.model_monitor import rules

if TYPE_CHECKING:
    from collections.abc import Sequence


class Column(NamedTuple):
    """What the rules need of one column.

    Attributes:
        numeric: Whether it is one of numbers.
        distance: Wasserstein, in baseline standard deviations; or Jensen-Shannon, natural.
        gap: Kolmogorov-Smirnov; or L-infinity.
        rows: Of the baseline and the window, missing ones left out.
    """

    numeric: bool
    distance: float
    gap: float
    rows: tuple[int, int]


_EVIDENTLY, _DRIFT_SHARE = 0.1, 0.5


def evidently(columns: Sequence[Column]) -> tuple[bool, bool]:
    """Say whether any column drifted, and whether the data set did."""
    found = [each.distance >= _EVIDENTLY for each in columns]
    return any(found), sum(found) / len(found) >= _DRIFT_SHARE


def model_monitor(columns: Sequence[Column]) -> tuple[bool, bool]:
    """Say whether any column is violated; the execution is, then."""
    found = any(_violated(each) for each in columns)
    return found, found


def _violated(column: Column) -> bool:
    if not column.numeric:
        return column.gap > rules.THRESHOLD
    return rules.drifted(column.gap, *column.rows)


def column(before: Any, now: Any) -> Column:
    """Measure a column exactly, by all its values.

    Args:
        before: The baseline's values, numbers without NaN in ascending order.
        now: The window's, in any order.
    """
    if before.dtype == object:
        return _texts(before, now)
    now = np.sort(now[~np.isnan(now)])
    places = np.sort(np.concatenate([before, now]), kind="stable")
    heights = [np.searchsorted(side, places, side="right") / len(side) for side in (before, now)]
    gaps = np.abs(heights[0] - heights[1])
    area = float((gaps[:-1] * np.diff(places)).sum())
    scale = max(float(before.std()), 0.001)
    return Column(True, area / scale, float(gaps.max()), (len(before), len(now)))


def _texts(before: Any, now: Any) -> Column:
    counts = [Counter(side) for side in (before, now)]
    names = sorted({*counts[0], *counts[1]})
    one, two = (np.array([each[name] / each.total() for name in names]) for each in counts)
    middle = (one + two) / 2
    halves = [
        (side[side > 0] * np.log(side[side > 0] / middle[side > 0])).sum() for side in (one, two)
    ]
    distance = math.sqrt(max(sum(halves) / 2, 0.0))
    return Column(False, distance, float(np.abs(one - two).max()), (len(before), len(now)))
