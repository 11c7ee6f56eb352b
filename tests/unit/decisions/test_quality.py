"""Model quality: what fires, what recovers, and what cannot be told."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.quality import QualityPolicy, WindowScores, hanley_mcneil, judge
from decisions.reports import Metrics

CHAMPION = Metrics(auc=0.72, log_loss=0.5, brier=0.16, rows=5000, positives=1200)
POLICY = QualityPolicy(
    minimum_labels=500, minimum_per_class=30, minimum_coverage=0.7, maximum_auc_drop=0.05,
    maximum_brier_rise=0.05, persistence=2, confidence=0.95,
)  # fmt: skip
START = datetime(2013, 3, 1)  # noqa: DTZ001 - data time is naive UTC


def window(auc: float | None = 0.72, at: int = 0, **changes: object) -> WindowScores:
    given = {
        "predictions": 2100,
        "labelled": 2000,
        "positives": 500,
        "auc": auc,
        "auc_variance": 0.0001,
        "brier": 0.16,
        "brier_variance": 0.00001,
    } | changes
    start = START + timedelta(days=7 * at)
    return WindowScores(window_from=start, window_through=start + timedelta(days=7), **given)


def verdict(*windows: WindowScores, champion: Metrics | None = CHAMPION) -> tuple[str, str]:
    report = judge(champion, windows, POLICY, model_version=3)
    assert report.monitor_report().verdict == report.verdict
    return report.verdict, report.why


def test_as_good_as_tested_is_stable() -> None:
    said, why = verdict(window(), window())
    assert said == "stable"
    assert "AUC 0.720 (0.700 to 0.740) against the champion's 0.720" in why
    assert "on 2000 of 2100 predictions" in why


def test_it_fires_only_when_it_persists() -> None:
    said, why = verdict(window(0.72), window(0.6))
    assert said == "stable"
    assert "1 of 2 windows in a row" in why
    assert verdict(window(0.6), window(0.6))[0] == "drifted"
    assert verdict(window(0.6), window(0.72), window(0.6))[0] == "stable"


def test_it_goes_on_firing_until_it_is_sound() -> None:
    firing = [window(0.6), window(0.6)]
    said, why = verdict(*firing, window(0.68))
    assert said == "drifted"
    assert "not recovered" in why
    assert verdict(*firing, window(0.71))[0] == "stable"
    assert verdict(*firing, window(0.71), window(0.68))[0] == "stable"


def test_a_loss_that_chance_explains_does_not_count() -> None:
    vague = {"auc_variance": 0.01}
    assert verdict(window(0.6, **vague), window(0.6, **vague))[0] == "stable"


def test_a_certain_but_small_loss_does_not_count() -> None:
    exact = {"auc_variance": 1e-9}
    assert verdict(window(0.69, **exact), window(0.69, **exact))[0] == "stable"


def test_a_rate_that_moved_shows_in_the_brier_score() -> None:
    moved = {"brier": 0.24, "positives": 1400}
    said, why = verdict(window(**moved), window(**moved))
    assert said == "drifted"
    assert "Brier score 0.240 against 0.160" in why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"predictions": 0, "labelled": 0, "positives": 0}, "was not asked about any event"),
        ({"labelled": 0, "positives": 0}, "labels do not come: 0 of 2100"),
        ({"labelled": 1000}, "labels do not come: 1000 of 2100"),
        ({"predictions": 400, "labelled": 400}, "400 labelled predictions; at least 500"),
        ({"positives": 3}, "3 of the rarer label"),
        ({"positives": 1990}, "10 of the rarer label"),
        ({"auc": float("nan")}, "not finite"),
    ],
)
def test_what_cannot_be_told_says_why(changes: dict[str, object], why: str) -> None:
    said, told = verdict(window(0.6), window(0.6), window(**changes))
    assert said == "cannot_tell"
    assert why in told


def test_missing_labels_alert_and_an_unasked_model_does_not() -> None:
    silent = window(predictions=0, labelled=0, positives=0)
    assert judge(CHAMPION, [window(labelled=0, positives=0)], POLICY, model_version=1).alert
    assert judge(CHAMPION, [silent], POLICY, model_version=1).silent
    assert not judge(CHAMPION, [silent], POLICY, model_version=1).alert
    assert judge(None, [window()], POLICY, model_version=1).alert
    assert judge(CHAMPION, [window(0.6)] * 2, POLICY, model_version=1).alert


def test_a_gap_neither_adds_to_a_streak_nor_ends_it() -> None:
    gap = window(labelled=0, positives=0)
    assert verdict(window(0.6), gap, window(0.6))[0] == "drifted"


@pytest.mark.parametrize(
    "champion",
    [
        None,
        CHAMPION.model_copy(update={"auc": None}),
        CHAMPION.model_copy(update={"positives": 0}),
    ],
)
def test_without_the_champions_own_scores_nothing_is_told(champion: Metrics | None) -> None:
    assert verdict(window(0.3), window(0.3), champion=champion)[0] == "cannot_tell"


def test_without_captures_the_reason_is_that() -> None:
    silent = window(predictions=0, labelled=0, positives=0)
    report = judge(CHAMPION, [silent], POLICY, model_version=1, captured=False)
    assert report.verdict == "cannot_tell"
    assert "release.capture.percent is 0" in report.why


def test_no_window_at_all() -> None:
    assert verdict()[0] == "cannot_tell"


def test_hanley_and_mcneils_own_example() -> None:
    # Their table of 1982: AUC 0.893 over 51 abnormal and 58 normal cases, standard error 0.032.
    assert hanley_mcneil(0.893, 51, 58) ** 0.5 == pytest.approx(0.032, abs=0.001)


def history(draw: random.Random, truth: float, windows: int = 8) -> tuple[str, int]:
    """A champion of AUC 0.72 as tested, then windows of which the truth is this; what was said."""

    def seen(auc: float, rows: int) -> tuple[float, float]:
        variance = hanley_mcneil(auc, rows // 4, rows - rows // 4)
        return draw.gauss(auc, variance**0.5), variance

    tested = CHAMPION.model_copy(update={"auc": seen(0.72, 5000)[0], "positives": 1250})
    made = []
    for _ in range(windows):
        auc, variance = seen(truth, 1000)
        made.append(
            window(auc, predictions=1000, labelled=1000, positives=250, auc_variance=variance)
        )
    report = judge(tested, made, POLICY, model_version=1)
    return report.verdict, sum(each.standing == "short" for each in report.windows)


def test_false_alarms_are_rare_and_a_real_loss_is_found() -> None:
    draw = random.Random(5)  # noqa: S311 - no secret
    alike = [history(draw, 0.72)[0] for _ in range(200)]
    assert alike.count("drifted") <= 1
    lost = [history(draw, 0.62)[0] for _ in range(200)]
    assert lost.count("drifted") >= 195


scores = st.one_of(st.none(), st.floats(0, 1))


@given(
    st.lists(
        st.builds(
            window,
            scores,
            auc_variance=st.one_of(st.none(), st.floats(0, 1)),
            brier=scores,
            brier_variance=st.one_of(st.none(), st.floats(0, 1)),
            labelled=st.integers(0, 2100),
            positives=st.integers(0, 2100),
        ),
        max_size=10,
    )
)
def test_any_history_has_a_verdict_and_the_newest_decides(windows: list[WindowScores]) -> None:
    report = judge(CHAMPION, windows, POLICY, model_version=1)
    assert report.why
    if not windows or report.windows[-1].standing == "cannot_tell":
        assert report.verdict == "cannot_tell"
    if report.verdict == "drifted":
        assert any(each.standing == "short" for each in report.windows)
    assert report == judge(CHAMPION, windows, POLICY, model_version=1)
