"""Measurements of a window as the monitor step would make them, changed as a test needs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from decisions.monitors.measured import (
    Attributions,
    Estimate,
    FacetCounts,
    Measurements,
    ScoreCounts,
    Separation,
)

FROM, THROUGH = datetime(2013, 6, 1), datetime(2013, 6, 15)  # noqa: DTZ001 - naive UTC


def scores(*counts: int, missing: int = 0, positives: int = 0) -> ScoreCounts:
    padded = (*counts, *([0] * (20 - len(counts))))
    return ScoreCounts(counts=padded, missing=missing, positives=positives)


def facet(
    value: str, rows: int, predicted: int, labelled: int = 0, correct: int = 0
) -> FacetCounts:
    return FacetCounts(
        facet="carrier",
        value=value,
        rows=rows,
        predicted=predicted,
        labelled=labelled,
        correct=correct,
    )


def estimate(**changes: Any) -> Estimate:
    found: dict[str, Any] = {
        "auc": 0.70,
        "accuracy": 0.75,
        "brier": 0.17,
        "auc_baseline": 0.71,
        "accuracy_baseline": 0.75,
        "brier_baseline": 0.17,
        "auc_checked": 0.705,
        "calibration_error": 0.02,
        "rows": 8000,
        "expected_positives": 1900.0,
        "rows_baseline": 6000,
        "positives_baseline": 1500,
    }
    return Estimate(**{**found, **changes})


def separation(
    *aucs: float, rows: int = 5000, features: dict[str, float] | None = None
) -> Separation:
    return Separation(
        fold_aucs=aucs,
        rows_before=rows,
        rows_now=rows,
        features=features or {"temp": 0.7, "hour": 0.3},
    )


def window(**changes: Any) -> Measurements:
    """A window in which nothing has moved."""
    found: dict[str, Any] = {
        "window_from": FROM,
        "window_through": THROUGH,
        "rows": 8000,
        "scores_baseline": scores(3000, 2000, 1000, positives=1000),
        "scores": scores(4000, 2700, 1300, positives=1300),
        "facets_baseline": (
            facet("AA", 2000, 500, 2000, 1500),
            facet("UA", 4000, 1000, 4000, 3000),
        ),
        "facets": (facet("AA", 3000, 760, 3000, 2240), facet("UA", 5000, 1240, 5000, 3760)),
        "attributions_baseline": Attributions(
            rows=5000, mean_absolute={"hour": 0.4, "temp": 0.2, "seats": 0.1}
        ),
        "attributions": Attributions(
            rows=5000, mean_absolute={"hour": 0.5, "temp": 0.2, "seats": 0.1}
        ),
        "separation": separation(0.52, 0.50, 0.53),
        "separation_within": separation(0.51, 0.52, 0.50),
        "estimate": estimate(),
    }
    return Measurements(**{**found, **changes})
