"""The guard of SNS: a topic has one set of attributes, what is published has a form and a size.

https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from localaws.core.errors import ServiceError
from localaws.core.guard import Guard

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

_BYTES = 262_144
_PROTOCOLS = frozenset(
    {"http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"}
)
_OF_ARNS = frozenset({"sqs", "application", "lambda", "firehose"})


class SnsGuard(Guard):
    """Stands before the operations of SNS that moto performs too leniently."""

    service = "sns"

    def create_topic(self, call: Call, request: Document, passing: Passing) -> Response:
        """Create a topic, or return the one of the same name and attributes."""
        wanted = request.get("Attributes", {})
        stored = self._stored(call, request["Name"]) if wanted else {}
        for name, value in wanted.items():
            if stored and _canonical(stored.get(name, "")) != _canonical(value):
                raise _invalid(
                    f"Attributes Reason: Topic already exists with different attributes ({name})"
                )
        return passing.on()

    def publish(self, call: Call, request: Document, passing: Passing) -> Response:
        """Publish a message in its form."""
        _check_message(request, request.get("TopicArn") or request.get("TargetArn") or "")
        return passing.on()

    def subscribe(self, call: Call, request: Document, passing: Passing) -> Response:
        """Subscribe by a protocol SNS has."""
        protocol, endpoint = request["Protocol"], request.get("Endpoint", "")
        if protocol not in _PROTOCOLS:
            raise _invalid(f"Does not support this protocol string: {protocol}")
        if protocol in _OF_ARNS and not endpoint.startswith("arn:"):
            raise _invalid(f"{protocol.upper()} endpoint ARN")
        return passing.on()

    def _stored(self, call: Call, name: str) -> dict[str, str]:
        arn = f"arn:aws:sns:{call.region}:{call.account_id}:{name}"
        sns = self.context.client("sns", call.account_id, call.region)
        try:
            found: dict[str, str] = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        except ClientError:
            return {}
        return found


def _check_message(request: Document, topic: str) -> None:
    message = request["Message"]
    if not message:
        raise _invalid("Empty message")
    if len(message.encode()) > _BYTES:
        raise _invalid(f"Message too long: at most {_BYTES} bytes")
    if request.get("MessageStructure") == "json":
        _check_structure(message)
    if topic.endswith(".fifo") and "MessageGroupId" not in request:
        raise _invalid("The MessageGroupId parameter is required for FIFO topics")


def _check_structure(message: str) -> None:
    try:
        by_protocol = json.loads(message)
    except ValueError as error:
        raise _invalid(f"Message Structure - JSON message body failed to parse: {error}") from error
    if not isinstance(by_protocol, dict) or "default" not in by_protocol:
        raise _invalid("Message Structure - No default entry in JSON message body")


def _canonical(value: str) -> object:
    # Policies are the same whatever their spacing.
    try:
        return json.loads(value)
    except ValueError:
        return value


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameter", f"Invalid parameter: {message}")
