"""EventBridge: buses and rules.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
"""

from __future__ import annotations

from localaws.core.actions.needs import Asked, Need, Rule, anywhere, for_all, on_arn
from localaws.core.actions.passing import passed

_DEFAULT = "default"
_ON_RULE = (
    "DeleteRule DescribeRule DisableRule EnableRule ListTargetsByRule RemoveTargets PutRule "
    "PutTargets"
)


def _bus(asked: Asked, name_or_arn: str) -> str:
    if name_or_arn.startswith("arn:"):
        return name_or_arn
    return asked.arn("events", f"event-bus/{name_or_arn}")


def _rule(asked: Asked) -> list[Need]:
    given = asked.parameters
    name = given.get("Rule") or given.get("Name")
    bus = _bus(asked, given.get("EventBusName") or _DEFAULT)
    account, _, bus_name = bus.partition(":event-bus/")
    of_bus = "" if bus_name == _DEFAULT else f"{bus_name}/"
    roles = [each["RoleArn"] for each in [given, *given.get("Targets", [])] if each.get("RoleArn")]
    return [
        Need(f"events:{asked.operation}", f"{account}:rule/{of_bus}{name}"),
        *passed(roles, "events"),
    ]


def _put_events(asked: Asked) -> list[Need]:
    return [
        Need(
            "events:PutEvents",
            _bus(asked, entry.get("EventBusName") or _DEFAULT),
            {
                key: str(entry[member])
                for key, member in (
                    ("events:source", "Source"),
                    ("events:detail-type", "DetailType"),
                )
                if entry.get(member)
            },
            absent=("events:source", "events:detail-type"),
        )
        for entry in asked.parameters["Entries"]
    ]


def _named_bus(asked: Asked) -> list[Need]:
    name = asked.parameters.get("Name") or _DEFAULT
    return [Need(f"events:{asked.operation}", _bus(asked, name))]


TABLE: dict[str, Rule] = {
    **for_all(_ON_RULE, _rule),
    "PutEvents": _put_events,
    **for_all("CreateEventBus DeleteEventBus DescribeEventBus", _named_bus),
    **for_all("TagResource UntagResource ListTagsForResource", on_arn("events", "ResourceARN")),
    **{
        name: anywhere(f"events:{name}")
        for name in (
            "ListEventBuses", "ListRuleNamesByTarget", "ListRules", "PutPermission",
            "RemovePermission",
        )
    },
}  # fmt: skip
