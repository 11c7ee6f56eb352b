"""What the monitors and people say of a model, for the governor. Deciding does not belong here.

A report that cannot be had says "cannot tell" with the reason: age, schedule, change and wish still
train, and a person is alerted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from decisions import drift
from decisions.reports import MonitorReport
from resources import monitor_reports, wishes
from resources.errors import PerennialError, Transient
from sensors.drift_reports import report_for
from sensors.model_monitor import model_monitor_reports

if TYPE_CHECKING:
    from collections.abc import Callable

    from decisions.reports import DriftReport, MonitorName
    from resources.platform import Platform
    from resources.wishes import Wish
    from sensors.drift_reports import Looked
    from sensors.governing import Situation
    from usecases.declaration import UseCase


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is said of one model; wishes oldest first, answered or not."""

    drift: DriftReport | None = None
    monitors: tuple[MonitorReport, ...] = ()
    wishes: tuple[Wish, ...] = ()

    @property
    def wish(self) -> Wish | None:
        """Return the newest wish: the run that answers it answers those before it."""
        return self.wishes[-1] if self.wishes else None


def evidence_for(
    platform: Platform,
    use_case: UseCase,
    situation: Situation,
    asked: tuple[str, ...],
    looked: Looked | None = None,
) -> Evidence:
    """Gather what is said of a model.

    Args:
        platform: The doors to AWS.
        use_case: Whose model.
        situation: Where it stands.
        asked: Keys of its wishes.
        looked: The watched tables, if they were looked at for all use cases at once.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: A wish is malformed, or S3 refused.
    """
    return Evidence(
        _drift(platform, use_case, situation, looked),
        _monitors(platform, use_case, situation),
        wishes.read(platform.artifacts, asked),
    )


def _drift(
    platform: Platform, use_case: UseCase, situation: Situation, looked: Looked | None
) -> DriftReport | None:
    try:
        found = report_for(platform, use_case, situation, looked)
    except Transient:
        raise
    except (PerennialError, ValueError) as error:  # a report or a baseline that is none: ValueError
        return drift.cannot_tell(_first_line(error))
    return found[1] if found else None


def _monitors(
    platform: Platform, use_case: UseCase, situation: Situation
) -> tuple[MonitorReport, ...]:
    """Return what every other monitor says of the champion: stored, or of AWS's own."""
    champion = situation.champion
    if champion is None:
        return ()
    return (
        *monitor_reports.newest(platform.artifacts, use_case.name, champion.version),
        *_told("data_drift", lambda: model_monitor_reports(platform, use_case)),
    )


def _told(
    name: MonitorName, ask: Callable[[], tuple[MonitorReport, ...]]
) -> tuple[MonitorReport, ...]:
    try:
        return ask()
    except Transient:
        raise
    except (PerennialError, ValueError) as error:
        return (MonitorReport(monitor=name, verdict="cannot_tell", why=_first_line(error)),)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
