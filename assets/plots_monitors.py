"""The other monitors' reports as pictures: the window beside the baseline, and the time line.

Draws what was measured and judged. Computing or judging a number does not belong here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assets.drawing import ACCENT, INK, WARN, figure, markdown
from decisions.monitors import bias
from decisions.monitors.attribution import ranking
from decisions.monitors.board import judge
from decisions.monitors.measured import SCORE_BINS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import dagster as dg

    from decisions.monitors.measured import Measurements, ScoreCounts
    from decisions.reports import MonitorReport
    from usecases.declaration import UseCase

_MUTED = "#94a3b8"
_MOST = 15


def draw(
    use_case: UseCase,
    report: MonitorReport,
    window: Measurements | None,
    history: Sequence[Measurements],
) -> dict[str, dg.MarkdownMetadataValue]:
    """Draw a report: its time line, and the window, if it was measured, beside the baseline."""
    found = {"timeline": timeline(use_case, report, history)} if history else {}
    picture = _PICTURES.get(report.monitor)
    if window is not None and picture is not None:
        found["now_and_baseline"] = picture(use_case, window)
    return found


def timeline(
    use_case: UseCase, report: MonitorReport, history: Sequence[Measurements]
) -> dg.MarkdownMetadataValue:
    """Draw the monitor's measure window by window against the threshold of today."""
    policy = use_case.monitors.sampled[report.monitor]
    answers = [(each, judge(report.monitor, policy, each)) for each in history]
    told = [
        (each.window_through, answer) for each, answer in answers if answer.observed is not None
    ]
    made, axes = figure()
    axes.plot([at for at, _ in told], [answer.observed for _, answer in told], color=_MUTED)
    for verdict, colour in (("stable", ACCENT), ("drifted", WARN)):
        points = [(at, answer.observed) for at, answer in told if answer.verdict == verdict]
        axes.scatter([at for at, _ in points], [y for _, y in points], color=colour, zorder=3)
    untold = [each.window_through for each, answer in answers if answer.observed is None]
    for at in untold:
        axes.axvline(at, color=_MUTED, linewidth=0.8, linestyle=":")
    thresholds = [answer.threshold for _, answer in told if answer.threshold is not None]
    if thresholds:
        axes.axhline(thresholds[-1], color=INK, linewidth=0.8, linestyle="--")
    axes.set(xlabel="end of window", title=report.monitor.replace("_", " "))
    axes.tick_params(axis="x", labelrotation=30)
    return markdown(made, "timeline")


def _scores(use_case: UseCase, window: Measurements) -> dg.MarkdownMetadataValue:
    made, axes = figure()
    middles = [(place + 0.5) / SCORE_BINS for place in range(SCORE_BINS)]
    width = 0.4 / SCORE_BINS
    for counts, shift, colour, label in (
        (window.scores_baseline, -width / 2, _MUTED, "test rows"),
        (window.scores, width / 2, ACCENT, "now"),
    ):
        if counts is not None:
            places = [middle + shift for middle in middles]
            axes.bar(places, _shares(counts), width=width, color=colour, label=label)
    axes.axvline(use_case.decision_threshold, color=INK, linewidth=0.8, linestyle=":")
    axes.set(xlabel="predicted probability", ylabel="share of rows", title="Predictions")
    axes.legend()
    return markdown(made, "predictions")


def _separation(use_case: UseCase, window: Measurements) -> dg.MarkdownMetadataValue:
    del use_case
    features = window.separation.features if window.separation else {}
    top = sorted(features.items(), key=lambda item: item[1])[-_MOST:]
    made, axes = figure(height=0.8 + 0.22 * max(len(top), 4))
    axes.barh([name for name, _ in top], [share for _, share in top], color=ACCENT)
    axes.set(xlabel="share of the domain classifier's gain", title="What tells new rows apart")
    return markdown(made, "separation")


def _attributions(use_case: UseCase, window: Measurements) -> dg.MarkdownMetadataValue:
    del use_case
    before = window.attributions_baseline.mean_absolute if window.attributions_baseline else {}
    now = window.attributions.mean_absolute if window.attributions else {}
    names = ranking(before)[:_MOST][::-1]
    made, axes = figure(height=0.8 + 0.3 * max(len(names), 4))
    places = range(len(names))
    axes.barh([p + 0.2 for p in places], [before[n] for n in names], 0.38, color=_MUTED)
    axes.barh([p - 0.2 for p in places], [now.get(n, 0.0) for n in names], 0.38, color=ACCENT)
    axes.set_yticks(list(places), names)
    axes.set(xlabel="mean |SHAP|, log-odds", title="Attribution: training rows (grey), now (blue)")
    return markdown(made, "attributions")


def _bias(use_case: UseCase, window: Measurements) -> dg.MarkdownMetadataValue:
    policy = use_case.monitors.bias
    groups = bias.compare(window, policy)
    ranked = sorted(groups, key=lambda each: abs(each.dppl_change.value))[-_MOST:]
    made, axes = figure(height=0.8 + 0.25 * max(len(ranked), 4))
    for place, each in enumerate(ranked):
        change = each.dppl_change
        axes.plot([change.low, change.high], [place, place], color=ACCENT)
        axes.plot([change.value], [place], "o", color=ACCENT)
    for bound in (-policy.maximum_change, policy.maximum_change):
        axes.axvline(bound, color=INK, linewidth=0.8, linestyle="--")
    axes.set_yticks(list(range(len(ranked))), [f"{each.facet}={each.value}" for each in ranked])
    axes.locator_params(axis="x", nbins=5)
    axes.margins(y=0.15)
    axes.set(xlabel="change of DPPL since the champion's test", title="Treatment of groups")
    return markdown(made, "bias")


def _performance(use_case: UseCase, window: Measurements) -> dg.MarkdownMetadataValue:
    found = window.estimate
    values: list[tuple[str, float | None]] = []
    if found is not None:
        values = [
            ("test rows", found.auc_baseline),
            ("test rows, estimated", found.auc_checked),
            ("now, estimated", found.auc),
            ("now, labels so far", found.auc_realised),
        ]
    known = [(name, value) for name, value in values if value is not None][::-1]
    made, axes = figure(height=2.2)
    axes.barh([name for name, _ in known], [value for _, value in known], color=ACCENT)
    if found is not None and found.auc_baseline is not None:
        least = found.auc_baseline - use_case.monitors.performance.maximum_drop
        axes.axvline(least, color=INK, linewidth=0.8, linestyle="--")
    axes.set(xlabel="AUC", xlim=(0.4, 1.0), title="Performance without labels")
    return markdown(made, "performance")


def _shares(counts: ScoreCounts) -> list[float]:
    return [count / max(counts.scored, 1) for count in counts.counts]


_PICTURES: dict[str, Callable[[UseCase, Measurements], Any]] = {
    "multivariate_drift": _separation,
    "prediction_drift": _scores,
    "performance_estimate": _performance,
    "bias_drift": _bias,
    "attribution_drift": _attributions,
}
