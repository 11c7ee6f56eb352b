"""From an event to its targets: matching, sending, trying again, giving up to the dead letters.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

import logging
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from localaws.core import loopback
from localaws.core.announcing import EVENTS
from localaws.core.courier import Courier, post
from localaws.services.events import targets, transform
from localaws.services.events.patterns import compile_pattern

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document
    from localaws.services.events.records import Records

_log = logging.getLogger(__name__)
_DELIVERIES = "events/delivery"
# The defaults of RetryPolicy.
_ATTEMPTS = 185
_AGE_SECONDS = 86400
_LONGEST_PAUSE = 300.0
_HOPS = 5
_SERVER_ERROR = 500
_RETRYABLE = ("Throttling", "ThrottlingException", "RequestThrottled", "SlowDown")


class BusError(Exception):
    """Another bus does not take events from here; trying again would not help."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Delivery:
    """Everything between a posted event and its targets."""

    def __init__(self, context: ServerContext, records: Records) -> None:
        self._context = context
        self._records = records
        self._router = Courier(context.store, EVENTS, self._route)
        self._sender = Courier(context.store, _DELIVERIES, self._deliver)

    def start(self) -> None:
        """Begin, with what a former server did not get to."""
        self._router.start()
        self._sender.start()

    def stop(self) -> None:
        """End; what is not delivered waits for the next server."""
        self._router.stop()
        self._sender.stop()

    def _route(self, posted: Document, _attempts: int) -> None:
        """Post a delivery for each target of each rule that matches."""
        event = posted["event"]
        store = self._context.store
        with store.transaction():
            for rule in self._records.enabled_rules(posted["bus"]):
                if not compile_pattern(rule["EventPattern"])(event):
                    continue
                for target in rule["Targets"].values():
                    piece = {
                        "rule": rule["Arn"],
                        "name": rule["Name"],
                        "target": target,
                        "event": event,
                        "since": time.time(),
                        "hops": posted.get("hops", 0),
                        "from": posted["bus"],
                    }
                    post(store, _DELIVERIES, piece)

    def _deliver(self, piece: Document, attempts: int) -> float | None:
        target = piece["target"]
        try:
            if targets.kind_of(target["Arn"]) == "events":
                self._forward(piece)
            else:
                targets.send(self._context, target, self._text(piece), piece["rule"])
        except (ClientError, BotoCoreError, BusError) as error:
            return self._failed(piece, attempts, error)
        return None

    def _text(self, piece: Document) -> str:
        ingested = datetime.fromtimestamp(piece["since"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        occasion = transform.Occasion(piece["rule"], piece["name"], ingested)
        return transform.render(piece["target"], piece["event"], occasion)

    def _forward(self, piece: Document) -> None:
        bus = piece["target"]["Arn"]
        sender, receiver = piece["from"].split(":")[4], bus.split(":")[4]
        # "events that are sent from another account are not sent on to a third account"
        relayed = piece["hops"] and piece["event"]["account"] != sender and receiver != sender
        if relayed or piece["hops"] >= _HOPS:
            _log.warning("%s sends no event on to %s: it came too far", piece["rule"], bus)
            return
        if self._records.bus_of(bus) is None:
            raise BusError("NO_RESOURCE", f"There is no event bus {bus}")
        if receiver != sender and not self._records.may_put(bus, sender):
            raise BusError("NO_PERMISSIONS", f"Account {sender} may not put events on {bus}")
        onward = {"bus": bus, "event": piece["event"], "hops": piece["hops"] + 1}
        post(self._context.store, EVENTS, onward)

    def _failed(self, piece: Document, attempts: int, error: Exception) -> float | None:
        """Return when to try again, or None after leaving the event to the dead letters."""
        policy = piece["target"].get("RetryPolicy", {})
        most = policy.get("MaximumRetryAttempts", _ATTEMPTS)
        age = time.time() - piece["since"]
        condition = ""
        if not _is_retryable(error):
            condition = "None"
        elif attempts >= most:
            condition = "MaximumRetryAttempts"
        elif age >= policy.get("MaximumEventAgeInSeconds", _AGE_SECONDS):
            condition = "MaximumEventAgeInSeconds"
        if not condition:
            return min(_LONGEST_PAUSE, 2.0**attempts) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        self._bury(piece, attempts, error, condition)
        return None

    def _bury(self, piece: Document, attempts: int, error: Exception, condition: str) -> None:
        target = piece["target"]
        arn = target.get("DeadLetterConfig", {}).get("Arn")
        if arn is None:
            _log.warning(
                "%s: target %s did not take an event: %s", piece["rule"], target["Id"], error
            )
            return
        attributes = {
            "RULE_ARN": piece["rule"],
            "TARGET_ARN": target["Arn"],
            "ERROR_CODE": _code(error),
            "ERROR_MESSAGE": str(error),
            "RETRY_ATTEMPTS": str(attempts),
        }
        if condition != "None":
            attributes["EXHAUSTED_RETRY_CONDITION"] = condition
        with loopback.on_behalf_of(piece["rule"]):
            try:
                targets.client_for(self._context, arn).send_message(
                    QueueUrl=targets.queue_url(self._context, arn),
                    MessageBody=self._text({**piece, "target": {}}),
                    MessageAttributes={
                        name: {"DataType": "String", "StringValue": value}
                        for name, value in attributes.items()
                    },
                )
            except ClientError as failure:
                _log.warning("%s: its dead letters went nowhere: %s", piece["rule"], failure)


def _is_retryable(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return not isinstance(error, BusError)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
    return status >= _SERVER_ERROR or _code(error) in _RETRYABLE


def _code(error: Exception) -> str:
    """Name the error as EventBridge's dead letters do where that is documented."""
    if isinstance(error, BusError):
        return error.code
    if not isinstance(error, ClientError):
        return "SDK_CLIENT_ERROR"
    code = str(error.response["Error"]["Code"])
    if "AccessDenied" in code or code == "AuthorizationError":
        return "NO_PERMISSIONS"
    if "NonExistentQueue" in code or "QueueDoesNotExist" in code or code == "NotFound":
        return "NO_RESOURCE"
    return code
