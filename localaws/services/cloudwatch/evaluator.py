"""Evaluates alarms when their time has come or their metric got data: level-triggered.

Each evaluation reads the evaluation range from the store and turns the alarm if it must; nothing
is remembered between two, so a restart loses and repeats nothing. Without alarms it sleeps.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from localaws.services.cloudwatch import composite, queries
from localaws.services.cloudwatch.datums import Datums, Metric
from localaws.services.cloudwatch.definitions import period_of, statistic_of
from localaws.services.cloudwatch.states import COMPOSITE, METRIC, Alarms
from localaws.services.cloudwatch.verdict import (
    EXTRA_PERIODS,
    Datapoint,
    Facts,
    instant,
    judge,
    reason_data,
)

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document

_log = logging.getLogger(__name__)
_MINUTE = 60
#: "high-resolution alarms are evaluated every 10 seconds"
_HIGH_RESOLUTION = 10
#: How long news of fresh data is gathered, so that a burst of it costs one evaluation.
_GATHER_SECONDS = 0.2
_JOIN_SECONDS = 10.0


class Evaluator:
    """The thread that keeps alarms in the state they should have."""

    def __init__(self, context: ServerContext, alarms: Alarms, datums: Datums) -> None:
        self._context = context
        self._alarms = alarms
        self._datums = datums
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        #: By key of a metric alarm: the keys of its metrics, and when it is due (epoch seconds).
        self._watched: dict[str, frozenset[str]] = {}
        self._due: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        datums.listen(self._heard)

    def start(self) -> None:
        """Begin; every alarm is due at once."""
        for key, alarm in self._alarms.table.scan():
            self.note(key, alarm)
        self._thread.start()

    def stop(self) -> None:
        """End after the evaluation in hand."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_SECONDS)

    def note(self, key: str, alarm: Document) -> None:
        """Take notice of an alarm that is new or changed; it is due now."""
        with self._lock:
            if alarm["_Type"] == METRIC:
                self._watched[key] = frozenset(m.key for m in _metrics(key, alarm))
            self._due[key] = 0.0
        self._wake.set()

    def forget(self, key: str) -> None:
        """Take no further notice of an alarm."""
        with self._lock:
            self._watched.pop(key, None)
            self._due.pop(key, None)

    def turned(self, key: str) -> None:
        """Have the composite alarms of an account looked at after one of its alarms turned."""
        own = "/".join(key.split("/", 2)[:2]) + "/"
        with self._lock:
            for other in self._due:
                if other.startswith(own) and other not in self._watched:
                    self._due[other] = 0.0
        self._wake.set()

    def _heard(self, metric: Metric) -> None:
        if not self._watched:
            return
        with self._lock:
            touched = [key for key, metrics in self._watched.items() if metric.key in metrics]
            for key in touched:
                self._due[key] = 0.0
        if touched:
            self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            if self._wake.wait(self._pause()) and not self._stopping:
                self._context.stopping.wait(_GATHER_SECONDS)
            self._wake.clear()
            now = self._context.now()
            with self._lock:
                due = [key for key, moment in self._due.items() if moment <= now]
            for key in due:
                if self._stopping:
                    return
                self._look(key, now)

    def _pause(self) -> float | None:
        with self._lock:
            soonest = min((moment for moment in self._due.values()), default=None)
        # Composite alarms have no time of their own: infinity, until one of theirs turns.
        if soonest is None or soonest == float("inf"):
            return None
        return max(0.0, soonest - self._context.now())

    def _look(self, key: str, now: float) -> None:
        try:
            if self._turns(key, now):
                self.turned(key)
        except Exception:  # noqa: BLE001 - one alarm's trouble must not stop the others
            if not self._context.stopping.is_set():
                _log.exception("Alarm %s could not be evaluated", key)
                with self._lock:
                    self._due[key] = now + _HIGH_RESOLUTION

    def _turns(self, key: str, now: float) -> bool:
        alarm = self._alarms.table.get(key)
        if alarm is None:
            self.forget(key)
            return False
        is_composite = alarm["_Type"] == COMPOSITE
        with self._lock:
            # Before it is judged: data that come meanwhile make it due anew.
            self._due[key] = float("inf") if is_composite else _next_due(alarm, now)
        return self._judge_rule(key, alarm) if is_composite else self._judge(key, alarm, now)

    def _judge(self, key: str, alarm: Document, now: float) -> bool:
        facts = self._facts(key, alarm, now)
        verdict = judge(facts)
        about: dict[str, Any] = {"period": period_of(alarm)}
        if "Metrics" not in alarm:
            about["statistic"] = statistic_of(alarm)
            about |= {"unit": alarm["Unit"]} if "Unit" in alarm else {}
        data = reason_data(facts, verdict, about, now)
        return self._alarms.turn(key, verdict.state, verdict.reason, data)

    def _facts(self, key: str, alarm: Document, now: float) -> Facts:
        period, count = period_of(alarm), alarm["EvaluationPeriods"]
        reach = count + EXTRA_PERIODS
        end = now // _step(period) * _step(period)
        start = end - reach * period
        found = self._points(key, alarm, queries.Range(start, end))
        recent = tuple(found.get(start + number * period) for number in range(reach))
        return Facts(
            state=alarm["StateValue"],
            recent=recent,
            periods=count,
            needed=alarm.get("DatapointsToAlarm") or count,
            comparison=alarm["ComparisonOperator"],
            threshold=alarm["Threshold"],
            missing=alarm.get("TreatMissingData", "missing"),
        )

    def _points(self, key: str, alarm: Document, asked: queries.Range) -> dict[float, Datapoint]:
        account_id, region, _ = key.split("/", 2)
        if "Metrics" in alarm:
            series = queries.evaluate(self._datums, account_id, region, alarm["Metrics"], asked)
            returned = next(q["Id"] for q in alarm["Metrics"] if q.get("ReturnData", True))
            return {moment: Datapoint(moment, v) for moment, v in series[returned].items()}
        points = self._datums.points(
            Metric.of(account_id, region, alarm), statistic_of(alarm), asked.start, asked.end,
            alarm["Period"], alarm.get("Unit"),
        )  # fmt: skip
        return {p.start: Datapoint(p.start, p.value, p.samples) for p in points}

    def _judge_rule(self, key: str, alarm: Document) -> bool:
        account_id, region, _ = key.split("/", 2)
        known = self._alarms.of(account_id, region)
        rule = composite.parse(alarm["AlarmRule"])
        # An alarm that was deleted meanwhile is known as little as one without data.
        states = {name: other["StateValue"] for name, other in known.items()}
        holds = composite.holds(rule, lambda c: states.get(_name(c), "INSUFFICIENT_DATA"))
        children = [known[_name(c)] for c in composite.children(rule) if _name(c) in known]
        if not children:
            return self._alarms.turn(key, "ALARM" if holds else "OK", "The rule is constant", {})
        cause = max(children, key=lambda child: float(child["StateTransitionedTimestamp"]))
        moment = datetime.fromtimestamp(cause["StateTransitionedTimestamp"], UTC)
        reason = (
            f"{cause['AlarmArn']} transitioned to {cause['StateValue']} at "
            f"{moment:%A %d %B, %Y %H:%M:%S} UTC"
        )
        data = {"triggeringAlarms": [_triggering(cause)]}
        return self._alarms.turn(key, "ALARM" if holds else "OK", reason, data)


def _metrics(key: str, alarm: Document) -> list[Metric]:
    account_id, region, _ = key.split("/", 2)
    described = [alarm] if "Metrics" not in alarm else [
        query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query
    ]  # fmt: skip
    return [Metric.of(account_id, region, each) for each in described]


def _step(period: int) -> int:
    return _HIGH_RESOLUTION if period < _MINUTE else _MINUTE


def _next_due(alarm: Document, now: float) -> float:
    step = _step(period_of(alarm))
    return (now // step + 1) * step


def _name(name_or_arn: str) -> str:
    return name_or_arn.split(":", 6)[6] if name_or_arn.startswith("arn:") else name_or_arn


def _triggering(alarm: Document) -> Document:
    moment = instant(alarm["StateTransitionedTimestamp"])
    return {"arn": alarm["AlarmArn"], "state": {"value": alarm["StateValue"], "timestamp": moment}}
