"""Which targets are performed, and how one is sent an event. When and again is ``delivery``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.core import loopback
from localaws.core.errors import ServiceError
from localaws.services.events import transform

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document

_SENT = ("sqs", "sns")
_MEMBERS = frozenset(
    {"Id", "Arn", "RoleArn", "Input", "InputPath", "InputTransformer", "SqsParameters",
     "DeadLetterConfig", "RetryPolicy"}
)  # fmt: skip
_ARN_PARTS = 6


def check(target: Document) -> None:
    """Check that a target can be performed.

    Raises:
        ServiceError: ValidationException, naming target and member.
    """
    arn, name = target["Arn"], target["Id"]
    kind = kind_of(arn)
    unknown = sorted(set(target) - _MEMBERS)
    if kind is None or unknown:
        what = f"{', '.join(unknown)} of target {name}" if unknown else f"a target like {arn}"
        raise _invalid(
            f"The embedded AWS does not perform {what}: it sends events to SQS queues, SNS topics "
            "and event buses. See docs/localaws/events.md."
        )
    try:
        transform.check(target)
    except transform.BadInputError as error:
        raise _invalid(f"{error} for target {name}.") from error
    if kind == "events" and {"Input", "InputPath", "InputTransformer"} & target.keys():
        raise _invalid(f"Target {name} is an event bus: it gets the event as it is.")
    if arn.endswith(".fifo") and kind == "sqs" and "SqsParameters" not in target:
        raise _invalid(f"Parameter(s) SqsParameters must be specified for target: {name}.")
    if arn.endswith(".fifo") and kind == "sns":
        raise _invalid(f"Target {name} is a FIFO topic, which EventBridge does not send to.")
    letter = target.get("DeadLetterConfig", {}).get("Arn")
    if letter is not None and (kind_of(letter) != "sqs" or letter.endswith(".fifo")):
        raise _invalid(f"DeadLetterConfig of target {name} must name a standard SQS queue.")


def kind_of(arn: str) -> str | None:
    """Return ``sqs``, ``sns`` or ``events`` (a bus), or None for what is not performed."""
    parts = arn.split(":", _ARN_PARTS - 1)
    if len(parts) != _ARN_PARTS or parts[0] != "arn" or not parts[3] or not parts[4]:
        return None
    if parts[2] in _SENT and "/" not in parts[5] and ":" not in parts[5]:
        return parts[2]
    return "events" if parts[2] == "events" and parts[5].startswith("event-bus/") else None


def send(context: ServerContext, target: Document, text: str, rule_arn: str) -> None:
    """Send a queue or topic its text, in EventBridge's own name.

    Raises:
        ClientError, BotoCoreError: The target did not take it.
    """
    arn = target["Arn"]
    client = client_for(context, arn)
    with loopback.on_behalf_of(rule_arn):
        if kind_of(arn) == "sns":
            client.publish(TopicArn=arn, Message=text)
            return
        group = target.get("SqsParameters", {}).get("MessageGroupId")
        more = {"MessageGroupId": group} if group else {}
        client.send_message(QueueUrl=queue_url(context, arn), MessageBody=text, **more)


def client_for(context: ServerContext, arn: str) -> Any:
    """Return a client of a queue's or topic's service, in its account and region."""
    _, _, service, region, account_id, _ = arn.split(":", _ARN_PARTS - 1)
    return context.client(service, account_id, region, acting_as="events")


def queue_url(context: ServerContext, arn: str) -> str:
    """Return the URL of a queue."""
    _, _, _, _, account_id, name = arn.split(":", _ARN_PARTS - 1)
    return f"{context.endpoint_url}/{account_id}/{name}"


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
