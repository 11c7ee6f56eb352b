"""Quality of probabilities, in numpy. What quality is enough belongs to `decisions.gates`.

Labels are 0 or 1, probabilities between 0 and 1, both one-dimensional and equally long. A measure
that the rows do not define (one class only, no rows) is NaN, which the reports turn into None.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
_CLIP = 1e-15  # scikit-learn's historical bound: a sure and wrong answer costs 34.5, not infinity.


def auc(labels: Array, probabilities: Array) -> float:
    """Area under the ROC curve, ties counting half.

    Source: Mann and Whitney 1947, U / (n1 * n0) with midranks; equal to the trapezoid area
    (Hanley and McNeil 1982).
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    _, inverse, counts = np.unique(probabilities, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    midranks = last - (counts - 1) / 2.0
    rank_sum = float(midranks[inverse][labels == 1].sum())
    return (rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives)


def log_loss(labels: Array, probabilities: Array) -> float:
    """Mean negative log-likelihood, in nats.

    Source: Good 1952, -mean(y ln p + (1 - y) ln(1 - p)).
    """
    if len(labels) == 0:
        return float("nan")
    bounded = np.clip(probabilities, _CLIP, 1 - _CLIP)
    return float(-np.mean(labels * np.log(bounded) + (1 - labels) * np.log1p(-bounded)))


def brier(labels: Array, probabilities: Array) -> float:
    """Mean squared error of the probability.

    Source: Brier 1950, in its form for two classes, between 0 and 1.
    """
    if len(labels) == 0:
        return float("nan")
    return float(np.mean((probabilities - labels) ** 2))


def roc(labels: Array, probabilities: Array, points: int = 101) -> list[tuple[float, float]]:
    """Give at most `points` (false positive rate, true positive rate), from (0, 0) to (1, 1).

    The curve is exact at thresholds; between them it is thinned evenly, both ends kept.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if positives == 0 or negatives == 0:
        return []
    order = np.argsort(-probabilities, kind="stable")
    hits = np.cumsum(labels[order])
    ends = np.flatnonzero(np.diff(probabilities[order], append=np.inf))
    true_rate = np.concatenate([[0.0], hits[ends] / positives])
    false_rate = np.concatenate([[0.0], (ends + 1 - hits[ends]) / negatives])
    kept = np.unique(np.linspace(0, len(ends), min(points, len(ends) + 1)).round().astype(int))
    return [(float(false_rate[at]), float(true_rate[at])) for at in kept]


def calibration(
    labels: Array, probabilities: Array, bins: int = 10
) -> list[tuple[float, float, int]]:
    """Give (mean probability, observed rate, rows) for bins of about equally many rows.

    Source: reliability diagram over quantile bins (Niculescu-Mizil and Caruana 2005).
    """
    order = np.argsort(probabilities, kind="stable")
    return [
        (float(probabilities[part].mean()), float(labels[part].mean()), len(part))
        for part in np.array_split(order, min(bins, max(len(order), 1)))
        if len(part)
    ]
