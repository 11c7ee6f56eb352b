"""What is durably known of buses, rules and targets. Operations are in ``buses`` and ``rules``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.core.announcing import bus_arn
from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document

_TAGS = "events/tags"


class Records:
    """Buses and rules of all accounts; every account has a bus named ``default``."""

    def __init__(self, context: ServerContext) -> None:
        self.store = context.store
        self.buses = context.store.table("events/bus")
        self.rules = context.store.table("events/rule")
        self._tags = context.store.table(_TAGS)

    def bus(self, call: Call, name_or_arn: str) -> Document:
        """Return a bus of the caller's own.

        Raises:
            ServiceError: ResourceNotFoundException.
        """
        name = name_or_arn.rpartition("event-bus/")[2]
        arn = bus_arn(call.account_id, call.region, name)
        found = self.bus_of(arn)
        if found is None or (name_or_arn.startswith("arn:") and name_or_arn != arn):
            raise _missing(f"Event bus {name} does not exist.")
        return found

    def bus_of(self, arn: str) -> Document | None:
        """Return a bus by its ARN."""
        _, _, _, region, account_id, resource = arn.split(":", 5)
        name = resource.removeprefix("event-bus/")
        found = self.buses.get(f"{account_id}/{region}/{name}")
        if found is None and name == "default":
            return {"Name": name, "Arn": arn, "Statements": []}
        return found

    def may_put(self, arn: str, account_id: str) -> bool:
        """Whether a bus's policy lets another account put events."""
        bus = self.bus_of(arn)
        return bus is not None and any(_admits(s, account_id) for s in bus["Statements"])

    def rule(self, call: Call, bus: str, name: str) -> tuple[str, Document]:
        """Return key and document of a rule.

        Raises:
            ServiceError: ResourceNotFoundException.
        """
        key = self.rule_key(call, bus, name)
        rule = self.rules.get(key)
        if rule is None:
            raise _missing(f"Rule {name} does not exist on EventBus {key.split('/')[2]}.")
        return key, rule

    def rule_key(self, call: Call, bus: str, name: str) -> str:
        """Return where a rule of a bus that exists is kept."""
        return f"{call.account_id}/{call.region}/{self.bus(call, bus)['Name']}/{name}"

    def rules_of(self, account_id: str, region: str, bus: str) -> Iterator[Document]:
        """Yield the rules of a bus by name."""
        prefix = f"{account_id}/{region}/{bus}/"
        for _, rule in self.rules.below(prefix):
            yield rule

    def enabled_rules(self, arn: str) -> Iterator[Document]:
        """Yield the rules that events on a bus are compared with."""
        _, _, _, region, account_id, resource = arn.split(":", 5)
        for rule in self.rules_of(account_id, region, resource.removeprefix("event-bus/")):
            if rule["State"] != "DISABLED":
                yield rule

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a rule or bus."""
        return self._tags.get(arn) or {}

    def put_tags(self, arn: str, tags: dict[str, str]) -> None:
        """Replace all tags; none forgets them."""
        if tags:
            self._tags.put(arn, tags)
        else:
            self._tags.delete(arn)


def _admits(statement: Document, account_id: str) -> bool:
    # A statement that is not understood lets nobody in.
    if statement.get("Effect") != "Allow" or statement.get("Condition"):
        return False
    actions = _listed(statement.get("Action"))
    if not {"events:PutEvents", "events:*", "*"} & set(actions):
        return False
    principal = statement.get("Principal")
    named = _listed(principal.get("AWS") if isinstance(principal, dict) else principal)
    return bool({"*", account_id, f"arn:aws:iam::{account_id}:root"} & set(named))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _missing(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message)
