"""Operations on event buses, their policies, and tags."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from localaws.core.announcing import bus_arn
from localaws.core.errors import ServiceError
from localaws.services.events.paging import page

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document
    from localaws.services.events.records import Records

_REFUSED = ("EventSourceName", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")


class BusOperations:
    """EventBridge's operations on buses."""

    context: ServerContext
    records: Records

    def create_event_bus(self, call: Call, request: Document) -> Document:
        """Make a bus."""
        name = request["Name"]
        for member in _REFUSED:
            if request.get(member):
                raise ServiceError(
                    "ValidationException", f"The embedded AWS does not perform {member}."
                )
        if "/" in name:
            raise ServiceError("ValidationException", "Event bus name must not contain '/'.")
        arn = bus_arn(call.account_id, call.region, name)
        with self.records.store.transaction():
            if self.records.bus_of(arn) is not None:
                raise ServiceError(
                    "ResourceAlreadyExistsException", f"Event bus {name} already exists."
                )
            now = self.context.now()
            bus = {"Name": name, "Arn": arn, "Statements": [], "CreationTime": now}
            bus |= {"LastModifiedTime": now, "Description": request.get("Description")}
            self.records.buses.put(f"{call.account_id}/{call.region}/{name}", bus)
            self.records.put_tags(arn, {t["Key"]: t["Value"] for t in request.get("Tags", [])})
        return {"EventBusArn": arn}

    def delete_event_bus(self, call: Call, request: Document) -> Document:
        """Delete a bus without rules; unknown names are no error."""
        name = request["Name"]
        if name == "default":
            raise ServiceError("ValidationException", "Cannot delete event bus default.")
        with self.records.store.transaction():
            if any(True for _ in self.records.rules_of(call.account_id, call.region, name)):
                raise ServiceError(
                    "ValidationException", f"Event bus {name} can't be deleted since it has rules."
                )
            self.records.buses.delete(f"{call.account_id}/{call.region}/{name}")
            self.records.put_tags(bus_arn(call.account_id, call.region, name), {})
        return {}

    def describe_event_bus(self, call: Call, request: Document) -> Document:
        """Describe a bus; by default the default one."""
        return _shown(self.records.bus(call, request.get("Name", "default")))

    def list_event_buses(self, call: Call, request: Document) -> Document:
        """List buses."""
        own = f"{call.account_id}/{call.region}/"
        found = {"default": self.records.bus(call, "default")}
        found |= {b["Name"]: b for _, b in self.records.buses.below(own)}
        wanted = request.get("NamePrefix", "")
        return page(
            "EventBuses", [_shown(b) for n, b in found.items() if n.startswith(wanted)], request
        )

    def put_permission(self, call: Call, request: Document) -> Document:
        """Let another account put events on a bus."""
        bus = self.records.bus(call, request.get("EventBusName", "default"))
        if "Policy" in request:
            statements = _statements(request["Policy"])
        else:
            missing = [n for n in ("Action", "Principal", "StatementId") if n not in request]
            if missing:
                raise ServiceError(
                    "ValidationException", f"Parameter(s) {', '.join(missing)} must be specified."
                )
            statements = [s for s in bus["Statements"] if s.get("Sid") != request["StatementId"]]
            statements.append(_statement(request, bus["Arn"]))
        self._keep(call, bus | {"Statements": statements})
        return {}

    def remove_permission(self, call: Call, request: Document) -> Document:
        """Take a statement, or all, from a bus's policy."""
        bus = self.records.bus(call, request.get("EventBusName", "default"))
        kept = [] if request.get("RemoveAllPermissions") else [
            s for s in bus["Statements"] if s.get("Sid") != request.get("StatementId")
        ]  # fmt: skip
        if len(kept) == len(bus["Statements"]) and not request.get("RemoveAllPermissions"):
            raise ServiceError(
                "ResourceNotFoundException", "Statement with the provided id does not exist."
            )
        self._keep(call, bus | {"Statements": kept})
        return {}

    def tag_resource(self, call: Call, request: Document) -> Document:
        """Add or replace tags of a rule or bus."""
        arn = self._taggable(call, request["ResourceARN"])
        new = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        self.records.put_tags(arn, self.records.tags(arn) | new)
        return {}

    def untag_resource(self, call: Call, request: Document) -> Document:
        """Remove tags by key."""
        arn, gone = self._taggable(call, request["ResourceARN"]), set(request["TagKeys"])
        kept = {k: v for k, v in self.records.tags(arn).items() if k not in gone}
        self.records.put_tags(arn, kept)
        return {}

    def list_tags_for_resource(self, call: Call, request: Document) -> Document:
        """List tags."""
        tags = self.records.tags(self._taggable(call, request["ResourceARN"]))
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _taggable(self, call: Call, arn: str) -> str:
        kind, _, rest = arn.split(":", 5)[-1].partition("/")
        if kind == "event-bus":
            self.records.bus(call, rest)
        else:
            bus, _, name = rest.rpartition("/")
            self.records.rule(call, bus or "default", name)
        return arn

    def _keep(self, call: Call, bus: Document) -> None:
        self.records.buses.put(f"{call.account_id}/{call.region}/{bus['Name']}", bus)


def _statements(policy: str) -> list[Document]:
    try:
        found = json.loads(policy)["Statement"]
    except (ValueError, TypeError, KeyError) as error:
        raise ServiceError("ValidationException", f"Policy is no policy: {error!r}") from error
    return found if isinstance(found, list) else [found]


def _statement(request: Document, arn: str) -> Document:
    principal = request["Principal"]
    if principal != "*":
        principal = {"AWS": f"arn:aws:iam::{principal}:root"}
    statement: Document = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": principal,
        "Action": request["Action"],
        "Resource": arn,
    }
    if condition := request.get("Condition"):
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    return statement


def _shown(bus: Document) -> Document:
    shown = {name: value for name, value in bus.items() if name != "Statements" and value}
    if bus["Statements"]:
        shown["Policy"] = json.dumps({"Version": "2012-10-17", "Statement": bus["Statements"]})
    return shown
