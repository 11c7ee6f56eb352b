"""The drift verdict is defined for every window, however poor."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
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
from decisions.drift import DriftPolicy, Persistence

POLICY = DriftPolicy(psi_threshold=0.25, minimum_rows=100)
COUNTS = st.lists(st.integers(0, 10_000), min_size=3, max_size=3).filter(any)
START = datetime.fromisoformat("2013-01-01")
WINDOW = {"window_from": START, "window_through": datetime.fromisoformat("2013-03-01")}


def frozen(*counts: int, missing: int = 0, infinite: int = 0, **known: Any) -> NumericBaseline:
    edges = tuple(float(place) for place in range(len(counts) - 1))
    rows = sum(counts) + missing + infinite
    return NumericBaseline(
        edges=edges, counts=counts, missing=missing, infinite=infinite, rows=rows, **known
    )


def counted(*counts: int, missing: int = 0, infinite: int = 0, **known: Any) -> NumericCounts:
    rows = sum(counts) + missing + infinite
    return NumericCounts(counts=counts, missing=missing, infinite=infinite, rows=rows, **known)


def baseline(*counts: int, **more: Any) -> Baseline:
    return Baseline(features={"x": frozen(*counts, **more)}, **WINDOW)


def profile(*counts: int, **more: Any) -> Profile:
    return Profile(features={"x": counted(*counts, **more)}, **WINDOW)


def history(*windows: tuple[int, ...]) -> list[Profile]:
    """Return windows of one column, a day from each to the next."""
    return [
        Profile(
            features={"x": counted(*counts)},
            window_from=START + timedelta(days=day),
            window_through=START + timedelta(days=day + 7),
        )
        for day, counts in enumerate(windows)
    ]


def status(before: Baseline, now: Profile, policy: DriftPolicy = POLICY) -> tuple[str, str]:
    (column,) = drift.judge(before, [now], policy).features
    return column.status, column.why


def with_policy(**changes: Any) -> DriftPolicy:
    return DriftPolicy.model_validate({**POLICY.model_dump(), **changes})


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_merging_windows_does_not_depend_on_order(one: list[int], two: list[int]) -> None:
    first, second = profile(*one), profile(*two)
    assert first.merge(second) == second.merge(first)
    before = baseline(50, 50, 50)
    assert drift.judge(before, [first.merge(second)], POLICY) == drift.judge(
        before, [second.merge(first)], POLICY
    )


@pytest.mark.parametrize(
    ("before", "now", "expected", "said"),
    [
        (baseline(100, 100), profile(100, 100), "stable", "PSI 0.000"),
        (baseline(100, 100), profile(190, 10), "drifted", "PSI"),
        (baseline(100, 100), profile(0, 0), "cannot_tell", "0 rows"),
        (baseline(100, 100), profile(1, 0), "cannot_tell", "1 rows; at least 100"),
        (baseline(100, 100), profile(30, 30), "cannot_tell", "60 rows; at least 100"),
        (baseline(30, 30), profile(100, 100), "cannot_tell", "baseline has 60 rows"),
        (baseline(100, 100), profile(0, 0, missing=500), "cannot_tell", "data-quality"),
        (baseline(100, 100), profile(0, 0, infinite=500), "cannot_tell", "finite value"),
        (baseline(0, 0, missing=500), profile(100, 100), "cannot_tell", "nothing to compare"),
        (baseline(0, 0, infinite=500), profile(100, 100), "cannot_tell", "is finite"),
        (baseline(0, 200, 0), profile(0, 400, 0), "stable", "PSI 0.000"),
        (baseline(0, 200, 0), profile(400, 0, 0), "drifted", "PSI"),
        (baseline(100, 100), profile(100, 100, missing=400), "drifted", "PSI"),
        (baseline(100, 100), profile(100, 100, infinite=400), "drifted", "400 rows are infinite"),
        (baseline(100, 100), profile(100, 100, 100), "cannot_tell", "bin by bin"),
    ],
    ids=[
        "same", "moved", "empty", "a single value", "too few", "too little baseline", "all null",
        "all infinite", "null baseline", "infinite baseline", "constant", "constant moved",
        "half gone missing", "two thirds infinite", "other bins",
    ],
)  # fmt: skip
def test_every_window_has_a_defined_verdict(
    before: Baseline, now: Profile, expected: str, said: str
) -> None:
    found, why = status(before, now)
    assert found == expected
    assert said in why


def test_no_window_at_all_cannot_be_told() -> None:
    report = drift.judge(baseline(100, 100), [], POLICY)
    assert report.verdict == "cannot_tell"
    assert "no window" in report.why
    assert drift.cannot_tell("The file is gone.").why == "The file is gone."


def test_windows_in_the_wrong_order_are_a_mistake() -> None:
    windows = history((100, 100), (100, 100))
    with pytest.raises(ValueError, match="oldest first"):
        drift.judge(baseline(100, 100), windows[::-1], POLICY)


@settings(deadline=None)
@given(st.data())
def test_no_report_holds_a_nan_and_every_column_says_why(data: st.DataObject) -> None:
    counts = st.lists(st.integers(0, 500), min_size=4, max_size=4)
    number = st.none() | st.floats(allow_nan=False, allow_infinity=False)

    def sides(make: Any) -> Any:
        low, high = sorted((data.draw(st.floats(-1e300, 1e300)), data.draw(st.floats(-9, 9))))
        return make(
            *data.draw(counts),
            missing=data.draw(st.integers(0, 500)),
            infinite=data.draw(st.integers(0, 500)),
            minimum=low,
            maximum=high,
            total=data.draw(number),
            squares=data.draw(number),
        )

    before = Baseline(features={"x": sides(frozen)}, **WINDOW)
    windows = [Profile(features={"x": sides(counted)}, **WINDOW) for _ in range(2)]
    name = data.draw(st.sampled_from(["psi", "jensen_shannon", "ks", "wasserstein"]))
    report = drift.judge(before, windows, with_policy(measure=name))
    assert json.dumps(report.model_dump(mode="json"), allow_nan=False)
    assert all(column.why for column in report.features)


def test_a_trivial_shift_of_very_many_rows_is_stable() -> None:
    assert status(baseline(500_000, 500_000), profile(503_000, 497_000))[0] == "stable"


def test_a_large_shift_that_chance_could_do_is_stable() -> None:
    alike = with_policy(rows_per_independent={"x": 40})
    before, now = baseline(1000, 1000), profile(150, 50)
    assert status(before, now)[0] == "drifted"
    found, why = status(before, now, alike)
    assert found == "stable"
    assert "chance alone could do it" in why
    assert "with 5 independent rows" in why
    measured = before.model_copy(update={"design_effects": {"x": 40.0}})
    assert status(measured, now)[0] == "stable"
    assert status(measured, now, with_policy(rows_per_independent={"x": 1}))[0] == "drifted"


def test_a_column_that_is_gone_or_new_is_a_schema_change_not_drift() -> None:
    gone = drift.judge(baseline(100, 100), [Profile(features={}, **WINDOW)], POLICY)
    assert gone.verdict == "cannot_tell"
    assert "gone" in gone.why
    new = drift.judge(Baseline(features={}, **WINDOW), [profile(100, 100)], POLICY)
    assert new.verdict == "cannot_tell"


def categories(**changes: Any) -> dict[str, Any]:
    given = {"values": {"UA": 500, "B6": 500}, "other": 0, "missing": 0, "rows": 1000}
    return {**given, **changes}


def categorical(before: dict[str, Any], now: dict[str, Any], policy: DriftPolicy = POLICY) -> Any:
    report = drift.judge(
        Baseline(features={"c": CategoricalBaseline(**before)}, **WINDOW),
        [Profile(features={"c": CategoricalCounts(**now)}, **WINDOW)],
        policy,
    )
    return report.features[0]


def test_a_category_never_seen_counts_with_the_others_and_is_told() -> None:
    now = categories(values={"UA": 350, "B6": 350, "XX": 300})
    found = categorical(categories(), now)
    assert found.status == "drifted"
    assert "300 rows (30.0%) have values that the baseline did not keep." in found.why
    assert found.distances["l_infinity"] == pytest.approx(0.3)
    assert found.distances["total_variation"] == pytest.approx(0.3)


def test_a_column_that_is_nearly_unique_cannot_be_told() -> None:
    before = categories(values={"a": 1, "b": 1}, other=998)
    found = categorical(before, categories(values={}, other=1000))
    assert found.status == "cannot_tell"
    assert "like an identifier" in found.why
    assert categorical(before, before, with_policy(maximum_other=1.0)).status == "stable"


def test_the_measure_can_be_chosen_by_kind() -> None:
    policy = with_policy(categorical_measure="l_infinity", thresholds={"l_infinity": 0.4})
    found = categorical(categories(), categories(values={"UA": 800, "B6": 200}), policy)
    assert (found.measure, found.value, found.status) == (
        "l_infinity",
        pytest.approx(0.3),
        "stable",
    )
    by_ks = drift.judge(baseline(100, 100), [profile(150, 50)], with_policy(measure="ks"))
    assert by_ks.features[0].value == pytest.approx(0.25)
    assert by_ks.features[0].threshold == pytest.approx(0.2)
    assert by_ks.verdict == "drifted"


def test_a_measure_that_is_not_defined_is_replaced_by_psi() -> None:
    (found,) = drift.judge(
        baseline(0, 200, 0), [profile(400, 0, 0)], with_policy(measure="wasserstein")
    ).features
    assert (found.measure, found.status) == ("psi", "drifted")


MOVED, SAME, BETWEEN = (160, 40), (100, 100), (145, 55)
"""PSI 0.42, 0, and 0.22: above 0.8 * 0.25."""


def test_a_shift_must_persist() -> None:
    policy = with_policy(persistence=Persistence(windows=2, of=3))
    once = drift.judge(baseline(100, 100), history(SAME, SAME, MOVED), policy)
    assert once.verdict == "stable"
    assert "in 1 of the last 3 windows; 2 are needed" in once.features[0].why
    twice = drift.judge(baseline(100, 100), history(MOVED, SAME, MOVED), policy)
    assert twice.verdict == "drifted"
    assert "in 2 of the last 3 windows" in twice.features[0].why
    assert [each.reached for each in twice.features[0].history] == [True, False, True]


def test_what_fired_clears_below_the_release_only() -> None:
    held = drift.judge(baseline(100, 100), history(MOVED, BETWEEN), POLICY)
    assert held.verdict == "drifted"
    assert "not below 0.200, where what fired clears" in held.features[0].why
    assert drift.judge(baseline(100, 100), history(SAME, BETWEEN), POLICY).verdict == "stable"
    cleared = drift.judge(baseline(100, 100), history(MOVED, SAME, BETWEEN), POLICY)
    assert cleared.verdict == "stable"


def test_an_older_window_that_cannot_be_told_changes_nothing() -> None:
    report = drift.judge(baseline(100, 100), history(MOVED, (0, 0), BETWEEN), POLICY)
    assert report.verdict == "drifted"
    assert report.features[0].history[1].value is None


def two(one: tuple[int, ...], other: tuple[int, ...]) -> Profile:
    return Profile(features={"a.x": counted(*one), "b.y": counted(*other)}, **WINDOW)


BOTH = Baseline(features={"a.x": frozen(100, 100), "b.y": frozen(100, 100)}, **WINDOW)


def test_drift_of_a_column_that_the_model_ignores_is_told_and_does_not_count() -> None:
    weights = {"a.x": 0.001, "b.y": 0.4}
    report = drift.judge(BOTH, [two(MOVED, SAME)], POLICY, weights)
    assert report.verdict == "stable"
    assert "told but not counted: a.x" in report.why
    (column,) = report.drifted
    assert not column.counts
    assert "The model hardly uses it (0.1% of its gain, below 1.0%)" in column.why
    assert drift.judge(BOTH, [two(SAME, MOVED)], POLICY, weights).verdict == "drifted"


def test_a_column_that_the_importance_does_not_know_is_one_that_the_model_ignores() -> None:
    assert drift.judge(BOTH, [two(MOVED, SAME)], POLICY, {"b.y": 1.0}).verdict == "stable"


def test_weight_fires_where_too_few_columns_drifted() -> None:
    policy = with_policy(minimum_features=2, minimum_weight=0.3)
    weights = {"a.x": 0.2, "b.y": 0.4}
    assert drift.judge(BOTH, [two(MOVED, SAME)], policy, weights).verdict == "stable"
    heavy = drift.judge(BOTH, [two(SAME, MOVED)], policy, weights)
    assert heavy.verdict == "drifted"
    assert heavy.weight == pytest.approx(0.4)
    assert "40% of the model's gain" in heavy.why


def test_too_few_drifted_columns_are_told_but_do_not_count() -> None:
    report = drift.judge(baseline(100, 100), [profile(190, 10)], with_policy(minimum_features=2))
    assert report.verdict == "stable"
    assert "1 of 1 columns drifted and 2 would count" in report.why


def test_a_column_that_could_have_decided_it_makes_the_whole_untold() -> None:
    gone = Profile(features={"a.x": counted(*SAME)}, **WINDOW)
    report = drift.judge(BOTH, [gone], POLICY)
    assert report.verdict == "cannot_tell"
    assert "b.y: The column is gone" in report.why
    assert drift.judge(BOTH, [gone], with_policy(minimum_features=2)).verdict == "stable"
    moved = Profile(features={"a.x": counted(*MOVED)}, **WINDOW)
    assert drift.judge(BOTH, [moved], POLICY).verdict == "drifted"


def test_an_ignored_column_is_told_and_never_counts() -> None:
    report = drift.judge(BOTH, [two(MOVED, SAME)], with_policy(ignore=("a.x",)))
    assert report.verdict == "stable"
    assert "Ignored by the declaration" in report.features[0].why
    alone = drift.judge(baseline(100, 100), [profile(190, 10)], with_policy(ignore=("x",)))
    assert alone.verdict == "cannot_tell"


def test_many_columns_are_judged_together() -> None:
    # One column in forty at p 0.01 is what chance brings: q 0.4.
    names = [f"t.c{number:02}" for number in range(40)]
    before = Baseline(features=dict.fromkeys(names, frozen(2000, 2000)), **WINDOW)
    now = {name: counted(100, 100) for name in names} | {"t.c00": counted(140, 60)}
    policy = with_policy(psi_threshold=0.1, rows_per_independent={"t": 5})
    report = drift.judge(before, [Profile(features=now, **WINDOW)], policy)
    assert report.features[0].p_value == pytest.approx(0.014, abs=0.002)
    assert report.features[0].q_value == pytest.approx(0.56, abs=0.08)
    assert report.verdict == "stable"


def weekly(monday: tuple[int, int], rest: tuple[int, int]) -> Baseline:
    """Return a baseline of a week whose Mondays are unlike its other days."""
    whole = [monday[side] + 6 * rest[side] for side in (0, 1)]
    days = {0: {"x": counted(*monday)}} | {day: {"x": counted(*rest)} for day in range(1, 7)}
    return Baseline(features={"x": frozen(*whole)}, by_weekday=days, **WINDOW)


def test_a_window_is_compared_with_the_same_weekdays() -> None:
    before = weekly((180, 20), (100, 100))
    monday = profile(900, 100).model_copy(update={"weekdays": {"x": (1000, 0, 0, 0, 0, 0, 0)}})
    (column,) = drift.judge(before, [monday], POLICY).features
    assert (column.status, column.reference) == ("stable", "weekday")
    assert column.psi == pytest.approx(0.0, abs=1e-9)
    assert "against the same weekdays" in column.why
    whole = drift.judge(before, [monday], with_policy(seasonal="none"))
    assert whole.verdict == "drifted"
    sunday = monday.model_copy(update={"weekdays": {"x": (0, 0, 0, 0, 0, 0, 1000)}})
    assert drift.judge(before, [sunday], POLICY).verdict == "drifted"


def test_a_weekday_that_the_baseline_lacks_is_compared_with_the_whole() -> None:
    before = weekly((180, 20), (100, 100))
    lacking = before.model_copy(
        update={"by_weekday": {day: each for day, each in before.by_weekday.items() if day}}
    )
    monday = profile(900, 100).model_copy(update={"weekdays": {"x": (1000, 0, 0, 0, 0, 0, 0)}})
    assert drift.judge(lacking, [monday], POLICY).features[0].reference == "whole"


def test_a_window_like_last_years_is_no_drift() -> None:
    last_year = baseline(190, 10)
    report = drift.judge(baseline(100, 100), [profile(190, 10)], POLICY, seasons=[last_year])
    assert report.verdict == "stable"
    assert report.features[0].reference == "season"
    other = Baseline(
        features={"x": NumericBaseline(edges=(7.0,), counts=(190, 10), missing=0, rows=200)},
        **WINDOW,
    )
    same = drift.judge(baseline(100, 100), [profile(190, 10)], POLICY, seasons=[other])
    assert same.verdict == "drifted"


def test_the_report_is_a_record_of_what_was_compared() -> None:
    before = baseline(*([50] * 20), minimum=-1.0, maximum=19.0)
    report = drift.judge(before, [profile(*([30] * 10), *([10] * 10))], POLICY)
    assert report.baseline_sha256 == before.digest
    assert report.windows == ((WINDOW["window_from"], WINDOW["window_through"]),)
    assert report.rows == 400
    (column,) = report.features
    assert len(column.bins) == 12
    assert [each.label for each in column.bins][-2:] == ["missing", "infinite"]
    assert sum(each.baseline for each in column.bins) == pytest.approx(1.0)
    assert column.distances["ks"] == pytest.approx(0.25)
    assert type(report).model_validate_json(report.model_dump_json()) == report


def test_a_report_of_an_earlier_version_is_still_read() -> None:
    old = {
        "features": [
            {
                "name": "x", "psi": 0.3, "rows_baseline": 9, "rows_current": 9,
                "missing_baseline": 0, "missing_current": 0, "status": "drifted", "why": "PSI.",
            }
        ],
        "verdict": "drifted",
        "why": "1 of 1.",
    }  # fmt: skip
    report = type(drift.cannot_tell("")).model_validate(old)
    assert report.drifted[0].farness == pytest.approx(0.3)


def test_counts_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValidationError, match="!= rows"):
        NumericCounts(counts=(1, 2), missing=0, rows=4)


def test_a_baseline_is_named_by_its_content() -> None:
    assert baseline(1, 2).digest == baseline(1, 2).digest
    assert baseline(1, 2).digest != baseline(2, 1).digest
    assert Baseline.model_validate_json(baseline(1, 2).model_dump_json()) == baseline(1, 2)
