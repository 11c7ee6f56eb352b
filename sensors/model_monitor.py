"""What an account's own Model Monitor schedule says of a use case, as reports for the governor.

Facts only; what they mean belongs to decisions/model_monitor/reporting.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decisions.model_monitor.files import MonitorFileError, read
from decisions.model_monitor.reporting import ExecutionFact, reports_of
from decisions.model_monitor.shapes import Violations

if TYPE_CHECKING:
    from decisions.reports import MonitorReport
    from resources.model_monitor import ExecutionFacts, ModelMonitor
    from resources.platform import Platform
    from usecases.declaration import UseCase


def model_monitor_reports(platform: Platform, use_case: UseCase) -> tuple[MonitorReport, ...]:
    """Return what the declared schedule's newest execution says; empty where none is declared.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: The schedule does not exist, or AWS refused.
    """
    declared = use_case.monitors.model_monitor
    if declared is None:
        return ()
    monitor = platform.model_monitor
    last = monitor.newest_ended(declared.schedule)
    return reports_of(
        declared.schedule,
        monitor.schedule_status(declared.schedule),
        None if last is None else _fact(last),
        None if last is None else _violations(monitor, last),
        retrains=declared.retrains,
    )


def _violations(monitor: ModelMonitor, last: ExecutionFacts) -> Violations | str | None:
    if last.status not in {"Completed", "CompletedWithViolations"}:
        return None
    uri, text = monitor.violations(last)
    if text is None:
        return None
    try:
        return read(Violations, text, uri)
    except MonitorFileError as error:
        return str(error)


def _fact(last: ExecutionFacts) -> ExecutionFact:
    return ExecutionFact.model_validate(
        {
            "schedule": last.schedule,
            "status": last.status,
            "scheduled_at": last.scheduled_at,
            "why": last.why,
        }
    )
