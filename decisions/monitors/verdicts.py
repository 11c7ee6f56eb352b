"""What every monitor's answer has in common: its report, and persistence over windows.

Level-triggered: nothing is remembered. The last windows are judged one by one, each time anew, and
`persistent` folds their answers; the same windows always give the same verdict.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from decisions.model import Fact
from decisions.monitors.measured import Measurements
from decisions.reports import MonitorName, MonitorReport, Verdict


class MonitorPolicy(Fact):
    """What every monitor may be told.

    Attributes:
        enabled: Whether it looks at all.
        retrains: Whether firing is a reason to train again, or is told only.
        persistence: Windows in a row that must fire.
        minimum_rows: With fewer rows on either side nothing can be told.
        confidence: Of the intervals that must exclude "no change".
    """

    enabled: bool = True
    retrains: bool = False
    persistence: int = Field(default=1, ge=1, le=10)
    minimum_rows: int = Field(default=500, ge=1)
    confidence: float = Field(default=0.99, gt=0.5, lt=1.0)


class Answer(Fact):
    """One monitor's answer on one window."""

    verdict: Verdict
    why: str
    observed: float | None = None
    threshold: float | None = None
    rows: int = 0


def cannot_tell(why: str, **known: Any) -> Answer:
    """Give the answer that there is none, with the reason."""
    return Answer(verdict="cannot_tell", why=why, **known)


def too_few(before: int, now: int, policy: MonitorPolicy) -> Answer | None:
    """Give the answer where a side has too few rows; None where both have enough."""
    need = policy.minimum_rows
    if now < need:
        return cannot_tell(f"The window has {now} rows; at least {need} are needed.", rows=now)
    if before < need:
        return cannot_tell(f"The baseline has {before} rows; at least {need} are needed.", rows=now)
    return None


def persistent(answers: Sequence[Answer], needed: int) -> Answer:
    """Give the newest answer, firing only if the last ``needed`` answers that can be told fire.

    Args:
        answers: Oldest first; at least one.
        needed: How many.
    """
    newest = answers[-1]
    if newest.verdict != "drifted" or needed == 1:
        return newest
    told = [each for each in answers if each.verdict != "cannot_tell"][-needed:]
    firing = sum(each.verdict == "drifted" for each in told)
    if firing == needed:
        why = f"{newest.why} So did each of the last {needed} windows."
        return newest.model_copy(update={"why": why})
    why = f"{newest.why} Only {firing} of the {needed} windows needed say so."
    return newest.model_copy(update={"verdict": "stable", "why": why})


def report(
    monitor: MonitorName, policy: MonitorPolicy, answer: Answer, window: Measurements | None
) -> MonitorReport:
    """Put an answer into the form that the governor and the UI read."""
    return MonitorReport(
        monitor=monitor,
        verdict=answer.verdict,
        why=answer.why,
        observed=answer.observed,
        threshold=answer.threshold,
        rows=answer.rows,
        retrains=policy.retrains,
        window_from=window.window_from if window else None,
        window_through=window.window_through if window else None,
    )
