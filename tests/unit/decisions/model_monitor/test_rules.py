from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.model_monitor.rules import (
    categorical_distance,
    drifted,
    numeric_distance,
    robust,
)

numbers = st.lists(st.integers(-50, 50), min_size=1, max_size=60)


def weighted(values: list[int]) -> list[tuple[float, float]]:
    return [(float(each), 1.0) for each in values]


@settings(deadline=None)  # scipy is imported at the first
@given(numbers, numbers)
def test_the_numeric_distance_is_the_ks_statistic(one: list[int], two: list[int]) -> None:
    from scipy.stats import ks_2samp

    found = numeric_distance(weighted(one), weighted(two))
    assert found == pytest.approx(ks_2samp(one, two).statistic, abs=1e-12)


@given(numbers, st.integers(1, 5))
def test_weights_stand_for_repeated_values(values: list[int], times: int) -> None:
    heavy = [(value, float(times)) for value, _ in weighted(values)]
    assert numeric_distance(heavy, weighted(values * times)) == pytest.approx(0.0, abs=1e-12)


@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(1, 99), min_size=1),
    st.dictionaries(st.sampled_from("abcde"), st.integers(1, 99), min_size=1),
)
def test_the_categorical_distance_is_symmetric_and_zero_for_equal_shares(
    one: dict[str, int], two: dict[str, int]
) -> None:
    assert categorical_distance(one, two) == categorical_distance(two, one)
    assert 0.0 <= categorical_distance(one, two) <= 1.0
    tenfold = {value: 10 * count for value, count in one.items()}
    assert categorical_distance(one, tenfold) == pytest.approx(0.0, abs=1e-12)


def test_robust_takes_off_what_chance_explains() -> None:
    assert robust(0.3, 100, 100) == pytest.approx(0.3 - 1.8 * math.sqrt(200 / 10_000))
    assert robust(0.1, 100, 100) == 0.0
    assert robust(0.1, 10**6, 10**6) == pytest.approx(0.1, abs=0.003)


def test_a_small_sample_drifts_by_simple_and_not_by_robust() -> None:
    assert drifted(0.2, 100, 100, method="Simple")
    assert not drifted(0.2, 100, 100)
    assert drifted(0.2, 10_000, 10_000)
    assert not drifted(0.1, 10_000, 10_000, method="Simple")  # the threshold must be exceeded


def test_an_empty_side_is_refused() -> None:
    with pytest.raises(ValueError, match="both sides"):
        numeric_distance([], [(1.0, 1.0)])
    with pytest.raises(ValueError, match="both sides"):
        categorical_distance({"a": 1}, {})
    with pytest.raises(ValueError, match="both sides"):
        drifted(0.5, 0, 10, method="Simple")
