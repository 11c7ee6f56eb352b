"""The drift verdict is defined for every window, however poor."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from decisions import drift
from decisions.baseline import (
    Baseline,
    CategoricalBaseline,
    CategoricalCounts,
    NumericBaseline,
    NumericCounts,
    Profile,
)

POLICY = drift.DriftPolicy(psi_threshold=0.25, minimum_rows=100)
COUNTS = st.lists(st.integers(0, 10_000), min_size=3, max_size=3).filter(any)
WINDOW = {
    "window_from": datetime.fromisoformat("2013-01-01"),
    "window_through": datetime.fromisoformat("2013-03-01"),
}


def baseline(*counts: int, missing: int = 0) -> Baseline:
    edges = tuple(float(place) for place in range(len(counts) - 1))
    column = NumericBaseline(
        edges=edges, counts=counts, missing=missing, rows=sum(counts) + missing
    )
    return Baseline(features={"x": column}, **WINDOW)


def profile(*counts: int, missing: int = 0) -> Profile:
    column = NumericCounts(counts=counts, missing=missing, rows=sum(counts) + missing)
    return Profile(features={"x": column}, **WINDOW)


def status(before: Baseline, now: Profile) -> tuple[str, str]:
    (column,) = drift.judge(before, [now], POLICY).features
    return column.status, column.why


@given(COUNTS, COUNTS)
def test_psi_is_finite_not_negative_and_symmetric(one: list[int], two: list[int]) -> None:
    measured = drift.psi(one, two)
    assert 0.0 <= measured < 20.0
    assert measured == pytest.approx(drift.psi(two, one))


@given(COUNTS, st.integers(1, 50))
def test_psi_of_equal_shares_is_zero_whatever_the_size(counts: list[int], factor: int) -> None:
    assert drift.psi(counts, [count * factor for count in counts]) == pytest.approx(0.0, abs=1e-12)


@given(COUNTS, COUNTS)
def test_merging_windows_does_not_depend_on_order(one: list[int], two: list[int]) -> None:
    first, second = profile(*one), profile(*two)
    assert first.merge(second) == second.merge(first)
    before = baseline(5, 5, 5)
    assert drift.judge(before, first.merge(second), POLICY) == drift.judge(
        before, second.merge(first), POLICY
    )


@pytest.mark.parametrize(
    ("before", "now", "expected", "said"),
    [
        (baseline(100, 100), profile(100, 100), "stable", "PSI 0.000"),
        (baseline(100, 100), profile(190, 10), "drifted", "PSI"),
        (baseline(100, 100), profile(0, 0), "cannot_tell", "0 rows"),
        (baseline(100, 100), profile(30, 30), "cannot_tell", "60 rows; at least 100"),
        (baseline(100, 100), profile(0, 0, missing=500), "cannot_tell", "data-quality"),
        (baseline(0, 0, missing=500), profile(100, 100), "cannot_tell", "nothing to compare"),
        (baseline(0, 200, 0), profile(0, 400, 0), "stable", "PSI 0.000"),
        (baseline(0, 200, 0), profile(400, 0, 0), "drifted", "PSI"),
        (baseline(100, 100), profile(100, 100, missing=400), "drifted", "PSI"),
        (baseline(100, 100), profile(100, 100, 100), "cannot_tell", "bin by bin"),
    ],
    ids=[
        "same", "moved", "empty", "too few", "all null", "null baseline", "constant",
        "constant moved", "half gone missing", "other bins",
    ],
)  # fmt: skip
def test_every_window_has_a_defined_verdict(
    before: Baseline, now: Profile, expected: str, said: str
) -> None:
    found, why = status(before, now)
    assert found == expected
    assert said in why


def test_a_trivial_shift_of_very_many_rows_is_stable() -> None:
    assert status(baseline(500_000, 500_000), profile(503_000, 497_000))[0] == "stable"


def test_a_column_that_is_gone_or_new_is_a_schema_change_not_drift() -> None:
    gone = drift.judge(baseline(100, 100), Profile(features={}, **WINDOW), POLICY)
    assert gone.verdict == "cannot_tell"
    assert "gone" in gone.why
    new = drift.judge(Baseline(features={}, **WINDOW), profile(100, 100), POLICY)
    assert new.verdict == "cannot_tell"


def categories(**changes: Any) -> dict[str, Any]:
    given = {"values": {"UA": 500, "B6": 500}, "other": 0, "missing": 0, "rows": 1000}
    return {**given, **changes}


def test_a_category_never_seen_counts_with_the_others() -> None:
    before = Baseline(features={"c": CategoricalBaseline(**categories())}, **WINDOW)
    now = CategoricalCounts(**categories(values={"UA": 350, "B6": 350, "XX": 300}))
    report = drift.judge(before, Profile(features={"c": now}, **WINDOW), POLICY)
    assert report.verdict == "drifted"
    assert report.drifted[0].name == "c"


def test_too_few_drifted_columns_are_told_but_do_not_count() -> None:
    policy = POLICY.model_copy(update={"minimum_features": 2})
    report = drift.judge(baseline(100, 100), profile(190, 10), policy)
    assert report.verdict == "stable"
    assert "1 of 1 columns drifted and 2 would count" in report.why


def test_an_ignored_column_is_not_judged() -> None:
    policy = POLICY.model_copy(update={"ignore": ("x",)})
    report = drift.judge(baseline(100, 100), profile(190, 10), policy)
    assert report.features == ()
    assert report.verdict == "cannot_tell"


def test_counts_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValidationError, match="!= rows"):
        NumericCounts(counts=(1, 2), missing=0, rows=4)


def test_a_baseline_is_named_by_its_content() -> None:
    assert baseline(1, 2).digest == baseline(1, 2).digest
    assert baseline(1, 2).digest != baseline(2, 1).digest
    assert Baseline.model_validate_json(baseline(1, 2).model_dump_json()) == baseline(1, 2)
