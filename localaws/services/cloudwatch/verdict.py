"""Which state an alarm should have, and why in CloudWatch's words: facts in, verdict out. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"

#: How many periods beyond N are looked at; AWS documents five for N = 3 and no rule.
EXTRA_PERIODS = 2

_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
COMPARISONS = tuple(_COMPARISONS)
_TREATED = {"breaching": "[Breaching]", "notBreaching": "[NonBreaching]"}
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Datapoint:
    """One period that has data.

    Attributes:
        start: Of the period, in epoch seconds.
        samples: How many measurements went into it.
    """

    start: float
    value: float
    samples: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What an alarm is judged by.

    Attributes:
        state: The state it has now.
        recent: The evaluation range, newest last; None where there is no data.
        periods: N, EvaluationPeriods.
        needed: M, DatapointsToAlarm.
        missing: TreatMissingData.
    """

    state: str
    recent: tuple[Datapoint | None, ...]
    periods: int
    needed: int
    comparison: str
    threshold: float
    missing: str = "missing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state an alarm should have.

    Attributes:
        reason: StateReason.
        evaluated: What was judged, newest first, as StateReasonData lists it.
    """

    state: str
    reason: str
    evaluated: tuple[Datapoint, ...]


def judge(facts: Facts) -> Verdict:
    """Judge an alarm. Real data is preferred to filling, as far back as the range goes."""
    newest_first = [(age, p) for age, p in enumerate(reversed(facts.recent), 1) if p is not None]
    used = newest_first[: facts.periods]
    points = [point for _, point in used]
    breaching = [_breaches(facts, point) for point in points]
    filled = facts.periods - len(points)
    state = _state(facts, breaching, filled, used[-1][0] if used else 0)
    return Verdict(state, _reason(facts, state, points, breaching, filled), tuple(points))


def reason_data(
    facts: Facts, verdict: Verdict, about: dict[str, Any], now: float
) -> dict[str, Any]:
    """Return StateReasonData.

    Args:
        facts: What was judged.
        verdict: How.
        about: Period, and statistic and unit where the alarm has them.
        now: Time of the evaluation.
    """
    data: dict[str, Any] = {"version": "1.0", "queryDate": instant(now)}
    if verdict.evaluated:
        data["startDate"] = instant(verdict.evaluated[-1].start)
    values = [point.value for point in reversed(verdict.evaluated)]
    data |= about | {"recentDatapoints": values, "threshold": facts.threshold}
    data["evaluatedDatapoints"] = [
        {"timestamp": instant(point.start)}
        | ({} if point.samples is None else {"sampleCount": point.samples})
        | {"value": point.value}
        for point in verdict.evaluated
    ]
    return data


def instant(moment: float) -> str:
    """Write a time as CloudWatch does in its messages."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "+0000")


def _state(facts: Facts, breaching: Sequence[bool], filled: int, oldest: int) -> str:
    bad = sum(breaching)
    if filled and facts.missing == "breaching":
        bad += filled
    if bad >= facts.needed:
        return ALARM
    if filled == 0 or facts.missing in _TREATED or not all(breaching):
        return OK
    # What remains: too little data, all of it breaching, or none.
    if facts.missing == "ignore":
        return facts.state
    # "ALARM when the oldest breaching data point is at least as old as Datapoints to Alarm, and
    # all more recent ones are breaching or missing"; a younger one may be premature.
    return ALARM if breaching and oldest >= facts.needed else INSUFFICIENT


def _breaches(facts: Facts, point: Datapoint) -> bool:
    return _COMPARISONS[facts.comparison][0](point.value, facts.threshold)


def _reason(
    facts: Facts, state: str, points: list[Datapoint], breaching: list[bool], filled: int
) -> str:
    if not points and facts.missing in _TREATED:
        return (
            f"Threshold Crossed: no datapoints were received for {_many(facts.periods, 'period')} "
            f"and {_many(filled, 'missing datapoint')} {'was' if filled == 1 else 'were'} treated "
            f"as {_TREATED[facts.missing]}."
        )
    if state == INSUFFICIENT or not points:
        were = "was" if filled == 1 else "were"
        return f"Insufficient Data: {_many(filled, 'datapoint')} {were} unknown."
    return _crossed(facts, state, points, breaching, filled)


def _crossed(
    facts: Facts, state: str, points: list[Datapoint], breaching: list[bool], filled: int
) -> str:
    told = state == ALARM
    shown = [p for p, bad in zip(points, breaching, strict=True) if bad == told] or points
    values = ", ".join(f"{p.value} ({_day(p.start)})" for p in shown[:_SHOWN])
    more = ", ..." if len(shown) > _SHOWN else ""
    were = "was" if len(shown) == 1 else "were"
    negation = "" if told else "not "
    least = facts.needed if told else facts.periods - facts.needed + 1
    change = "OK -> ALARM" if told else "ALARM -> OK"
    treated = ""
    if filled and facts.missing in _TREATED:
        verb = "was" if filled == 1 else "were"
        treated = (
            f" and {_many(filled, 'missing datapoint')} {verb} treated as {_TREATED[facts.missing]}"
        )
    return (
        f"Threshold Crossed: {len(shown)} out of the last {facts.periods} datapoints "
        f"[{values}{more}] {were} {negation}{_COMPARISONS[facts.comparison][1]} the threshold "
        f"({facts.threshold}){treated} (minimum {_many(least, 'datapoint')} for {change} "
        "transition)."
    )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%d/%m/%y %H:%M:%S")
