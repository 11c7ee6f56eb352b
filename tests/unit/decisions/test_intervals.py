"""Intervals against published examples and other libraries, and their coverage by simulation."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.monitors.intervals import auc_error, difference, wilson, z_of


def test_newcombes_own_example() -> None:
    """Newcombe 1998, table II, example (a): 56/70 - 48/80, method 10 gives 0.0524 to 0.3339."""
    z = z_of(0.95)
    found = difference(wilson(56, 70, z), wilson(48, 80, z))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_wilson_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(7, 40).proportion_ci(0.95, method="wilson")
    found = wilson(7, 40, z_of(0.95))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@given(st.integers(1, 100_000), st.floats(0, 1), st.floats(0.5, 0.9999, exclude_min=True))
def test_wilson_holds_its_point_and_stays_within_bounds(
    rows: int, share: float, confidence: float
) -> None:
    found = wilson(round(share * rows), rows, z_of(confidence))
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0


@pytest.mark.parametrize(("hits", "rows"), [(1, 0), (5, 4), (-1, 4)])
def test_impossible_counts_are_refused(hits: int, rows: int) -> None:
    with pytest.raises(ValueError, match=f"{hits} of {rows}"):
        wilson(hits, rows, 1.96)


def test_hanley_and_mcneils_error_is_what_resampling_shows() -> None:
    """Scores whose classes are exponentials of rates 1 and 3: the paper's own model, AUC 0.75."""
    numpy = pytest.importorskip("numpy")
    random = numpy.random.default_rng(1)
    found = []
    for _ in range(400):
        positives = numpy.sort(random.exponential(3.0, 80))
        negatives = random.exponential(1.0, 120)
        found.append(float(numpy.searchsorted(positives, negatives).mean()) / 80)
    expected = float(numpy.std(found))
    assert auc_error(0.75, 80, 120) == pytest.approx(expected, rel=0.15)


@given(st.floats(0, 1), st.integers(0, 10**7), st.integers(0, 10**7))
def test_an_auc_without_both_classes_has_no_error_that_is_small(
    auc: float, positives: int, negatives: int
) -> None:
    found = auc_error(auc, positives, negatives)
    assert found >= 0.0
    assert math.isinf(found) == (positives == 0 or negatives == 0)


def test_more_comparisons_ask_for_more() -> None:
    assert z_of(0.95) == pytest.approx(1.959964)
    assert z_of(0.95, 10) == pytest.approx(2.807034)
    with pytest.raises(ValueError, match="confidence"):
        z_of(1.0)
