"""The domain classifier: how well LightGBM tells two groups of rows apart, out of fold.

Folds are blocks of whole days. With folds of single rows, an hour's weather, which all flights of
that hour share, would be in training and in the held-out fold alike: the classifier would know the
hour again, and find a difference in data that has none (tests/unit/steps/test_monitor.py shows an
AUC of 0.83 against 0.5). Whether a separation is too large belongs to decisions.monitors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decisions.monitors.measured import Separation
from pipelines.steps import inference, metrics

if TYPE_CHECKING:
    from pipelines.steps.inference import Encoding, Matrix

FOLDS = 5
_ROUNDS = 40
_PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "max_bin": 63,
    "feature_fraction": 0.8,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}

Days = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Group:
    """Encoded rows of one side, and the day of each."""

    matrix: Matrix
    days: Days


def separate(before: Group, now: Group, encoding: Encoding, seed: int) -> Separation:
    """Train the classifier on all blocks of days but one, in turn, and give the held-out AUCs.

    Fewer than two days on a side leave nothing to hold out: the separation then has no folds.
    """
    folds = min(FOLDS, *(len(np.unique(side.days)) for side in (before, now)))
    aucs: list[float] = []
    gains = np.zeros(len(encoding.features))
    if folds > 1:
        rows = np.vstack([before.matrix, now.matrix])
        newer = np.repeat([0.0, 1.0], [len(before.days), len(now.days)])
        blocks = np.concatenate([blocks_of(side.days, folds) for side in (before, now)])
        for fold in range(folds):
            found, gain = _held_out(rows, newer, blocks == fold, encoding, seed)
            aucs.append(found)
            gains += gain
    total = float(gains.sum())
    shares = {} if total <= 0.0 else _named(gains / total, encoding)
    return Separation(
        fold_aucs=tuple(aucs),
        rows_before=len(before.days),
        rows_now=len(now.days),
        features=shares,
    )


def blocks_of(days: Days, folds: int) -> Days:
    """Number each row by its block: consecutive days, about equally many to a block."""
    distinct, place = np.unique(days, return_inverse=True)
    number = np.concatenate(
        [np.full(len(part), at) for at, part in enumerate(np.array_split(distinct, folds))]
    )
    return number[place]


def _held_out(
    rows: Matrix, newer: Matrix, held: Days, encoding: Encoding, seed: int
) -> tuple[float, Matrix]:
    """Train on the rows not held out; give the AUC on those held out, and the gain by feature."""
    lightgbm = inference.lightgbm()
    names = [name for name, _ in encoding.features]
    categorical = [name for name, kind in encoding.features if kind == "categorical"]
    fitted = lightgbm.Dataset(
        rows[~held], newer[~held], feature_name=names, categorical_feature=categorical
    )
    booster = lightgbm.train({**_PARAMETERS, "seed": seed}, fitted, _ROUNDS)
    answers = booster.predict(rows[held], num_threads=1)
    return metrics.auc(newer[held], answers), booster.feature_importance("gain")


def _named(shares: Matrix, encoding: Encoding) -> dict[str, float]:
    return {name: float(share) for (name, _), share in zip(encoding.features, shares, strict=True)}
