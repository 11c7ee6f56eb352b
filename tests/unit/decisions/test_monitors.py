"""Every monitor: quiet where nothing moved, firing where it did, honest where it cannot tell."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.monitors import attribution, bias, multivariate, performance, predictions
from decisions.monitors.board import JUDGES, judge_all, untold
from decisions.monitors.measured import SCORE_BINS, Attributions, Measurements
from decisions.monitors.verdicts import Answer, MonitorPolicy, persistent
from tests.unit.decisions.monitored import (
    FROM,
    THROUGH,
    estimate,
    facet,
    scores,
    separation,
    window,
)

POLICIES: dict[Any, MonitorPolicy] = {
    "multivariate_drift": multivariate.MultivariatePolicy(),
    "prediction_drift": predictions.PredictionPolicy(),
    "performance_estimate": performance.PerformancePolicy(),
    "bias_drift": bias.BiasPolicy(),
    "attribution_drift": attribution.AttributionPolicy(),
}

MOVED: dict[str, dict[str, Any]] = {
    "multivariate_drift": {"separation": separation(0.9, 0.88, 0.91)},
    "prediction_drift": {"scores": scores(1000, 2000, 5000, positives=5000)},
    "performance_estimate": {"estimate": estimate(auc=0.62)},
    "bias_drift": {
        "facets": (facet("AA", 3000, 1500, 3000, 2240), facet("UA", 5000, 1240, 5000, 3760))
    },
    "attribution_drift": {
        "attributions": Attributions(
            rows=5000, mean_absolute={"hour": 0.1, "temp": 0.2, "seats": 0.4}
        )
    },
}

UNTOLD: list[tuple[str, dict[str, Any], str]] = [
    ("multivariate_drift", {"separation": None}, "not trained"),
    ("multivariate_drift", {"separation": separation()}, "too few days"),
    ("multivariate_drift", {"separation": separation(0.9)}, "too few days"),
    ("multivariate_drift", {"separation": separation(0.9, 0.9, rows=20)}, "20 rows"),
    ("prediction_drift", {"scores": None}, "No predictions"),
    ("prediction_drift", {"scores": scores(missing=9000)}, "0 rows"),
    ("prediction_drift", {"scores_baseline": scores(30)}, "baseline has 30"),
    ("performance_estimate", {"estimate": None}, "No performance"),
    ("performance_estimate", {"estimate": estimate(rows=12)}, "12 rows"),
    ("performance_estimate", {"estimate": estimate(calibration_error=0.2)}, "poorly calibrated"),
    ("performance_estimate", {"estimate": estimate(calibration_error=None)}, "not be measured"),
    ("performance_estimate", {"estimate": estimate(auc_checked=0.85)}, "off by more"),
    ("performance_estimate", {"estimate": estimate(auc=None)}, "both classes"),
    ("performance_estimate", {"estimate": estimate(expected_positives=0.0)}, "both classes"),
    ("performance_estimate", {"estimate": estimate(positives_baseline=6000)}, "both classes"),
    (
        "performance_estimate",
        {"estimate": estimate(auc_realised=0.62, labelled=8000)},
        "contradict the estimate",
    ),
    ("bias_drift", {"facets": ()}, "No facet"),
    ("bias_drift", {"facets": (facet("AA", 9, 1), facet("UA", 8, 2))}, "200 rows"),
    ("bias_drift", {"facets": (facet("ZZ", 9000, 1),)}, "200 rows"),
    ("attribution_drift", {"attributions": None}, "No attributions"),
    (
        "attribution_drift",
        {"attributions": Attributions(rows=900, mean_absolute={"other": 1.0})},
        "features differ",
    ),
    (
        "attribution_drift",
        {
            "attributions_baseline": Attributions(
                rows=900, mean_absolute={"hour": 0.0, "temp": 0.0, "seats": 0.0}
            )
        },
        "no feature",
    ),
]


def judged(name: str, found: Measurements) -> Answer:
    return JUDGES[name](found, POLICIES[name])  # type: ignore[index]


@pytest.mark.parametrize("name", POLICIES)
def test_nothing_moved_is_stable(name: str) -> None:
    answer = judged(name, window())
    assert answer.verdict == "stable", answer.why


@pytest.mark.parametrize("name", POLICIES)
def test_a_move_fires_in_its_own_monitor_alone(name: str) -> None:
    verdicts = {each: judged(each, window(**MOVED[name])).verdict for each in POLICIES}
    assert verdicts == {**dict.fromkeys(POLICIES, "stable"), name: "drifted"}


@pytest.mark.parametrize(("name", "change", "why"), UNTOLD)
def test_bad_input_cannot_be_told_and_says_why(name: str, change: dict[str, Any], why: str) -> None:
    answer = judged(name, window(**change))
    assert answer.verdict == "cannot_tell"
    assert why in answer.why


def test_an_empty_window_cannot_be_told_by_any_monitor() -> None:
    empty = Measurements(window_from=FROM, window_through=THROUGH, rows=0)
    reports = judge_all(POLICIES, [empty])
    assert {each.verdict for each in reports} == {"cannot_tell"}
    assert [each.monitor for each in reports] == list(POLICIES)


def test_what_could_not_be_measured_is_told_by_every_monitor() -> None:
    assert {each.why for each in untold(POLICIES, "the job failed")} == {"the job failed"}


def test_a_season_that_the_baseline_itself_shows_is_no_drift() -> None:
    steady = window(separation=separation(0.8, 0.82), separation_within=separation(0.85, 0.87))
    assert judged("multivariate_drift", steady).verdict == "stable"
    fresh = steady.model_copy(update={"separation_within": separation(0.5, 0.52)})
    assert judged("multivariate_drift", fresh).verdict == "drifted"


def test_folds_that_disagree_are_not_trusted() -> None:
    """One odd block of days must not look like a certain shift of all of them."""
    assert judged("multivariate_drift", window(separation=separation(0.99, 0.45, 0.9))).verdict == (
        "stable"
    )


def test_a_small_but_certain_change_is_no_drift() -> None:
    """Ten million rows make a change of 0.02 certain, not large."""
    groups = (facet("AA", 5_000_000, 1_350_000), facet("UA", 5_000_000, 1_250_000))
    before = (facet("AA", 5_000_000, 1_250_000), facet("UA", 5_000_000, 1_250_000))
    answer = judged("bias_drift", window(facets=groups, facets_baseline=before))
    assert answer.verdict == "stable"
    assert answer.observed == pytest.approx(0.02)


def test_a_large_change_of_few_rows_is_no_drift() -> None:
    groups = (facet("AA", 20, 12), facet("UA", 20, 4))
    before = (facet("AA", 20, 6), facet("UA", 20, 6))
    policy = bias.BiasPolicy(minimum_rows=10)
    assert bias.judge(window(facets=groups, facets_baseline=before), policy).verdict == "stable"


def test_a_few_labels_contradict_nothing() -> None:
    found = window(estimate=estimate(auc_realised=0.62, labelled=40))
    assert judged("performance_estimate", found).verdict == "stable"


def test_bias_measures_are_clarifys() -> None:
    (first, _) = bias.compare(window(**MOVED["bias_drift"]), bias.BiasPolicy())
    assert first.value == "AA"
    assert first.dppl.value == pytest.approx(1240 / 5000 - 1500 / 3000)
    assert first.disparate_impact == pytest.approx((1500 / 3000) / (1240 / 5000))
    assert first.accuracy_difference is not None
    assert first.accuracy_difference.value == pytest.approx(3760 / 5000 - 2240 / 3000)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=30), st.randoms(use_true_random=False))
def test_ndcg_is_at_most_one_and_one_for_the_same_ranking(gains: list[float], random: Any) -> None:
    before = {f"f{at}": gain for at, gain in enumerate(gains)}
    if max(gains) <= 0.0:
        return
    shuffled = list(gains)
    random.shuffle(shuffled)
    now = dict(zip(before, shuffled, strict=True))
    assert 0.0 < attribution.ndcg(before, now) <= 1.0 + 1e-9
    assert attribution.ndcg(before, before) == pytest.approx(1.0)


def test_ndcg_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    before = {"a": 0.5, "b": 0.3, "c": 0.15, "d": 0.05}
    now = {"a": 0.1, "b": 0.2, "c": 0.6, "d": 0.4}
    expected = metrics.ndcg_score([list(before.values())], [list(now.values())])
    assert attribution.ndcg(before, now) == pytest.approx(expected)


def test_what_chance_does_to_psi_is_taken_off() -> None:
    """Two samples of one distribution: PSI alone would grow as rows get fewer."""
    numpy = pytest.importorskip("numpy")
    random = numpy.random.default_rng(5)
    found = []
    for _ in range(200):
        sides = [random.multinomial(600, [1 / SCORE_BINS] * SCORE_BINS) for _ in range(2)]
        before, now = (scores(*map(int, side), positives=300) for side in sides)
        found.append(predictions.shift(before, now, 0.99).psi)
    assert abs(sum(found) / len(found)) < 0.01


@given(
    st.lists(st.sampled_from(["stable", "drifted", "cannot_tell"]), min_size=1, max_size=12),
    st.integers(1, 6),
)
def test_persistence_fires_only_after_so_many_in_a_row(verdicts: list[Any], needed: int) -> None:
    answers = [Answer(verdict=each, why="said.") for each in verdicts]
    told = [each for each in verdicts if each != "cannot_tell"]
    expected = verdicts[-1]
    if expected == "drifted" and (len(told) < needed or set(told[-needed:]) != {"drifted"}):
        expected = "stable"
    assert persistent(answers, needed).verdict == expected


@given(st.builds(lambda *n: n, *[st.integers(0, 3000)] * 6))
def test_no_counts_of_facets_break_the_judge(n: tuple[int, ...]) -> None:
    groups = (facet("AA", n[0] + n[1], n[1], n[0], n[0] // 2), facet("UA", n[2] + 1, n[2]))
    before = (facet("AA", n[3] + n[4], n[4]), facet("UA", n[5] + 1, n[5], n[5], 0))
    answer = judged("bias_drift", window(facets=groups, facets_baseline=before))
    assert answer.why
    assert answer.observed is None or math.isfinite(answer.observed)
