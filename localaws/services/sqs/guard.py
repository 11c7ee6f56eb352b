"""The guard of SQS: attributes within their bounds, bodies of characters that XML allows.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
How a receive waits belongs to core.long_poll.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localaws.core import long_poll
from localaws.core.errors import ServiceError
from localaws.core.guard import Guard

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

_BOUNDS = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_DEAD_LETTERS = b"Could not find DLQ"


class SqsGuard(Guard):
    """Stands before the operations of SQS that moto performs too leniently."""

    service = "sqs"

    def create_queue(self, call: Call, request: Document, passing: Passing) -> Response:
        """Create a queue with attributes that AWS would take."""
        return _with_attributes(request, passing)

    def set_queue_attributes(self, call: Call, request: Document, passing: Passing) -> Response:
        """Set attributes that AWS would take."""
        return _with_attributes(request, passing)

    def send_message(self, call: Call, request: Document, passing: Passing) -> Response:
        """Send a message of allowed characters."""
        _check_entry(request)
        return passing.on()

    def send_message_batch(self, call: Call, request: Document, passing: Passing) -> Response:
        """Send messages of allowed characters; one that is not refuses the batch."""
        for entry in request["Entries"]:
            _check_entry(entry)
        return passing.on()

    def receive_message(self, call: Call, request: Document, passing: Passing) -> Response:
        """Receive messages, waiting up to 20 seconds."""
        low, high = _BOUNDS["ReceiveMessageWaitTimeSeconds"]
        if not low <= request.get("WaitTimeSeconds", low) <= high:
            raise ServiceError(
                "InvalidParameterValue",
                f"Value {request['WaitTimeSeconds']} for parameter WaitTimeSeconds is invalid. "
                f"Reason: Must be >= {low} and <= {high}, if provided.",
            )
        return long_poll.receive(passing.ask, passing.request)


def _with_attributes(request: Document, passing: Passing) -> Response:
    for name, value in request.get("Attributes", {}).items():
        low, high = _BOUNDS.get(name, (0, 0))
        if name in _BOUNDS and not (value.isdecimal() and low <= int(value) <= high):
            raise ServiceError(
                "InvalidAttributeValue",
                f"Invalid value for the parameter {name}: {value!r} is not from {low} to {high}.",
            )
    response = passing.on()
    if _NO_DEAD_LETTERS in response.body:
        raise ServiceError(
            "InvalidParameterValue",
            "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not "
            "exist.",
        )
    return response


def _check_entry(entry: Document) -> None:
    low, high = _BOUNDS["DelaySeconds"]
    if not low <= entry.get("DelaySeconds", low) <= high:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value {entry['DelaySeconds']} for parameter DelaySeconds is invalid. Reason: "
            f"DelaySeconds must be >= {low} and <= {high}.",
        )
    if _FORBIDDEN.search(entry["MessageBody"]):
        raise ServiceError("InvalidMessageContents", "Invalid characters found in the message.")
