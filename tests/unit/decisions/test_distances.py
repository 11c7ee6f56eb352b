"""Distances of counts: exact values, bounds, and never a NaN."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from decisions import distances
from decisions.baseline import NumericBaseline
from decisions.distances import Histogram

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNTS = st.lists(st.integers(0, 10_000), min_size=4, max_size=4).filter(any)
UNORDERED = (
    distances.psi,
    distances.jensen_shannon,
    distances.total_variation,
    distances.l_infinity,
)
ALL = (*UNORDERED, distances.kolmogorov_smirnov)


def normal(shift: float = 0.0, scale: float = 1.0, *, rows: int = 100_000, bins: int = 200):
    """Counts of a normal sample's quantiles over the edges of a standard normal's."""
    places = (np.arange(rows) + 0.5) / rows
    edges = stats.norm.ppf(np.arange(1, bins) / bins)
    values = stats.norm.ppf(places) * scale + shift
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=bins)
    ends = float(values.min()), float(values.max())
    side = Histogram([int(count) for count in counts], *ends, float(values.sum()))
    return list(edges), side, values


@pytest.mark.parametrize("distance", ALL)
@settings(deadline=None)
@given(one=COUNTS, two=COUNTS)
def test_each_is_finite_symmetric_and_not_negative(distance, one, two) -> None:
    measured = distance(one, two)
    assert 0.0 <= measured < 20.0
    assert measured == pytest.approx(distance(two, one))
    if distance is not distances.psi:
        assert measured <= 1.0


@pytest.mark.parametrize("distance", ALL)
@settings(deadline=None)
@given(counts=COUNTS, factor=st.integers(1, 50))
def test_equal_shares_are_no_distance_whatever_the_size(distance, counts, factor) -> None:
    assert distance(counts, [count * factor for count in counts]) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("distance", UNORDERED)
@settings(deadline=None)
@given(one=COUNTS, two=COUNTS, order=st.permutations(range(4)))
def test_the_order_of_the_bins_is_nothing_to_most(distance, one, two, order) -> None:
    mixed = distance([one[at] for at in order], [two[at] for at in order])
    assert mixed == pytest.approx(distance(one, two))


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_known_relations_hold(one, two) -> None:
    variation = distances.total_variation(one, two)
    assert distances.l_infinity(one, two) <= variation + 1e-12
    assert distances.kolmogorov_smirnov(one, two) <= variation + 1e-12
    # Lin 1991: half the squared total variation ... <= JSD <= total variation, to base 2.
    divergence = distances.jensen_shannon(one, two) ** 2
    assert divergence <= variation + 1e-9
    assert variation**2 / (2 * math.log(2)) <= divergence + 1e-9


@pytest.mark.parametrize("distance", ALL)
@pytest.mark.parametrize(("one", "two"), [([1], [1, 2]), ([0, 0], [1, 2]), ([1, 2], [0, 0])])
def test_no_rows_or_other_bins_are_refused(distance, one, two) -> None:
    with pytest.raises(ValueError, match=r"against|needs rows"):
        distance(one, two)


def test_exact_values() -> None:
    one, two = [10, 20, 70], [30, 30, 40]
    assert distances.total_variation(one, two) == pytest.approx(0.3)
    assert distances.l_infinity(one, two) == pytest.approx(0.3)
    assert distances.kolmogorov_smirnov(one, two) == pytest.approx(0.3)
    assert distances.jensen_shannon(one, two) == pytest.approx(jensenshannon(one, two, 2))
    exact = 0.2 * math.log(3) + 0.1 * math.log(1.5) + 0.3 * math.log(7 / 4)
    assert distances.psi(one, two) == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("scale", [1.0, 0.5, 2.0])
def test_two_hundred_bins_come_within_a_two_hundredth_of_the_exact_values(shift, scale) -> None:
    edges, before, values = normal()
    _, now, moved = normal(shift, scale)
    exact = stats.ks_2samp(values, moved, method="asymp").statistic
    assert distances.kolmogorov_smirnov(before.counts, now.counts) == pytest.approx(exact, abs=5e-3)
    area = distances.wasserstein(edges, before, now)
    assert area == pytest.approx(stats.wasserstein_distance(values, moved), abs=5e-3, rel=0.06)


@settings(deadline=None)
@given(
    st.lists(
        st.floats(-1e6, 1e6).map(lambda number: round(number, 3)),
        min_size=1,
        max_size=6,
        unique=True,
    ),
    st.data(),
)
def test_wasserstein_is_a_distance(edges: Sequence[float], data: st.DataObject) -> None:
    edges = sorted(edges)

    def side() -> Histogram:
        rows = data.draw(
            st.lists(st.integers(0, 9), min_size=len(edges) + 1, max_size=len(edges) + 1)
        )
        return Histogram(rows if any(rows) else [1, *rows[1:]], edges[0] - 1, edges[-1] + 1)

    one, two, three = side(), side(), side()
    there = distances.wasserstein(edges, one, two)
    assert there is not None
    assert there >= 0.0
    assert there == pytest.approx(distances.wasserstein(edges, two, one))
    assert distances.wasserstein(edges, one, one) == pytest.approx(0.0, abs=1e-6)
    via = [distances.wasserstein(edges, *pair) or 0.0 for pair in ((one, three), (three, two))]
    assert there <= sum(via) * (1 + 1e-9) + 1e-6


def test_every_measure_grows_with_a_shift() -> None:
    edges, before, _ = normal(bins=20)
    sides = [normal(shift, bins=20)[1] for shift in (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)]
    for distance in ALL:
        found = [distance(before.counts, side.counts) for side in sides]
        assert found == sorted(found), distance.__name__
    areas = [distances.wasserstein(edges, before, side) for side in sides]
    assert areas == sorted(areas)
    assert areas[-1] == pytest.approx(1.6, abs=0.02)


def numeric(edges, counts, **known) -> NumericBaseline:
    return NumericBaseline(edges=edges, counts=counts, missing=0, rows=sum(counts), **known)


def test_the_spread_is_that_of_the_sums_or_else_of_the_bins() -> None:
    values = np.arange(1, 101, dtype=float)
    sums = {"total": float(values.sum()), "squares": float((values**2).sum())}
    ends = {"minimum": 1.0, "maximum": 100.0}
    counted = numeric((25.0, 50.0, 75.0), (25, 25, 25, 25), **sums, **ends)
    assert distances.spread(counted.edges, counted) == pytest.approx(values.std())
    binned = numeric((25.0, 50.0, 75.0), (25, 25, 25, 25), **ends)
    assert distances.spread(binned.edges, binned) == pytest.approx(values.std(), rel=0.02)


@pytest.mark.parametrize(
    "counted",
    [
        numeric((1.0,), (5, 0)),
        numeric((1.0,), (0, 0), minimum=1.0, maximum=1.0),
        numeric((1.0,), (5, 0), minimum=1.0, maximum=1.0, total=5.0, squares=5.0),
        numeric((1.0,), (5, 0), minimum=-1e308, maximum=1.0),
    ],
    ids=["no ends", "no rows", "constant", "beyond floating point"],
)
def test_a_spread_that_means_nothing_is_none_or_nothing(counted: NumericBaseline) -> None:
    spread = distances.spread(counted.edges, counted)
    assert spread is None or spread < 1e-9


def test_an_area_beyond_floating_point_is_none() -> None:
    one, two = Histogram([1, 0], -1.7e308, -1e308), Histogram([0, 1], 1e308, 1.7e308)
    assert distances.wasserstein([0.0], one, two) is None
    assert distances.wasserstein([0.0], one, Histogram([1, 1], None, None)) is None


def test_a_constant_moves_as_far_as_it_moves() -> None:
    one, two = Histogram([3, 0], 2.0, 2.0), Histogram([0, 7], 5.0, 5.0)
    assert distances.wasserstein([3.0], one, two) == pytest.approx(3.0)
