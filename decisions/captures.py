"""What one captured line says: a prediction, or why it is none. Reading files does not belong here.

The form is SageMaker's data capture, event version 0:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
One line is one invocation. Its inference id names one event, so it must hold one instance: of
several, nobody could say which was meant.
"""

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from decisions.model import canonical_json
from decisions.moments import naive_utc

Fate = Literal["unnamed", "several", "malformed"]

EVENT_TIME = "event_time="
"""How CustomAttributes of an invocation begin that says which moment it is about (naive UTC)."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer of a model about one event.

    Attributes:
        inference_id: The event's id.
        event_id: AWS's id of the invocation.
        predicted_at: When it was answered, naive UTC.
        event_time: The moment it is about, naive UTC, if the caller said so.
        probability: Of label 1.
        features: JSON object of what was sent.
    """

    inference_id: str
    event_id: str
    predicted_at: datetime
    event_time: datetime | None
    probability: float
    features: str

    @property
    def day(self) -> str:
        """The day it belongs to, such as 2013-06-01."""
        return (self.event_time or self.predicted_at).date().isoformat()


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is no prediction of one named event.

    Attributes:
        fate: "unnamed" and "several" are sound lines of callers that want no ground truth.
        why: What was found.
    """

    fate: Fate
    why: str


class _MalformedError(Exception):
    """A line that is not what AWS writes, or not what our models answer."""


def read_line(text: str) -> Prediction | Refused:
    """Read one line of a capture file."""
    try:
        return _read(_document(text, "the line"))
    except _MalformedError as error:
        return Refused("malformed", str(error))


def _read(line: Mapping[str, Any]) -> Prediction | Refused:
    metadata = _object(line.get("eventMetadata"), "eventMetadata")
    captured = _object(line.get("captureData"), "captureData")
    event_id = metadata.get("eventId")
    if not isinstance(event_id, str) or not event_id:
        raise _MalformedError("eventMetadata has no eventId")
    answers = _list(_body(captured, "endpointOutput").get("predictions"), "predictions")
    instances = _list(_body(captured, "endpointInput").get("instances"), "instances")
    if len(answers) != len(instances):
        raise _MalformedError("there are more or fewer predictions than instances")
    inference_id = metadata.get("inferenceId")
    if not isinstance(inference_id, str) or not inference_id:
        return Refused("unnamed", "the caller gave no InferenceId")
    if len(instances) != 1:
        return Refused("several", "one InferenceId for other than one instance")
    return Prediction(
        inference_id=inference_id,
        event_id=event_id,
        predicted_at=_moment(metadata.get("inferenceTime"), "inferenceTime"),
        event_time=_event_time(metadata.get("customAttributes")),
        probability=_probability(_object(answers[0], "a prediction").get("probability")),
        features=canonical_json(_object(instances[0], "an instance")),
    )


def _body(captured: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    part = _object(captured.get(member), member)
    data, encoding = part.get("data"), part.get("encoding")
    if not isinstance(data, str) or encoding not in {"JSON", "BASE64"}:
        raise _MalformedError(f"{member} has no data as JSON or BASE64")
    if encoding == "BASE64":
        try:
            data = base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise _MalformedError(f"{member} is no BASE64 of text") from None
    return _document(data, member)


def _document(text: str, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise _MalformedError(f"{what} is not JSON") from None
    return _object(found, what)


def _refuse(_constant: str) -> None:
    raise ValueError


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _MalformedError(f"{what} is no JSON object")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise _MalformedError(f"{what} is no list")
    return value


def _probability(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _MalformedError("the probability is no number")
    if not math.isfinite(value) or not 0.0 <= value <= 1.0:
        raise _MalformedError("the probability lies outside of 0 to 1")
    return float(value)


def _event_time(attributes: Any) -> datetime | None:
    said = attributes if isinstance(attributes, list) else [attributes]
    for each in said:
        if isinstance(each, str) and each.startswith(EVENT_TIME):
            return _moment(each.removeprefix(EVENT_TIME), "event_time")
    return None


def _moment(text: Any, what: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise _MalformedError(f"{what} is no ISO time") from None
    try:
        return naive_utc(found)
    except OverflowError:
        raise _MalformedError(f"{what} is no ISO time") from None
