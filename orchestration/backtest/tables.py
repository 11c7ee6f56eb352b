"""A comparison as a table for the terminal, Markdown, CSV and JSON. Draws no picture."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from rich.table import Table

from orchestration.backtest.results import against

if TYPE_CHECKING:
    from orchestration.backtest.results import Comparison, Result

REFERENCE = "weekly"
COLUMNS = (
    "policy", "mean weekly AUC", "to weekly", "worst week", "retrains", "accepted",
    "model's age, days", "USD",
)  # fmt: skip
_UNKNOWN = "-"


def rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Give the table's cells, policies in their order."""
    reference = against(comparison.results, REFERENCE)
    return [_row(each, reference) for each in comparison.results]


def terminal(comparison: Comparison) -> Table:
    """Give the table for a terminal."""
    table = Table(
        title=f"{comparison.use_case}: {len(comparison.weeks)} weeks", title_justify="left"
    )
    for place, name in enumerate(COLUMNS):
        table.add_column(name, justify="left" if place == 0 else "right")
    for row in rows(comparison):
        table.add_row(*row)
    return table


def markdown(comparison: Comparison) -> str:
    """Give the table as Markdown, with what it is about."""
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        f"|---|{'---:|' * (len(COLUMNS) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows(comparison)),
    ]
    return "\n".join([*lines, "", *comparison.about]) + "\n"


def weekly_csv(comparison: Comparison) -> str:
    """Give each week's AUC by policy; empty where it is not defined."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["week", *(each.policy for each in comparison.results)])
    for place, week in enumerate(comparison.weeks):
        found = (each.weekly[place] for each in comparison.results)
        writer.writerow([f"{week:%Y-%m-%d}", *("" if v is None else f"{v:.6f}" for v in found)])
    return text.getvalue()


def document(comparison: Comparison) -> str:
    """Give everything as JSON: each training with its reasons and what became of it."""
    return json.dumps(comparison.document(), indent=2, allow_nan=False) + "\n"


def _row(result: Result, reference: Result | None) -> tuple[str, ...]:
    mean, least = result.mean, reference.mean if reference else None
    distance = _UNKNOWN if mean is None or least is None else f"{mean - least:+.4f}"
    age = sum(result.ages) / len(result.ages)
    return (
        result.policy,
        _number(mean),
        distance,
        _number(result.worst),
        str(len(result.retrains)),
        str(result.accepted),
        f"{age:.1f}",
        _UNKNOWN if result.usd is None else f"{result.usd:.2f}",
    )


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.4f}"
