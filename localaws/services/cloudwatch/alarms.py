"""Operations on alarms. Evaluating them belongs to ``evaluator``, their state to ``states``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.cloudwatch import composite, definitions
from localaws.services.cloudwatch.paging import page
from localaws.services.cloudwatch.queries import invalid
from localaws.services.cloudwatch.states import COMPOSITE, METRIC, Alarms

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document
    from localaws.services.cloudwatch.evaluator import Evaluator

_PER_PAGE = 50
_HISTORY_PER_PAGE = 100


class AlarmOperations:
    """CloudWatch's operations on alarms."""

    context: ServerContext
    alarms: Alarms
    evaluator: Evaluator

    def put_metric_alarm(self, call: Call, request: Document) -> Document:
        """Make or change an alarm on a metric or an expression."""
        definitions.check_metric_alarm(request)
        self._put(call, METRIC, request | {"Threshold": float(request["Threshold"])})
        return {}

    def put_composite_alarm(self, call: Call, request: Document) -> Document:
        """Make or change an alarm on other alarms."""
        rule = definitions.check_composite_alarm(request)
        known = self.alarms.of(call.account_id, call.region)
        for child in composite.children(rule):
            if child.rpartition(":alarm:")[2] not in known:
                raise invalid(f"AlarmRule names {child}, which is no alarm of this account.")
        if request["AlarmName"] in _reached(rule, known):
            raise invalid(f"{request['AlarmName']} would be watching itself.")
        self._put(call, COMPOSITE, request)
        return {}

    def describe_alarms(self, call: Call, request: Document) -> Document:
        """Describe alarms; only metric alarms unless AlarmTypes says otherwise."""
        for member in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
            if member in request:
                raise invalid(f"The embedded AWS does not perform {member}.")
        types = request.get("AlarmTypes") or [METRIC]
        found = [
            alarm
            for alarm in self.alarms.of(call.account_id, call.region).values()
            if alarm["_Type"] in types and _wanted(alarm, request)
        ]
        answer = page("alarms", found, request, _PER_PAGE)
        listed = answer.pop("alarms")
        for kind in (METRIC, COMPOSITE):
            answer[f"{kind}s"] = [_shown(alarm) for alarm in listed if alarm["_Type"] == kind]
        return answer

    def describe_alarms_for_metric(self, call: Call, request: Document) -> Document:
        """Describe the alarms on one metric."""
        members = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit")
        dimensions = _spelled(request)
        found = [
            _shown(alarm)
            for alarm in self.alarms.of(call.account_id, call.region).values()
            if alarm.get("MetricName") and _spelled(alarm) == dimensions
            and all(m not in request or request[m] == alarm.get(m) for m in members)
        ]  # fmt: skip
        return {"MetricAlarms": found}

    def describe_alarm_history(self, call: Call, request: Document) -> Document:
        """List what happened to alarms, newest first unless asked otherwise."""
        if "AlarmContributorId" in request:
            raise invalid("The embedded AWS does not perform AlarmContributorId.")
        items = self.alarms.history(call.account_id, call.region, request.get("AlarmName"))
        types = request.get("AlarmTypes") or [METRIC]
        found = [
            item
            for item in items
            if item["AlarmType"] in types
            and request.get("HistoryItemType", item["HistoryItemType"]) == item["HistoryItemType"]
            and ("StartDate" not in request or item["Timestamp"] >= _epoch(request, "StartDate"))
            and ("EndDate" not in request or item["Timestamp"] <= _epoch(request, "EndDate"))
        ]
        if request.get("ScanBy", "TimestampDescending") == "TimestampDescending":
            found.reverse()
        return page("AlarmHistoryItems", found, request, _HISTORY_PER_PAGE)

    def delete_alarms(self, call: Call, request: Document) -> Document:
        """Delete alarms: all of those named, or none if one is not there."""
        keys = [self._existing(call, name) for name in request["AlarmNames"]]
        kinds = {(self.alarms.table.get(key) or {}).get("_Type") for key in keys}
        if COMPOSITE in kinds and len(keys) > 1:
            raise invalid("A composite alarm must be deleted by a call of its own.")
        with self.alarms.store.transaction():
            for key in keys:
                self.alarms.delete(key)
        for key in keys:
            self.evaluator.forget(key)
            self.evaluator.turned(key)
        return {}

    def enable_alarm_actions(self, call: Call, request: Document) -> Document:
        """Let alarms act on their next change."""
        return self._set_enabled(call, request, enabled=True)

    def disable_alarm_actions(self, call: Call, request: Document) -> Document:
        """Let alarms change without acting."""
        return self._set_enabled(call, request, enabled=False)

    def set_alarm_state(self, call: Call, request: Document) -> Document:
        """Give an alarm a state, until its next evaluation finds another."""
        key = self._existing(call, request["AlarmName"])
        data = request.get("StateReasonData")
        if data is not None:
            try:
                json.loads(data)
            except ValueError as error:
                raise ServiceError("InvalidFormat", f"StateReasonData: {error}") from error
        reason, state = request["StateReason"], request["StateValue"]
        if self.alarms.turn(key, state, reason, {}, raw_data=data or ""):
            self.evaluator.turned(key)
        return {}

    def tag_resource(self, call: Call, request: Document) -> Document:
        """Add or replace an alarm's tags."""
        arn = self._tagged(call, request)
        new = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        self.alarms.tags.put(arn, (self.alarms.tags.get(arn) or {}) | new)
        return {}

    def untag_resource(self, call: Call, request: Document) -> Document:
        """Remove an alarm's tags by key."""
        arn, gone = self._tagged(call, request), set(request["TagKeys"])
        kept = {k: v for k, v in (self.alarms.tags.get(arn) or {}).items() if k not in gone}
        self.alarms.tags.put(arn, kept)
        return {}

    def list_tags_for_resource(self, call: Call, request: Document) -> Document:
        """List an alarm's tags."""
        tags = self.alarms.tags.get(self._tagged(call, request)) or {}
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _put(self, call: Call, kind: str, request: Document) -> None:
        earlier = self.alarms.table.get(f"{call.account_id}/{call.region}/{request['AlarmName']}")
        if earlier is not None and earlier["_Type"] != kind:
            raise invalid(f"{request['AlarmName']} is the name of a {earlier['_Type']} already.")
        key = self.alarms.put(call, kind, request)
        self.evaluator.note(key, request | {"_Type": kind})

    def _existing(self, call: Call, name: str) -> str:
        key = f"{call.account_id}/{call.region}/{name}"
        if self.alarms.table.get(key) is None:
            raise ServiceError("ResourceNotFound", f"Alarm {name} does not exist.", status=404)
        return key

    def _tagged(self, call: Call, request: Document) -> str:
        arn = str(request["ResourceARN"])
        own = f"arn:aws:cloudwatch:{call.region}:{call.account_id}:alarm:"
        name = arn.removeprefix(own)
        if name == arn or self.alarms.table.get(f"{call.account_id}/{call.region}/{name}") is None:
            raise ServiceError("ResourceNotFoundException", f"{arn} is no alarm.", status=404)
        return arn

    def _set_enabled(self, call: Call, request: Document, *, enabled: bool) -> Document:
        for name in request["AlarmNames"]:
            key = self._existing(call, name)
            self.alarms.table.update(key, lambda alarm: alarm.update(ActionsEnabled=enabled))
        return {}


