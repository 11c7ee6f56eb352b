"""An alarm's state: changed, written into its history, and told, in one transaction.

Which state it should have belongs to ``evaluator``; how a topic is told to ``notification``.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from typing import TYPE_CHECKING, Any

from localaws.core.courier import post
from localaws.services.cloudwatch.definitions import ACTIONS
from localaws.services.cloudwatch.verdict import instant

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document

NOTIFICATIONS = "cloudwatch/notification"
METRIC, COMPOSITE = "MetricAlarm", "CompositeAlarm"
_KEPT_SECONDS = 14 * 86400  # "CloudWatch preserves alarm history for two weeks"
_numbers = itertools.count()


class Alarms:
    """The alarms of all accounts; documents are API documents and ``_Type``."""

    def __init__(self, context: ServerContext) -> None:
        self.now = context.now
        self.store = context.store
        self.table = context.store.table("cloudwatch/alarm")
        self._history = context.store.table("cloudwatch/history")
        self.tags = context.store.table("cloudwatch/tags")

    def of(self, account_id: str, region: str) -> dict[str, Document]:
        """Return an account's alarms by name."""
        prefix = f"{account_id}/{region}/"
        return {alarm["AlarmName"]: alarm for _, alarm in self.table.below(prefix)}

    def put(self, call: Call, kind: str, request: Document) -> str:
        """Make an alarm or replace its settings, and return its key; its state stays."""
        name = request["AlarmName"]
        key = f"{call.account_id}/{call.region}/{name}"
        now = self.now()
        settings = {member: value for member, value in request.items() if member != "Tags"}
        with self.store.transaction():
            earlier = self.table.get(key)
            if earlier is None:
                state: Document = {
                    "StateValue": "INSUFFICIENT_DATA",
                    "StateReason": "Unchecked: Initial alarm creation",
                    "StateUpdatedTimestamp": now,
                    "StateTransitionedTimestamp": now,
                }
                if request.get("Tags"):
                    tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
                    self.tags.put(_arn(call, name), tags)
            else:
                state = {member: v for member, v in earlier.items() if member.startswith("State")}
            alarm: Document = {member: [] for member in ACTIONS.values()} | {"ActionsEnabled": True}
            alarm |= settings | state | {
                "AlarmArn": _arn(call, name),
                "AlarmConfigurationUpdatedTimestamp": now,
                "_Type": kind,
            }  # fmt: skip
            self.table.put(key, alarm)
            what = "created" if earlier is None else "updated"
            self.note(key, alarm, "ConfigurationUpdate", f'Alarm "{name}" {what}', {})
        return key

    def turn(
        self, key: str, state: str, reason: str, data: Document, *, raw_data: str | None = None
    ) -> bool:
        """Give an alarm a state; if it is another than it had, remember and tell it.

        Returns:
            Whether the state changed.
        """
        with self.store.transaction():
            before = self.table.get(key)
            if before is None or before["StateValue"] == state:
                return False
            now = self.now()
            text = raw_data if raw_data is not None else json.dumps(data)
            after = before | {
                "StateValue": state,
                "StateReason": reason,
                "StateReasonData": text,
                "StateUpdatedTimestamp": now,
                "StateTransitionedTimestamp": now,
            }
            self.table.put(key, after)
            summary = f"Alarm updated from {before['StateValue']} to {state}"
            history = {"oldState": _brief(before), "newState": _brief(after)}
            self.note(key, after, "StateUpdate", summary, {"version": "1.0"} | history)
            if after["ActionsEnabled"]:
                for topic in after[ACTIONS[state]]:
                    post(self.store, NOTIFICATIONS, _piece(key, topic, before, after))
            return True

    def note(self, key: str, alarm: Document, kind: str, summary: str, data: Document) -> None:
        """Write an item of history, and forget what is older than two weeks."""
        with self.store.transaction():
            now = self.now()
            prefix = _history_prefix(key)
            item = {
                "AlarmName": alarm["AlarmName"],
                "AlarmType": alarm["_Type"],
                "Timestamp": now,
                "HistoryItemType": kind,
                "HistorySummary": summary,
                "HistoryData": json.dumps(data),
            }
            self._history.put(f"{prefix}{time.time_ns():020d}{next(_numbers):06d}", item)
            oldest = f"{prefix}{int((now - _KEPT_SECONDS) * 1e9):020d}"
            for old, _ in self._history.between(prefix, oldest):
                self._history.delete(old)

    def history(self, account_id: str, region: str, name: str | None) -> list[Document]:
        """Return the history of one alarm or all, oldest first."""
        own = f"{account_id}/{region}/"
        prefix = own if name is None else _history_prefix(own + name)
        found = self._history.below(prefix)
        return [item for _, item in sorted(found, key=lambda pair: pair[0].rpartition("/")[2])]

    def delete(self, key: str) -> None:
        """Forget an alarm; its history stays."""
        with self.store.transaction():
            alarm = self.table.get(key)
            if alarm is not None:
                self.table.delete(key)
                self.tags.delete(alarm["AlarmArn"])
                summary = f'Alarm "{alarm["AlarmName"]}" deleted'
                self.note(key, alarm, "ConfigurationUpdate", summary, {})


def _arn(call: Call, name: str) -> str:
    return f"arn:aws:cloudwatch:{call.region}:{call.account_id}:alarm:{name}"


def _history_prefix(key: str) -> str:
    account_id, region, name = key.split("/", 2)
    return f"{account_id}/{region}/{hashlib.sha256(name.encode()).hexdigest()[:16]}/"


def _brief(alarm: Document) -> dict[str, Any]:
    brief = {"stateValue": alarm["StateValue"], "stateReason": alarm["StateReason"]}
    data = alarm.get("StateReasonData")
    return brief | ({"stateReasonData": json.loads(data)} if data else {})


def _piece(key: str, topic: str, before: Document, after: Document) -> Document:
    return {
        "key": key,
        "topic": topic,
        "alarm": after,
        "old": before["StateValue"],
        "at": instant(after["StateUpdatedTimestamp"]),
    }
