"""Metrics against scikit-learn, which the steps themselves do without."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from pipelines.steps import metrics

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 20).map(lambda value: value / 20)),
    min_size=2,
    max_size=60,
).filter(lambda rows: len({label for label, _ in rows}) == 2)


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_measures_agree_with_scikit_learn(rows: list[tuple[int, float]]) -> None:
    labels = np.array([label for label, _ in rows])
    scores = np.array([score for _, score in rows])
    assert metrics.auc(labels, scores) == pytest.approx(reference.roc_auc_score(labels, scores))
    assert metrics.brier(labels, scores) == pytest.approx(
        reference.brier_score_loss(labels, scores)
    )
    inner = np.clip(scores, 0.01, 0.99)
    assert metrics.log_loss(labels, inner) == pytest.approx(reference.log_loss(labels, inner))
    points = np.array(metrics.roc(labels, scores))
    area = np.trapezoid(points[:, 1], points[:, 0])
    assert area == pytest.approx(metrics.auc(labels, scores))


def test_roc_is_thinned_with_both_ends_kept() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 5000)
    points = metrics.roc(labels, random.random(5000))
    assert len(points) <= 101
    assert (points[0], points[-1]) == ((0.0, 0.0), (1.0, 1.0))


def test_one_class_has_no_auc() -> None:
    assert math.isnan(metrics.auc(np.ones(3), np.array([0.1, 0.2, 0.3])))
    assert metrics.roc(np.ones(3), np.array([0.1, 0.2, 0.3])) == []


def test_calibration_counts_every_row_once() -> None:
    points = metrics.calibration(np.array([0, 1, 1]), np.array([0.2, 0.9, 0.7]))
    assert points == [(0.2, 0.0, 1), (0.7, 1.0, 1), (0.9, 1.0, 1)]
