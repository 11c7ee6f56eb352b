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

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

from decisions.model_monitor import rules

if TYPE_CHECKING:
    from collections.abc import Mapping

Columns = dict[str, tuple[Any, Any]]
"""A column's values in the baseline, sorted, and in the window."""

_EVIDENTLY, _DRIFT_SHARE = 0.1, 0.5


def evidently(columns: Mapping[str, tuple[Any, Any]]) -> tuple[bool, bool]:
    """Say whether any column drifted, and whether the data set did."""
    found = [_evidently(before, now) for before, now in columns.values()]
    return any(found), sum(found) / len(found) >= _DRIFT_SHARE


def model_monitor(columns: Mapping[str, tuple[Any, Any]]) -> tuple[bool, bool]:
    """Say whether any column is violated; the execution is, then."""
    found = any(_violated(before, now) for before, now in columns.values())
    return found, found


def _evidently(before: Any, now: Any) -> bool:
    if before.dtype == object:
        return bool(jensenshannon(*_shares(before, now)) >= _EVIDENTLY)
    before, now = _there(before), _there(now)
    scale = max(float(np.std(before)), 0.001)
    return bool(stats.wasserstein_distance(before, now) / scale >= _EVIDENTLY)


def _violated(before: Any, now: Any) -> bool:
    if before.dtype == object:
        one, two = _shares(before, now)
        return max(abs(p - q) for p, q in zip(one, two, strict=True)) > rules.THRESHOLD
    before, now = _there(before), _there(now)
    simple = float(stats.ks_2samp(before, now, method="asymp").statistic)
    return rules.drifted(simple, len(before), len(now))


def _shares(before: Any, now: Any) -> tuple[list[float], list[float]]:
    counts = [Counter(side) for side in (before, now)]
    names = sorted({*counts[0], *counts[1]})
    one, two = ([each[name] / each.total() for name in names] for each in counts)
    return one, two


def _there(values: Any) -> Any:
    return values[~np.isnan(values)]
