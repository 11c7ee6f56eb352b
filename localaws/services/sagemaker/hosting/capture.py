"""Data capture: which requests and answers of an endpoint are kept, and in which form.

An event is in the store before its request is answered, so no end of the server loses it; carrying
events to S3 belongs to `capture_writer.py`. Form and places are AWS's:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import secrets
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.sagemaker.jobs.environment import refuse

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document
    from localaws.core.store import Table
    from localaws.services.sagemaker.arns import ResourceName

_DIRECTIONS = {
    "Input": ("Input",),
    "Output": ("Output",),
    "InputAndOutput": ("Input", "Output"),
}
_EVERYTHING = 100


def events(context: ServerContext) -> Table:
    """Return the table of captured events that are not in S3 yet, by time."""
    return context.store.table("sagemaker/captured-event")


def check(config: Document) -> None:
    """Refuse a DataCaptureConfig that could not be carried out.

    Raises:
        ServiceError: ValidationException.
    """
    destination = config["DestinationS3Uri"]
    refuse(not destination.startswith("s3://"), "data capture to other than an s3:// URI")
    if not destination.removeprefix("s3://").partition("/")[0]:
        raise ServiceError(
            "ValidationException",
            f"DataCaptureConfig.DestinationS3Uri {destination!r} names no bucket; expected "
            "s3://bucket/prefix.",
        )


def summary(config: Document) -> Document:
    """Return what DescribeEndpoint says of an endpoint's capture."""
    started = config.get("EnableCapture", True)
    return {
        "EnableCapture": started,
        "CaptureStatus": "Started" if started else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }


def record(
    context: ServerContext,
    name: ResourceName,
    serving: Document,
    request: Document,
    answer: Document,
) -> None:
    """Keep one request and its answer, if the endpoint captures and the draw falls on them."""
    config = serving.get("Capture")
    if not config or not config.get("EnableCapture", True):
        return
    if secrets.randbelow(_EVERYTHING) >= config["InitialSamplingPercentage"]:
        return
    now = context.now()
    event_id = str(uuid.uuid4())
    events(context).insert(
        f"{now:018.6f}/{event_id}",
        {
            "Endpoint": name.name,
            "Region": name.region,
            "Variant": serving["Variant"]["VariantName"],
            "RoleArn": serving["RoleArn"],
            "DestinationS3Uri": config["DestinationS3Uri"],
            "KmsKeyId": config.get("KmsKeyId"),
            "Time": now,
            "Line": _line(config, request, answer, event_id, now),
        },
    )


def _line(
    config: Document, request: Document, answer: Document, event: str, now: float
) -> Document:
    sent = request.get("ContentType") or "application/json"
    said = {
        "Input": ("endpointInput", "INPUT", request["Body"], sent),
        "Output": ("endpointOutput", "OUTPUT", answer["Body"], answer["ContentType"]),
    }
    captured = {}
    for direction in _wanted(config):
        member, mode, body, content_type = said[direction]
        data, encoding = _encoded(config, bytes(body), content_type)
        captured[member] = {
            "observedContentType": content_type,
            "mode": mode,
            "data": data,
            "encoding": encoding,
        }
    return {
        "captureData": captured,
        "eventMetadata": _metadata(request, event, now),
        "eventVersion": "0",
    }


def _metadata(request: Document, event: str, now: float) -> Document:
    metadata: Document = {"eventId": event}
    if request.get("CustomAttributes"):
        metadata["customAttributes"] = [request["CustomAttributes"]]
    if request.get("InferenceId"):
        metadata["inferenceId"] = request["InferenceId"]
    metadata["inferenceTime"] = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return metadata


def _wanted(config: Document) -> list[str]:
    wanted = {
        each for option in config["CaptureOptions"] for each in _DIRECTIONS[option["CaptureMode"]]
    }
    return [each for each in ("Input", "Output") if each in wanted]


def _encoded(config: Document, body: bytes, content_type: str) -> tuple[str, str]:
    media = content_type.partition(";")[0].strip().lower()
    header = config.get("CaptureContentTypeHeader", {})
    for encoding, member in (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes")):
        if media in [each.lower() for each in header.get(member, [])]:
            try:
                return body.decode(), encoding
            except UnicodeDecodeError:
                break
    return base64.b64encode(body).decode(), "BASE64"
