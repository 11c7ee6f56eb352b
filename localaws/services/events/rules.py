"""Operations on rules and their targets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.events import targets
from localaws.services.events.paging import page
from localaws.services.events.patterns import InvalidPatternError, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document
    from localaws.services.events.records import Records

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
_TARGETS_PER_RULE = 5
_EVENT_MEMBERS = ("id", "account", "source", "time", "region", "resources", "detail-type")


class RuleOperations:
    """EventBridge's operations on rules."""

    context: ServerContext
    records: Records

    def put_rule(self, call: Call, request: Document) -> Document:
        """Make a rule or replace its settings; its targets stay."""
        if request.get("ScheduleExpression"):
            raise ServiceError(
                "ValidationException",
                "The embedded AWS does not perform ScheduleExpression: no rule fires by time here.",
            )
        if not request.get("EventPattern"):
            raise ServiceError(
                "ValidationException",
                "Parameter(s) EventPattern or ScheduleExpression must be specified.",
            )
        _checked(request["EventPattern"])
        bus = self.records.bus(call, request.get("EventBusName", "default"))["Name"]
        name = request["Name"]
        place = name if bus == "default" else f"{bus}/{name}"
        arn = f"arn:aws:events:{call.region}:{call.account_id}:rule/{place}"
        with self.records.store.transaction():
            key = self.records.rule_key(call, bus, name)
            earlier = self.records.rules.get(key)
            members = ("EventPattern", "Description", "RoleArn")
            rule = {member: request[member] for member in members if member in request} | {
                "Name": name,
                "Arn": arn,
                "EventBusName": bus,
                "State": request.get("State", "ENABLED"),
                "CreatedBy": call.account_id,
                "Targets": earlier["Targets"] if earlier else {},
            }
            self.records.rules.put(key, rule)
            if earlier is None and request.get("Tags"):
                self.records.put_tags(arn, {t["Key"]: t["Value"] for t in request["Tags"]})
        return {"RuleArn": arn}

    def describe_rule(self, call: Call, request: Document) -> Document:
        """Describe a rule."""
        _, rule = self.records.rule(call, request.get("EventBusName", "default"), request["Name"])
        return _shown(rule)

    def list_rules(self, call: Call, request: Document) -> Document:
        """List a bus's rules."""
        wanted = request.get("NamePrefix", "")
        found = [_shown(r) for r in self._rules(call, request) if r["Name"].startswith(wanted)]
        return page("Rules", found, request)

    def delete_rule(self, call: Call, request: Document) -> Document:
        """Delete a rule without targets; unknown names are no error."""
        bus = request.get("EventBusName", "default")
        with self.records.store.transaction():
            key = self.records.rule_key(call, bus, request["Name"])
            rule = self.records.rules.get(key)
            if rule is not None and rule["Targets"]:
                raise ServiceError(
                    "ValidationException", "Rule can't be deleted since it has targets."
                )
            if rule is not None:
                self.records.rules.delete(key)
                self.records.put_tags(rule["Arn"], {})
        return {}

    def enable_rule(self, call: Call, request: Document) -> Document:
        """Let a rule match again."""
        return self._set_state(call, request, "ENABLED")

    def disable_rule(self, call: Call, request: Document) -> Document:
        """Let a rule match nothing."""
        return self._set_state(call, request, "DISABLED")

    def put_targets(self, call: Call, request: Document) -> Document:
        """Add or replace targets."""
        for target in request["Targets"]:
            targets.check(target)
        key, _ = self.records.rule(call, request.get("EventBusName", "default"), request["Rule"])

        def change(rule: Document) -> None:
            rule["Targets"] |= {target["Id"]: target for target in request["Targets"]}
            if len(rule["Targets"]) > _TARGETS_PER_RULE:
                raise ServiceError(
                    "LimitExceededException",
                    f"The requested resource exceeds the maximum number allowed: a rule may have "
                    f"{_TARGETS_PER_RULE} targets.",
                )

        self.records.rules.update(key, change)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def remove_targets(self, call: Call, request: Document) -> Document:
        """Remove targets by id."""
        key, rule = self.records.rule(call, request.get("EventBusName", "default"), request["Rule"])
        failed = [
            {
                "TargetId": name,
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": f"Rule {request['Rule']} does not have target {name}.",
            }
            for name in request["Ids"]
            if name not in rule["Targets"]
        ]

        def change(found: Document) -> None:
            for name in request["Ids"]:
                found["Targets"].pop(name, None)

        self.records.rules.update(key, change)
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    def list_targets_by_rule(self, call: Call, request: Document) -> Document:
        """List a rule's targets."""
        _, rule = self.records.rule(call, request.get("EventBusName", "default"), request["Rule"])
        return page("Targets", list(rule["Targets"].values()), request)

    def list_rule_names_by_target(self, call: Call, request: Document) -> Document:
        """List the rules that send to a target."""
        wanted = request["TargetArn"]
        found = [
            rule["Name"]
            for rule in self._rules(call, request)
            if any(target["Arn"] == wanted for target in rule["Targets"].values())
        ]
        return page("RuleNames", found, request)

    def test_event_pattern(self, call: Call, request: Document) -> Document:
        """Tell whether a pattern matches an event."""
        match = _checked(request["EventPattern"])
        try:
            event = json.loads(request["Event"])
        except ValueError as error:
            raise ServiceError(
                "ValidationException", f"Parameter Event is not valid. Reason: {error}"
            ) from error
        missing = [name for name in _EVENT_MEMBERS if name not in event]
        if missing:
            raise ServiceError(
                "ValidationException",
                f"Parameter Event is not valid. Reason: it lacks {', '.join(missing)}",
            )
        return {"Result": match(event)}

    def _rules(self, call: Call, request: Document) -> list[Document]:
        bus = self.records.bus(call, request.get("EventBusName", "default"))["Name"]
        return list(self.records.rules_of(call.account_id, call.region, bus))

    def _set_state(self, call: Call, request: Document, state: str) -> Document:
        key, _ = self.records.rule(call, request.get("EventBusName", "default"), request["Name"])
        self.records.rules.update(key, lambda rule: rule.update(State=state))
        return {}


def _checked(pattern: str) -> Callable[[Document], bool]:
    try:
        return compile_pattern(pattern)
    except InvalidPatternError as error:
        raise ServiceError(
            "InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}"
        ) from error


def _shown(rule: Document) -> Document:
    return {name: value for name, value in rule.items() if name != "Targets"}
