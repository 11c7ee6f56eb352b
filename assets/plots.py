"""Reports as pictures for the Dagster UI: ROC, calibration, and drift (drift_plot.py).

Draws what a report says. Computing a number does not belong here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assets.drawing import ACCENT as _ACCENT
from assets.drawing import INK as _INK
from assets.drawing import figure as _figure
from assets.drawing import markdown as _markdown
from assets.drift_plot import drift

if TYPE_CHECKING:
    import dagster as dg

    from decisions.reports import EvaluationReport

__all__ = ["calibration", "drift", "roc"]


def roc(report: EvaluationReport) -> dg.MarkdownMetadataValue:
    """Draw the challenger's ROC curve; its AUC stands in the title."""
    figure, axes = _figure()
    axes.plot([x for x, _ in report.roc], [y for _, y in report.roc], color=_ACCENT)
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
    axes.set(
        xlabel="false positive rate",
        ylabel="true positive rate",
        title=f"ROC, AUC {_number(report.challenger.auc)}",
    )
    return _markdown(figure, "ROC")


def calibration(report: EvaluationReport) -> dg.MarkdownMetadataValue:
    """Draw observed rate against predicted probability, point size by rows."""
    figure, axes = _figure()
    rows = [n for _, _, n in report.calibration]
    largest = max(rows, default=1)
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
    axes.scatter(
        [p for p, _, _ in report.calibration],
        [o for _, o, _ in report.calibration],
        s=[10 + 90 * n / largest for n in rows],
        color=_ACCENT,
    )
    axes.set(
        xlabel="predicted probability",
        ylabel="observed rate",
        title=f"Calibration, Brier {_number(report.challenger.brier)}",
    )
    return _markdown(figure, "calibration")


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
