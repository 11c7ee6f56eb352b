"""How near our distances come to those of the values themselves, column by column.

``python -m benchmarks.data.drift_exact FOLDER``: prints JSON, the largest error by measure. Numbers
only; a text's distances from counts are exact where every value is kept. Kolmogorov-Smirnov and
Wasserstein (in standard deviations of the baseline) are scipy's on all values; PSI and
Jensen-Shannon are defined on bins, so theirs are deciles of the sorted baseline, counted exactly.
"""

from __future__ import annotations

import bisect
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.data.drift_files import BASELINE, CURRENT, NUMBERS
from benchmarks.data.drift_ours import arrow_profile, declared, frozen, judged
from decisions.distances import jensen_shannon, psi

Errors = dict[str, float]


def errors(folder: Path) -> Errors:
    """Return by measure the largest absolute difference over the thirty numbers."""
    baseline = frozen(folder)
    report = judged(declared(), baseline, arrow_profile(folder, baseline))
    ours = {each.name.partition(".")[2]: each.distances for each in report.features}
    found: Errors = {}
    for name in NUMBERS:
        for measure, exact in _exact(folder, name).items():
            told = ours[name][measure]
            assert told is not None, f"{measure} of {name} is not defined"
            found[measure] = max(found.get(measure, 0.0), abs(told - exact))
    return found


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
        "psi": psi(one, two),
        "jensen_shannon": jensen_shannon(one, two),
        "ks": float(stats.ks_2samp(before, now, method="asymp").statistic),
        "wasserstein": float(stats.wasserstein_distance(before, now)) / spread,
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
