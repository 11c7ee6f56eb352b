"""p-values beside scipy's, and a false discovery rate that is kept."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from decisions import significance

COUNTS = st.lists(st.integers(0, 10_000), min_size=3, max_size=12).filter(any)


@pytest.mark.parametrize("freedom", [1, 2, 9, 50, 400])
@pytest.mark.parametrize("times", [0.01, 0.5, 1.0, 1.5, 3.0, 20.0])
def test_chi_square_is_scipys(freedom: int, times: float) -> None:
    exact = stats.chi2.sf(freedom * times, freedom)
    found = significance.chi_square_sf(freedom * times, freedom)
    assert found == pytest.approx(exact, rel=1e-9, abs=1e-14)


def test_homogeneity_is_scipys_where_every_bin_is_full() -> None:
    one, two = [40, 60, 100], [70, 50, 80]
    exact = stats.chi2_contingency([one, two], correction=False).pvalue
    assert significance.homogeneity_p(one, two) == pytest.approx(exact, rel=1e-9)
    halved = stats.chi2_contingency([[20, 30, 50], [35, 25, 40]], correction=False).pvalue
    assert significance.homogeneity_p(one, two, design_effect=2) == pytest.approx(halved)


def test_thin_bins_are_put_together_before_they_are_tested() -> None:
    one, two = [500, 500, 4, 3, 5, 4, 6], [250, 250, 1, 2, 5, 3, 2]
    # Of each rare bin's rows the window expects fewer than five; of all together, twelve.
    exact = stats.chi2_contingency([[500, 500, 22], [250, 250, 13]], correction=False).pvalue
    assert significance.homogeneity_p(one, two) == pytest.approx(exact)


@settings(deadline=None)
@given(COUNTS, st.data(), st.floats(1, 1e6))
def test_a_p_value_is_one_and_grows_with_the_design_effect(one, data, effect) -> None:
    two = data.draw(st.lists(st.integers(0, 10_000), min_size=len(one), max_size=len(one)))
    two = two if any(two) else [1, *two[1:]]
    p = significance.homogeneity_p(one, two, design_effect=effect)
    assert 0.0 <= p <= 1.0
    assert significance.homogeneity_p(one, one, design_effect=effect) == pytest.approx(1.0)


@pytest.mark.parametrize(("one", "two"), [([1], [1, 2]), ([0, 0], [1, 2])])
def test_no_rows_or_other_bins_are_refused(one, two) -> None:
    with pytest.raises(ValueError, match=r"against|needs rows"):
        significance.homogeneity_p(one, two)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=12))
def test_q_values_are_scipys(p_values: dict[str, float]) -> None:
    found = significance.false_discovery(p_values)
    assert found.keys() == p_values.keys()
    exact = stats.false_discovery_control(list(p_values.values())) if p_values else []
    assert [found[name] for name in p_values] == pytest.approx(list(exact))


def test_of_windows_without_drift_few_have_any_discovery() -> None:
    draw = random.Random(1)  # noqa: S311 - no secret
    alarms = 0
    for _ in range(300):
        p_values = {}
        for column in range(20):
            sides = [[0] * 8 for _ in range(2)]
            for side, rows in zip(sides, (2000, 400), strict=True):
                for _ in range(rows // 10):
                    side[draw.randrange(8)] += 10
            p_values[str(column)] = significance.homogeneity_p(*sides, design_effect=10)
        alarms += min(significance.false_discovery(p_values).values()) <= 0.05
    # Without control, 1 - 0.95^20 = 64 % of the windows would have one.
    assert alarms / 300 < 0.09
