"""What a guard of KMS asks moto besides the request itself, and answers in KMS's protocol.

Decisions do not belong here.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.http import Response

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.provider import Document

_FOUND = 200


def body_of(passing: Passing) -> Document:
    """Return the members of the request as sent."""
    body: Document = json.loads(passing.request.body)
    return body


def ask(passing: Passing, body: Document, operation: str | None = None) -> Document:
    """Ask moto with another body, perhaps for another operation.

    Raises:
        ServiceError: Whatever moto answers.
    """
    headers = dict(passing.request.headers)
    if operation is not None:
        headers["x-amz-target"] = f"TrentService.{operation}"
    sent = json.dumps(body).encode()
    headers["content-length"] = str(len(sent))
    response = passing.ask(replace(passing.request, headers=headers, body=sent))
    answer: Document = json.loads(response.body or b"{}") or {}
    if response.status != _FOUND:
        code = str(answer.get("__type", "KMSInternalException")).rpartition("#")[2]
        message = str(answer.get("message") or answer.get("Message") or code)
        raise ServiceError(code, message, status=response.status)
    return answer


def describe(passing: Passing, key: str) -> Document:
    """Return a key's metadata.

    Args:
        passing: In whose name to ask.
        key: Id, ARN or alias.

    Raises:
        ServiceError: ``NotFoundException``.
    """
    metadata: Document = ask(passing, {"KeyId": key}, "DescribeKey")["KeyMetadata"]
    return metadata


def answer(members: Document) -> Response:
    """Return a response with these members; bytes become base64."""
    text = {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in members.items()
    }
    headers = {"Content-Type": "application/x-amz-json-1.1"}
    return Response(_FOUND, json.dumps(text).encode(), headers)
