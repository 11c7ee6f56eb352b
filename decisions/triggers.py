"""Reasons to train a model again. What stands in the way of them is holds.py's.

Level-triggered: a trigger holds for as long as its cause does, whatever was started for it. It is
over once the cause is: a champion without drift, one that has seen the newest data, a run that
answered the person or the schedule.

What cannot be told is no reason, and a person is alerted. Where data drift or data quality cannot
be told, the other measures of that window are not believed either: nothing is trained on their
account. Labels that do not come hold model quality's own verdict only: whether the data drifted
does not rest on them. Age, schedule, a change and a wish do not rest on the window and still train.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from decisions.freshness import Stale
from decisions.model import Fact
from decisions.reports import MonitorReport
from decisions.retrain_facts import RetrainFacts, Trigger

_BELIEF = frozenset({"data_drift", "data_quality"})
"""Monitors whose silence makes the whole window doubtful."""


class Reading(Fact):
    """What the facts give reason for.

    Attributes:
        triggers: Reasons to train.
        withheld: Measures that fire and are not believed.
        untold: What could not be told, in words.
    """

    triggers: tuple[Trigger, ...]
    withheld: tuple[Trigger, ...] = ()
    untold: tuple[str, ...] = ()


def read(facts: RetrainFacts) -> Reading:
    """Find every reason that holds now."""
    untold = tuple(f"{_name(each)}: {each.why}" for each in _measured(facts, "cannot_tell"))
    if facts.champion_version is None:
        first = (*_request(facts), Trigger(kind="first"))
        return Reading(triggers=first, untold=untold)
    doubtful = any(each.monitor in _BELIEF for each in _measured(facts, "cannot_tell"))
    fired = tuple(
        Trigger(kind=each.monitor, why=each.why)
        for each in _measured(facts, "drifted")
        if each.retrains
    )
    return Reading(
        triggers=(
            *_request(facts),
            *_change(facts),
            *(() if doubtful else fired),
            *_schedule(facts),
            *_age(facts),
        ),
        withheld=fired if doubtful else (),
        untold=untold,
    )


def served(facts: RetrainFacts, asked_at: datetime) -> bool:
    """Say whether a training that began after a moment (wall clock) has been judged."""
    if facts.registered_at is not None and facts.registered_at >= asked_at:
        return True
    return any(run.answered and run.started_at >= asked_at for run in facts.runs)


def _measured(
    facts: RetrainFacts, verdict: Literal["drifted", "cannot_tell"]
) -> Iterator[MonitorReport]:
    """Yield what every monitor says, the drift report among them."""
    reports = list(facts.monitors)
    if facts.drift is not None:
        drift = MonitorReport(
            monitor="data_drift", verdict=facts.drift.verdict, why=facts.drift.why
        )
        reports.insert(0, drift)
    return (each for each in reports if each.verdict == verdict)


def _name(report: MonitorReport) -> str:
    return "drift" if report.monitor == "data_drift" else report.monitor


def _request(facts: RetrainFacts) -> Iterator[Trigger]:
    if facts.requested is None:
        return
    if facts.requested_at is None or not served(facts, facts.requested_at):
        yield Trigger(kind="request", why=facts.requested)


def _change(facts: RetrainFacts) -> Iterator[Trigger]:
    if facts.changed:
        yield Trigger(kind="change", why=facts.changed)


def _schedule(facts: RetrainFacts) -> Iterator[Trigger]:
    scheduled = facts.scheduled
    if scheduled is None:
        return
    if scheduled.clock == "wall":
        done = served(facts, scheduled.due)
    else:
        tried = [run.tried_through for run in facts.runs if run.answered and run.tried_through]
        seen = [moment for moment in (facts.trained_through, *tried) if moment is not None]
        done = bool(seen) and max(seen) >= scheduled.due
    if not done:
        clock = "data time" if scheduled.clock == "data" else "UTC"
        yield Trigger(kind="schedule", why=f"due since {scheduled.due:%Y-%m-%d %H:%M} {clock}.")


def _age(facts: RetrainFacts) -> Iterator[Trigger]:
    if isinstance(facts.staleness, Stale):
        yield Trigger(kind="staleness", why=facts.staleness.why)
