"""The baseline's promises: each broken one is named, by its check; none is broken by chance."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.baseline import (
    Baseline,
    CategoricalBaseline,
    CategoricalCounts,
    NumericBaseline,
    NumericCounts,
    Profile,
)
from decisions.monitors.data_quality import DataQualityPolicy, judge, violations
from tests.unit.decisions.monitored import FROM, THROUGH

POLICY = DataQualityPolicy()


def baseline() -> Baseline:
    return Baseline(
        features={
            "flights.carrier": CategoricalBaseline(
                values={"AA": 500, "UA": 480}, other=0, missing=20, rows=1000
            ),
            "weather.visib": NumericBaseline(
                counts=(400, 590), missing=10, rows=1000, edges=(5.0,), minimum=0.0, maximum=10.0
            ),
        },
        window_from=FROM,
        window_through=THROUGH,
    )


def carriers(**changes: Any) -> CategoricalCounts:
    found = {"values": {"AA": 520, "UA": 460}, "other": 0, "missing": 20, "rows": 1000}
    return CategoricalCounts(**{**found, **changes})


def visibility(**changes: Any) -> NumericCounts:
    found = {"counts": (500, 490), "missing": 10, "rows": 1000, "minimum": 0.0, "maximum": 10.0}
    return NumericCounts(**{**found, **changes})


def profile(**changes: Any) -> Profile:
    features = {"flights.carrier": carriers(), "weather.visib": visibility(), **changes}
    kept = {name: counts for name, counts in features.items() if counts is not None}
    return Profile(features=kept, window_from=FROM, window_through=THROUGH)


def test_what_keeps_its_promises_is_stable() -> None:
    answer = judge(baseline(), profile(), POLICY)
    assert (answer.verdict, answer.observed) == ("stable", 0.0)


@pytest.mark.parametrize(
    ("column", "counts", "check"),
    [
        ("flights.carrier", None, "missing_column"),
        ("flights.carrier", visibility(), "data_type"),
        ("flights.carrier", carriers(values={"AA": 480}, missing=520), "completeness"),
        ("flights.carrier", carriers(values={"AA": 480}, other=500), "categorical_values"),
        ("flights.carrier", carriers(values={"AA": 480, "ZZ": 500}), "categorical_values"),
        ("weather.visib", visibility(counts=(0, 0), missing=1000), "completeness"),
        ("weather.visib", visibility(counts=(500, 480), infinite=10), "data_type"),
        ("weather.visib", visibility(minimum=-0.1), "is_non_negative"),
        ("weather.visib", visibility(maximum=160.0), "range"),
    ],
)
def test_a_broken_promise_is_named(column: str, counts: Any, check: str) -> None:
    found = violations(baseline(), profile(**{column: counts}), POLICY)
    assert [(each.column, each.check) for each in found] == [(column, check)]
    answer = judge(baseline(), profile(**{column: counts}), POLICY)
    assert answer.verdict == "drifted"
    assert column in answer.why


def test_a_little_beyond_the_range_is_no_breach() -> None:
    """A window a little warmer than any before is drift's matter, not quality's."""
    assert not violations(
        baseline(), profile(**{"weather.visib": visibility(maximum=12.0)}), POLICY
    )


def test_few_rows_cannot_be_told_but_a_column_that_is_gone_can() -> None:
    few = carriers(values={"AA": 1}, missing=9, rows=10)
    thin = visibility(counts=(5, 5), missing=0, rows=10)
    columns = {"flights.carrier": few, "weather.visib": thin}
    assert judge(baseline(), profile(**columns), POLICY).verdict == "cannot_tell"
    gone = profile(**{**columns, "weather.visib": None})
    assert judge(baseline(), gone, POLICY).verdict == "drifted"


def test_a_baseline_without_columns_cannot_tell() -> None:
    empty = Baseline(features={}, window_from=FROM, window_through=THROUGH)
    assert judge(empty, profile(), POLICY).verdict == "cannot_tell"


@given(st.integers(200, 5000), st.integers(0, 5000))
def test_missing_shares_fire_exactly_from_the_threshold_on_when_they_are_sure(
    rows: int, missing: int
) -> None:
    missing = min(missing, rows)
    counts = carriers(values={"AA": rows - missing}, missing=missing, rows=rows)
    found = violations(baseline(), profile(**{"flights.carrier": counts}), POLICY)
    large = missing / rows - 0.02 >= POLICY.missing_rise
    assert bool(found) == large  # 200 rows are enough to be sure of a rise of 0.1
