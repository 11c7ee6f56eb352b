"""How pictures are made for the Dagster UI: a figure, its colours, its Markdown. Draws nothing."""

from __future__ import annotations

import base64
import io
from typing import Any

import dagster as dg

INK = "#334155"
ACCENT = "#2563eb"
WARN = "#dc2626"


def figure(height: float = 3.2) -> tuple[Any, Any]:
    """Give an empty figure, its height in inches, and its axes."""
    # The object interface, not pyplot: no global state, safe in threads, no display looked for.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(4.8, height), dpi=90, layout="constrained")
    FigureCanvasAgg(made)
    return made, made.add_subplot()


def markdown(made: Any, name: str) -> dg.MarkdownMetadataValue:
    """Give a figure as the UI shows it: Markdown with the picture in it."""
    buffer = io.BytesIO()
    made.savefig(buffer, format="png")
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return dg.MetadataValue.md(f"![{name}](data:image/png;base64,{encoded})")
