"""How near our distances come to those of the values themselves, column by column.

``python -m benchmarks.data.drift_exact FOLDER``: prints JSON, the largest difference by measure, of
the thirty numbers. Kolmogorov-Smirnov and Wasserstein (in standard deviations of the baseline) are
scipy's on all values. PSI and Jensen-Shannon are defined on bins: theirs are the same bins, counted
by numpy from all values on both sides. What other bins would say is told apart: the same two over
the deciles of the sorted baseline, of which ours are near.
"""

from __future__ import annotations

import bisect
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.data.drift_files import BASELINE, CURRENT, NUMBERS
from benchmarks.data.drift_ours import arrow_profile, declared, frozen, judged
from decisions.baseline import NumericBaseline
from decisions.distances import jensen_shannon, psi

if TYPE_CHECKING:
    from decisions.baseline import Baseline, Profile
    from decisions.reports import DriftReport

Errors = dict[str, float]


def errors(folder: Path) -> Errors:
    """Return by measure the largest absolute difference over the thirty numbers."""
    baseline, use_case = frozen(folder), declared()
    profile = arrow_profile(folder, baseline)
    ours = _distances(judged(use_case, baseline, profile))
    counted = _distances(judged(use_case, *_counted(folder, baseline, profile)))
    found: Errors = {}
    for name in NUMBERS:
        exact = _exact(folder, name) | {
            measure: counted[name][measure] for measure in ("psi", "jensen_shannon")
        }
        for measure, value in exact.items():
            told = ours[name][measure.partition(" ")[0]]
            found[measure] = max(found.get(measure, 0.0), abs(told - value))
    return found


def _distances(report: DriftReport) -> dict[str, dict[str, Any]]:
    return {each.name.partition(".")[2]: each.distances for each in report.features}


def _counted(folder: Path, baseline: Baseline, profile: Profile) -> tuple[Baseline, Profile]:
    """Count every number again, value by value, on both sides."""
    before, now = dict(baseline.features), dict(profile.features)
    for name, bins in baseline.features.items():
        if isinstance(bins, NumericBaseline):
            for window, side in ((BASELINE, before), (CURRENT, now)):
                counts = _bins(folder / f"{window}.parquet", name.partition(".")[2], bins.edges)
                side[name] = side[name].model_copy(update={"counts": counts})
    return (
        baseline.model_copy(update={"features": before}),
        profile.model_copy(update={"features": now}),
    )


def _bins(file: Path, column: str, edges: tuple[float, ...]) -> tuple[int, ...]:
    import numpy as np

    ordered, _ = _values(file, column)
    upto = np.searchsorted(ordered, np.asarray(edges), side="right")
    return tuple(int(each) for each in np.diff([0, *upto, len(ordered)]))


def _exact(folder: Path, name: str) -> dict[str, float]:
    import numpy as np
    from scipy import stats

    before, missing_before = _values(folder / f"{BASELINE}.parquet", name)
    now, missing_now = _values(folder / f"{CURRENT}.parquet", name)
    edges = sorted({float(np.quantile(before, tenth / 10)) for tenth in range(1, 10)})
    one = [*_counts(before, edges), missing_before]
    two = [*_counts(now, edges), missing_now]
    spread = float(np.std(before))
    return {
        "ks": float(stats.ks_2samp(before, now, method="asymp").statistic),
        "wasserstein": float(stats.wasserstein_distance(before, now)) / spread,
        "psi over deciles": psi(one, two),
        "jensen_shannon over deciles": jensen_shannon(one, two),
    }


def _values(file: Path, name: str) -> tuple[Any, int]:
    import numpy as np
    import pyarrow.parquet as pq

    column = pq.read_table(file, columns=[name])[name]
    there = column.drop_null().to_numpy().astype(float)
    return np.sort(there), int(column.null_count)


def _counts(ordered: Any, edges: list[float]) -> list[int]:
    upto = [0, *(bisect.bisect_right(ordered, edge) for edge in edges), len(ordered)]
    return [high - low for low, high in pairwise(upto)]


if __name__ == "__main__":
    print(json.dumps(errors(Path(sys.argv[1]))))