def _reached(rule: composite.Node, known: dict[str, Document]) -> set[str]:
    """Return all alarms, by name, that a rule looks at, directly or through others."""
    reached: set[str] = set()
    waiting = [rule]
    while waiting:
        for child in composite.children(waiting.pop()):
            name = child.rpartition(":alarm:")[2]
            if name not in reached:
                reached.add(name)
                deeper = known.get(name, {}).get("AlarmRule")
                waiting.extend([composite.parse(deeper)] if deeper else [])
    return reached


def _wanted(alarm: Document, request: Document) -> bool:
    name, prefix = alarm["AlarmName"], request.get("ActionPrefix")
    actions = [arn for member in definitions.ACTIONS.values() for arn in alarm[member]]
    return (
        ("AlarmNames" not in request or name in request["AlarmNames"])
        and name.startswith(request.get("AlarmNamePrefix", ""))
        and request.get("StateValue", alarm["StateValue"]) == alarm["StateValue"]
        and (prefix is None or any(arn.startswith(prefix) for arn in actions))
    )


def _shown(alarm: Document) -> Document:
    shown = {name: value for name, value in alarm.items() if not name.startswith("_")}
    if alarm["_Type"] == METRIC:
        shown.setdefault("Dimensions", [])
    return shown


def _spelled(described: Document) -> list[tuple[str, str]]:
    return sorted((d["Name"], d["Value"]) for d in described.get("Dimensions", []))


def _epoch(request: Document, member: str) -> float:
    return float(request[member].timestamp())
