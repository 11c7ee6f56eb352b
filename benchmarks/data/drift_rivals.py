"""What others do with the drift benchmark's files: from two Parquet files to a verdict a column.

``python drift_rivals.py RIVAL FOLDER`` in their venv; knows nothing of the project. Each is asked
as its documentation asks it, with its own thresholds where it has any.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

warnings.filterwarnings("ignore")
NUMBERS = [f"n{place:02d}" for place in range(30)]
TEXTS = [f"c{place:02d}" for place in range(10)]
#: From where on the loop over scipy calls a distance a drift: an effect, as its p-values are all 0.
EFFECT = 0.1

Verdicts = dict[str, bool]


def read(folder: Path) -> tuple[Any, Any]:
    """Return the baseline's rows and the window's."""
    import pandas as pd

    found = [pd.read_parquet(folder / f"{each}.parquet") for each in ("baseline", "current")]
    return found[0], found[1]


def evidently_preset(folder: Path) -> Callable[[], Verdicts]:
    """The data-drift preset: a verdict a column, the share of drifted ones, the drawings."""
    from evidently.presets import DataDriftPreset

    return _evidently(folder, [DataDriftPreset()])


def evidently_values(folder: Path) -> Callable[[], Verdicts]:
    """The value-drift metric alone, of every column."""
    from evidently.metrics import ValueDrift

    return _evidently(folder, [ValueDrift(column=name) for name in [*NUMBERS, *TEXTS]])


def _evidently(folder: Path, metrics: list[Any]) -> Callable[[], Verdicts]:
    from evidently import DataDefinition, Dataset, Report

    definition = DataDefinition(numerical_columns=NUMBERS, categorical_columns=TEXTS)

    def compare() -> Verdicts:
        baseline, current = (
            Dataset.from_pandas(each, data_definition=definition) for each in read(folder)
        )
        told = Report(metrics).run(current, baseline).dict()
        found = {}
        for metric in told["metrics"]:
            config = metric.get("config", {})
            if config.get("type", "").endswith("ValueDrift"):
                by_p = "p_value" in config["method"]
                far = metric["value"] < config["threshold"]
                found[config["column"]] = bool(far if by_p else not far)
        return found

    return compare


def nannyml_js(folder: Path) -> Callable[[], Verdicts]:
    """NannyML's univariate drift by Jensen-Shannon distance, the window as one chunk."""
    from nannyml import UnivariateDriftCalculator
    from nannyml.thresholds import ConstantThreshold

    def compare() -> Verdicts:
        baseline, current = read(folder)
        calculator = UnivariateDriftCalculator(
            column_names=[*NUMBERS, *TEXTS],
            treat_as_categorical=TEXTS,
            continuous_methods=["jensen_shannon"],
            categorical_methods=["jensen_shannon"],
            chunk_number=1,
            thresholds={"jensen_shannon": ConstantThreshold(lower=None, upper=0.1)},
        )
        calculator.fit(baseline)
        told = calculator.calculate(current).filter(period="analysis").to_df()
        return {
            name: bool(told[(name, "jensen_shannon", "alert")].iloc[0])
            for name in [*NUMBERS, *TEXTS]
        }

    return compare


def deepchecks_features(folder: Path) -> Callable[[], Verdicts]:
    """Feature drift by deepchecks on all rows (by default it looks at 100,000 of them)."""
    from deepchecks.tabular import Dataset
    from deepchecks.tabular.checks import FeatureDrift

    def compare() -> Verdicts:
        baseline, current = read(folder)
        check = FeatureDrift(n_samples=len(baseline) + len(current), n_top_columns=40)
        told = check.run(
            Dataset(baseline, cat_features=TEXTS), Dataset(current, cat_features=TEXTS)
        )
        # Its own condition's thresholds: 0.2, for numbers (KS) and for texts (Cramer's V).
        return {name: bool(each["Drift score"] > 0.2) for name, each in told.value.items()}

    return compare


def scipy_loop(folder: Path) -> Callable[[], Verdicts]:
    """Column by column: KS and Wasserstein of numbers, chi-squared of texts."""
    import pandas as pd
    from scipy import stats

    def compare() -> Verdicts:
        baseline, current = read(folder)
        found = {}
        for name in NUMBERS:
            before, now = baseline[name].dropna(), current[name].dropna()
            stats.wasserstein_distance(before, now)
            found[name] = bool(stats.ks_2samp(before, now, method="asymp").statistic >= EFFECT)
        for name in TEXTS:
            counts = pd.DataFrame(
                {0: baseline[name].value_counts(), 1: current[name].value_counts()}
            ).fillna(0)
            told = stats.chi2_contingency(counts.T)
            rows = counts.to_numpy().sum()
            found[name] = bool((told.statistic / rows) ** 0.5 >= EFFECT)  # Cramer's V
        return found

    return compare


RIVALS: dict[str, Any] = {
    "evidently_preset": evidently_preset,
    "evidently_values": evidently_values,
    "nannyml": nannyml_js,
    "deepchecks": deepchecks_features,
    "scipy": scipy_loop,
}


def timed(compare: Callable[[], Verdicts]) -> str:
    """Compare; return as JSON: seconds, CPU seconds, MiB held at most, and who drifted."""
    began, spent = time.perf_counter(), time.process_time()
    found = compare()
    seconds, cpu = time.perf_counter() - began, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"seconds": seconds, "cpu": cpu, "mebibytes": peak, "drifted": found}
    return json.dumps(told)


if __name__ == "__main__":
    print(timed(RIVALS[sys.argv[1]](Path(sys.argv[2]))))
