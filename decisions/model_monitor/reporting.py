"""What an execution of a Model Monitor schedule says, in the form the governor reads.

Two reports, as one execution checks two things: whether the distributions moved
(``baseline_drift_check``: a reason to train again) and whether the data is what it should be (every
other check: told, and never a reason to train on such data).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from decisions.model import Fact
from decisions.model_monitor.shapes import Violation, Violations
from decisions.reports import MonitorName, MonitorReport, Verdict

ExecutionStatus = Literal[
    "Pending", "InProgress", "Completed", "CompletedWithViolations", "Failed", "Stopping", "Stopped"
]
ENDED: tuple[ExecutionStatus, ...] = ("Completed", "CompletedWithViolations", "Failed", "Stopped")
DRIFT = "baseline_drift_check"
NAMED = 5
"""Features that a sentence names."""


class ExecutionFact(Fact):
    """One execution of a schedule, as SageMaker tells it.

    Attributes:
        scheduled_at: When it was due, by the wall clock (naive UTC): a name for the hour it judged.
        why: FailureReason or ExitMessage; empty where there is none.
    """

    schedule: str
    status: ExecutionStatus
    scheduled_at: datetime
    why: str = ""


def reports_of(
    schedule: str,
    schedule_status: str,
    execution: ExecutionFact | None,
    violations: Violations | str | None,
    *,
    retrains: bool = True,
) -> tuple[MonitorReport, MonitorReport]:
    """Say what the newest execution that ended means: data drift, then data quality.

    Args:
        schedule: Its name.
        schedule_status: Pending, Scheduled, Stopped or Failed.
        execution: The newest that ended; None where there is none.
        violations: Its constraint_violations.json; why it cannot be read; None where there is none.
        retrains: Whether a drift is a reason to train again.
    """
    obstacle = _obstacle(schedule, schedule_status, execution, violations)
    broken = violations.violations if isinstance(violations, Violations) else ()
    moved = [each for each in broken if each.constraint_check_type == DRIFT]
    others = [each for each in broken if each.constraint_check_type != DRIFT]
    through = execution.scheduled_at if execution else None
    return (
        _report("data_drift", moved, obstacle, through, retrains=retrains),
        _report("data_quality", others, obstacle, through, retrains=False),
    )


def _obstacle(
    schedule: str,
    schedule_status: str,
    execution: ExecutionFact | None,
    violations: Violations | str | None,
) -> str | None:
    if schedule_status != "Scheduled":
        return f"The schedule {schedule} is {schedule_status}: it judges nothing any more."
    if execution is None:
        return f"No execution of the schedule {schedule} has ended yet."
    if execution.status in {"Failed", "Stopped"}:
        why = execution.why or "SageMaker gives no reason"
        return f"The newest execution of {schedule} {execution.status.lower()}: {why}."
    if isinstance(violations, str):
        return violations
    if violations is None and execution.status == "CompletedWithViolations":
        return f"The newest execution of {schedule} found violations, and their file is gone."
    return None


def _report(
    monitor: MonitorName,
    found: Sequence[Violation],
    obstacle: str | None,
    through: datetime | None,
    *,
    retrains: bool,
) -> MonitorReport:
    verdict: Verdict = "drifted" if found else "stable"
    return MonitorReport(
        monitor=monitor,
        verdict="cannot_tell" if obstacle else verdict,
        why=obstacle or _why(found, monitor),
        observed=None if obstacle else float(len(found)),
        threshold=1.0,
        retrains=retrains,
        window_through=through,
    )


def _why(found: Sequence[Violation], monitor: MonitorName) -> str:
    if not found:
        return f"Model Monitor found no violation of {monitor.replace('_', ' ')}."
    named = "; ".join(
        f"{each.feature_name or 'the data set'} ({each.constraint_check_type}): "
        f"{each.description.strip().rstrip('.')}"
        for each in found[:NAMED]
    )
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"Model Monitor found {len(found)} violation(s): {named}{more}."
