"""A drift report as one picture: how far each column is, what the farthest looks like, since when.

Draws what the report says. Computing a number does not belong here.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from assets.drawing import ACCENT, INK, WARN, markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dagster as dg

    from decisions.reports import DriftReport, FeatureDrift

_MOST_COLUMNS, _MOST_BINS, _MOST_LINES = 25, 16, 4
_TITLES = {"drifted": "drifted", "stable": "stable", "cannot_tell": "cannot tell"}
_FAINT = "#94a3b8"
_HUES = (WARN, ACCENT, "#d97706", "#059669")


def drift(report: DriftReport, threshold: float) -> dg.MarkdownMetadataValue:
    """Draw a report: distances in thresholds, the farthest column's distribution, the timeline.

    Args:
        report: The verdict.
        threshold: Where the columns of a report of an earlier version fire; a newer one says it.
    """
    told = [each for each in report.features if each.psi is not None]
    told.sort(key=lambda each: (_far(each, threshold), each.name))
    told = told[-_MOST_COLUMNS:]
    figure = _blank(height=max(4.6, 1.6 + 0.22 * len(told)))
    figure.suptitle(_title(report), fontsize=9, color=WARN if report.verdict != "stable" else INK)
    grid = figure.add_gridspec(2, 2, width_ratios=(1, 1.15))
    _bars(figure.add_subplot(grid[:, 0]), told, report, threshold)
    _distribution(figure.add_subplot(grid[0, 1]), told)
    _timeline(figure.add_subplot(grid[1, 1]), told[::-1][:_MOST_LINES], threshold)
    return markdown(figure, "drift")


def _title(report: DriftReport) -> str:
    said = f"{_TITLES[report.verdict]}: {report.why}"
    return "\n".join(textwrap.wrap(said, 130)[:3])


def _bars(axes: Any, told: Sequence[FeatureDrift], report: DriftReport, threshold: float) -> None:
    """Draw how far each column is; red drifted, pale where it does not count."""
    axes.barh(
        [each.name for each in told],
        [_far(each, threshold) for each in told],
        color=[WARN if each.status == "drifted" else ACCENT for each in told],
        alpha=None,
    )
    for bar, each in zip(axes.patches, told, strict=True):
        bar.set_alpha(1.0 if each.counts else 0.35)
    axes.axvline(1.0, color=INK, linewidth=0.9, linestyle="--")
    release = next(
        (each.release / each.threshold for each in told if each.threshold and each.release), None
    )
    if release is not None and release < 1.0:
        axes.axvline(release, color=_FAINT, linewidth=0.9, linestyle=":")
    untold = sum(each.status == "cannot_tell" for each in report.features)
    note = f"; {untold} cannot be told" if untold else ""
    axes.set_xlabel("distance, 1 = threshold (dotted: where it clears)", fontsize=8)
    axes.set_title(f"{len(told)} columns against the baseline{note}", fontsize=9)
    axes.tick_params(labelsize=7)


def _distribution(axes: Any, told: Sequence[FeatureDrift]) -> None:
    """Draw the farthest column now beside the baseline, bin by bin."""
    shown = next((each for each in reversed(told) if each.bins), None)
    if shown is None:
        _nothing(axes, "no distribution was counted")
        return
    bins = [each for each in shown.bins if each.baseline or each.current]
    if len(bins) > _MOST_BINS:
        bins = sorted(bins, key=lambda each: -abs(each.current - each.baseline))[:_MOST_BINS]
    places = range(len(bins))
    axes.bar([at - 0.2 for at in places], [each.baseline for each in bins], 0.4, color=_FAINT)
    axes.bar([at + 0.2 for at in places], [each.current for each in bins], 0.4, color=WARN)
    axes.set_xticks(list(places), [each.label for each in bins], rotation=40, ha="right")
    axes.tick_params(labelsize=6)
    axes.legend(["baseline", "now"], fontsize=7, frameon=False)
    axes.set_ylabel("share of rows", fontsize=7)
    axes.set_title(
        f"the farthest: {shown.name}, {shown.measure} {_number(shown.value)}", fontsize=9
    )


def _timeline(axes: Any, farthest: Sequence[FeatureDrift], threshold: float) -> None:
    """Draw the farthest columns over the windows; a ring where one fires."""
    drawn = [each for each in farthest if each.history]
    if not drawn:
        _nothing(axes, "no earlier window was judged")
        return
    for each, hue in zip(drawn, _HUES, strict=False):
        fires = each.threshold or threshold
        points = [(w.window_through, w.value / fires) for w in each.history if w.value is not None]
        axes.plot(*zip(*points, strict=True), color=hue, marker=".", linewidth=1, label=each.name)
        firing = [
            (w.window_through, w.value / fires)
            for w in each.history
            if w.firing and w.value is not None
        ]
        axes.scatter(
            *(zip(*firing, strict=True) if firing else ([], [])), color=hue, s=45, alpha=0.4
        )
    axes.axhline(1.0, color=INK, linewidth=0.9, linestyle="--")
    axes.set_ylim(bottom=0.0)
    axes.set_title("the farthest columns, window by window (rings: firing)", fontsize=9)
    axes.legend(fontsize=6, frameon=False)
    axes.tick_params(labelsize=6)
    axes.tick_params(axis="x", rotation=25)


def _nothing(axes: Any, why: str) -> None:
    axes.text(0.5, 0.5, why, ha="center", va="center", color=_FAINT, fontsize=8)
    axes.set_axis_off()


def _blank(height: float) -> Any:
    # The object interface, as in drawing.py, which gives figures of one panel.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, height), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _far(each: FeatureDrift, threshold: float) -> float:
    return each.farness if each.threshold else (each.psi or 0.0) / threshold


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
