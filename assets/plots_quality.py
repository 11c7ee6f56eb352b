"""Model quality as a picture for the Dagster UI: scores by window, with what they must reach.

Draws what a report says. Computing a number does not belong here.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from decisions.quality import QualityReport, WindowQuality

_INK = "#334155"
_ACCENT = "#2563eb"
_WARN = "#dc2626"
_FAINT = "#94a3b8"
_COLOURS = {"sound": _ACCENT, "between": _INK, "short": _WARN, "cannot_tell": _FAINT}


def timeline(report: QualityReport) -> dg.MarkdownMetadataValue:
    """Draw AUC with its interval, Brier score, and the share of predictions that have a label."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 5.4), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    areas = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 1))
    _auc(areas[0], report)
    _brier(areas[1], report)
    _labels(areas[2], report)
    figure.autofmt_xdate()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return dg.MetadataValue.md(f"![model quality](data:image/png;base64,{encoded})")


def _auc(axes: Any, report: QualityReport) -> None:
    known = [each for each in report.windows if each.scores.auc is not None]
    axes.errorbar(
        [_middle(each) for each in known],
        [each.scores.auc for each in known],
        yerr=[_below(known), _above(known)],
        fmt="none",
        ecolor=_FAINT,
        capsize=3,
    )
    axes.plot([_middle(each) for each in known], [each.scores.auc for each in known], color=_FAINT)
    axes.scatter(
        [_middle(each) for each in known],
        [each.scores.auc for each in known],
        c=[_COLOURS[each.standing] for each in known],
        zorder=3,
    )
    _line(axes, report.champion.auc if report.champion else None, "champion's test", ":")
    _line(axes, report.auc_floor, "floor", "--")
    axes.set(ylabel="AUC", title=f"Version {report.model_version}: {report.verdict}")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7, loc="lower left")


def _brier(axes: Any, report: QualityReport) -> None:
    known = [each for each in report.windows if each.scores.brier is not None]
    axes.plot(
        [_middle(each) for each in known],
        [each.scores.brier for each in known],
        color=_ACCENT,
        marker="o",
        markersize=3,
    )
    _line(axes, report.champion.brier if report.champion else None, "", ":")
    _line(axes, report.brier_ceiling, "", "--")
    axes.set(ylabel="Brier score")


def _labels(axes: Any, report: QualityReport) -> None:
    at = [_middle(each) for each in report.windows]
    width = [(e.scores.window_through - e.scores.window_from) * 0.8 for e in report.windows]
    axes.bar(at, [each.scores.predictions for each in report.windows], width, color=_FAINT)
    axes.bar(at, [each.scores.labelled for each in report.windows], width, color=_ACCENT)
    axes.set(ylabel="labelled")


def _line(axes: Any, value: float | None, label: str, style: str) -> None:
    if value is not None:
        axes.axhline(value, color=_INK, linewidth=0.8, linestyle=style, label=label or None)


def _middle(each: WindowQuality) -> Any:
    scores = each.scores
    return scores.window_from + (scores.window_through - scores.window_from) / 2


def _below(known: list[WindowQuality]) -> list[float]:
    return [(e.scores.auc or 0.0) - (e.auc_low or e.scores.auc or 0.0) for e in known]


def _above(known: list[WindowQuality]) -> list[float]:
    return [(e.auc_high or e.scores.auc or 0.0) - (e.scores.auc or 0.0) for e in known]
