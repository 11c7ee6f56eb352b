"""The design effect of independent rows is 1, and that of copies is the number of copies."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.baseline import NumericBaseline, NumericCounts, Profile
from decisions.dependence import design_effect, design_effects

DRAW = random.Random(3)  # noqa: S311 - no secret


def days(count: int, rows: int, *, copies: int = 1, alike: int = 1) -> list[list[int]]:
    """Draw days of rows over four bins; each row is there ``copies`` times, each day ``alike``."""
    found: list[list[int]] = []
    while len(found) < count:
        counts = [0, 0, 0, 0]
        for _ in range(rows // copies):
            counts[DRAW.choice((0, 0, 1, 2, 2, 2, 3))] += copies
        found += [counts] * alike
    return found[:count]


def test_independent_rows_are_worth_what_they_are() -> None:
    assert design_effect(days(400, 100)) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("copies", [4, 20])
def test_copies_are_worth_one(copies: int) -> None:
    assert design_effect(days(400, 200, copies=copies)) == pytest.approx(copies, rel=0.15)


def test_days_that_resemble_the_next_are_seen_with_lags_only() -> None:
    drawn = days(800, 100, alike=4)
    assert design_effect(drawn) == pytest.approx(1.0, abs=0.2)
    assert design_effect(drawn, lags=12) == pytest.approx(3.5, rel=0.25)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=1, max_size=20))
def test_it_is_never_below_one(drawn: list[list[int]]) -> None:
    drawn = [day if any(day) else [1, 0, 0] for day in drawn]
    assert design_effect(drawn, lags=3) >= 1.0


def profile(day: int, counts: list[int]) -> Profile:
    start = datetime.fromisoformat("2013-01-01") + timedelta(days=day)
    column = NumericCounts(counts=tuple(counts), missing=0, rows=sum(counts))
    end = start + timedelta(days=1)
    return Profile(features={"t.x": column}, window_from=start, window_through=end)


def test_columns_with_too_few_days_are_left_out() -> None:
    column = NumericBaseline(edges=(1, 2, 3), counts=(5, 5, 5, 5), missing=0, rows=20)
    before = {"t.x": column, "t.y": column}
    counted = [profile(day, counts) for day, counts in enumerate(days(30, 60, copies=6))]
    assert design_effects(before, counted[:13]) == {}
    assert design_effects(before, counted).keys() == {"t.x"}
    other = [profile(day, counts[:3]) for day, counts in enumerate(days(30, 60))]
    assert design_effects(before, other) == {}
