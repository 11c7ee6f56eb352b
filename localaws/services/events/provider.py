"""EventBridge as the gateway sees it: PutEvents, and the families of operations in one provider."""

from __future__ import annotations

import json
import logging
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from localaws.core.announcing import EVENTS, Announcement, bus_arn, envelope
from localaws.core.courier import post
from localaws.core.errors import ServiceError
from localaws.core.provider import Provider
from localaws.services.events.buses import BusOperations
from localaws.services.events.delivery import Delivery
from localaws.services.events.records import Records
from localaws.services.events.rules import RuleOperations

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document

_log = logging.getLogger(__name__)
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
_MOST_BYTES = 256 * 1024


class EventsProvider(RuleOperations, BusOperations, Provider):
    """Buses, rules and deliveries."""

    service: ClassVar[str] = "events"

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self.records = Records(context)
        self._delivery = Delivery(context, self.records)

    def start(self) -> None:
        """Deliver, first of all what a former server did not."""
        self._delivery.start()

    def stop(self) -> None:
        """Stop delivering; what is left stays in the store."""
        self._delivery.stop()

    def put_events(self, call: Call, request: Document) -> Document:
        """Take events; each entry is answered for itself.

        Raises:
            ServiceError: ValidationException, the whole is too big; AccessDeniedException, a bus of
                another account does not admit the caller's.
        """
        entries = request["Entries"]
        if request.get("EndpointId"):
            raise ServiceError("ValidationException", "Global endpoints are not performed here.")
        if sum(len(json.dumps(entry, default=str)) for entry in entries) > _MOST_BYTES:
            raise ServiceError(
                "ValidationException", "Total size of the entries in the request is over the limit."
            )
        with self.records.store.transaction():
            answers = [self._put(call, entry) for entry in entries]
        failed = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": failed, "Entries": answers}

    def _put(self, call: Call, entry: Document) -> Document:
        problem = _problem(entry)
        if problem is not None:
            return {"ErrorCode": problem[0], "ErrorMessage": problem[1]}
        name = entry.get("EventBusName", "default")
        arn = name if name.startswith("arn:") else bus_arn(call.account_id, call.region, name)
        owner = arn.split(":")[4]
        if owner != call.account_id and not self.records.may_put(arn, call.account_id):
            raise ServiceError(
                "AccessDeniedException",
                f"User: {call.principal_arn} is not authorized to perform: events:PutEvents on "
                f"resource: {arn} because no resource-based policy allows the action",
            )
        if self.records.bus_of(arn) is None:
            # As on AWS, where an event for a bus that is not there is taken and matches nothing.
            _log.warning("An event was put on %s, which does not exist", arn)
            return {"EventId": str(uuid.uuid4())}
        event = _event(call, entry)
        post(self.records.store, EVENTS, {"bus": arn, "event": event})
        return {"EventId": event["id"]}


def _problem(entry: Document) -> tuple[str, str] | None:
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            return (
                "InvalidArgument",
                f"Parameter {member} is not valid. Reason: {member} is a required argument.",
            )
    if entry["Source"].startswith("aws."):
        return "NotAuthorizedForSourceException", "Not authorized for the source."
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        return "MalformedDetail", "Detail is malformed."
    return None


def _event(call: Call, entry: Document) -> Document:
    announcement = Announcement(
        entry["Source"],
        entry["DetailType"],
        tuple(entry.get("Resources", [])),
        json.loads(entry["Detail"]),
    )
    moment = entry.get("Time")
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC)
    return envelope(announcement, call.account_id, call.region, now=moment)
