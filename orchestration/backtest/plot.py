"""A comparison as one picture: quality over time, when each policy trained, what it cost."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from orchestration.backtest.results import against
from orchestration.backtest.tables import REFERENCE

if TYPE_CHECKING:
    from orchestration.backtest.results import Comparison, Result

SMOOTHED = 4
"""Weeks of the moving mean: single weeks differ by their weather more than policies do."""
TOLERANCE = 0.002
_COLOURS = ("#64748b", "#d97706", "#2563eb", "#dc2626", "#059669", "#7c3aed", "#0f172a")
_INK = "#334155"


def png(comparison: Comparison) -> bytes:
    """Draw the picture."""
    # The object interface, not pyplot: no global state, safe in threads, no display looked for.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 5.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 2, width_ratios=(2.1, 1.0), height_ratios=(2.4, 1.0))
    quality = figure.add_subplot(grid[0, 0])
    _quality(quality, comparison)
    _trainings(figure.add_subplot(grid[1, 0], sharex=quality), comparison)
    _worth(figure.add_subplot(grid[:, 1]), comparison)
    made = io.BytesIO()
    # No time of making: equal comparisons are equal files.
    figure.savefig(made, format="png", metadata={"Software": None})
    return made.getvalue()


def moving_mean(values: tuple[float | None, ...], weeks: int = SMOOTHED) -> list[float]:
    """Give the mean of each value and those before it; NaN where none of them is known."""
    found = []
    for place in range(len(values)):
        known = [each for each in values[max(0, place + 1 - weeks) : place + 1] if each is not None]
        found.append(math.fsum(known) / len(known) if known else math.nan)
    return found


def _quality(axes: Any, comparison: Comparison) -> None:
    for colour, result in _coloured(comparison):
        axes.plot(
            comparison.weeks, moving_mean(result.weekly), color=colour, label=result.policy, lw=1.6
        )
    axes.set(ylabel=f"AUC, mean of {SMOOTHED} weeks", title=f"{comparison.use_case}: quality")
    axes.grid(alpha=0.25)
    axes.legend(ncols=3, fontsize=8, frameon=False)
    axes.tick_params(labelbottom=False)


def _trainings(axes: Any, comparison: Comparison) -> None:
    for place, (colour, result) in enumerate(_coloured(comparison)):
        for accepted, face in ((True, colour), (False, "none")):
            at = [r.at for r in result.retrains if (r.status == "succeeded") == accepted]
            axes.scatter(at, [place] * len(at), s=16, edgecolors=colour, facecolors=face, lw=0.9)
    names = [each.policy for each in comparison.results]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_title("Retrains (hollow: a gate refused the challenger)", fontsize=9)
    axes.tick_params(axis="x", labelsize=8, rotation=20)
    axes.grid(axis="x", alpha=0.25)


def _worth(axes: Any, comparison: Comparison) -> None:
    for colour, result in _coloured(comparison):
        if result.mean is None:
            continue
        axes.scatter([len(result.retrains)], [result.mean], color=colour, s=40, zorder=3)
        cost = "" if result.usd is None else f"\n{result.usd:.2f} USD"
        axes.annotate(
            f"{result.policy}{cost}", (len(result.retrains), result.mean), fontsize=8,
            xytext=(5, -4), textcoords="offset points", va="top", color=colour,
        )  # fmt: skip
    reference = against(comparison.results, REFERENCE)
    if reference is not None and reference.mean is not None:
        axes.axhspan(reference.mean - TOLERANCE, reference.mean, color=_INK, alpha=0.12, lw=0)
        axes.axvline(len(reference.retrains) / 2, color=_INK, lw=0.8, ls=":")
    axes.set(xlabel="retrains", ylabel="mean weekly AUC", title="Quality against retrains")
    axes.margins(x=0.25, y=0.12)
    axes.grid(alpha=0.25)


def _coloured(comparison: Comparison) -> list[tuple[str, Result]]:
    colours = [_COLOURS[place % len(_COLOURS)] for place in range(len(comparison.results))]
    return list(zip(colours, comparison.results, strict=True))
