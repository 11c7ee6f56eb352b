"""A guard's further questions to moto, for services that speak JSON with X-Amz-Target.

Asked on the way of the request that needs them, so nobody is authorized twice. Which questions,
and what follows from the answers, belongs to the guards.
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


def rewritten(passing: Passing, body: Document, operation: str | None = None) -> Passing:
    """Return the request's way to moto with another body, perhaps for another operation."""
    headers = dict(passing.request.headers)
    if operation is not None:
        prefix = headers["x-amz-target"].rpartition(".")[0]
        headers["x-amz-target"] = f"{prefix}.{operation}"
    sent = json.dumps(body).encode()
    headers["content-length"] = str(len(sent))
    return replace(passing, request=replace(passing.request, headers=headers, body=sent))


def ask(passing: Passing, body: Document, operation: str | None = None) -> Document:
    """Ask moto with another body, perhaps for another operation; return the members it answers.

    Raises:
        ServiceError: Whatever moto answers.
    """
    response = rewritten(passing, body, operation).on()
    told: Document = json.loads(response.body or b"{}") or {}
    if response.status != _FOUND:
        code = str(told.get("__type", "InternalFailure")).rpartition("#")[2]
        message = str(told.get("message") or told.get("Message") or code)
        raise ServiceError(code, message, status=response.status)
    return told


def find(passing: Passing, body: Document, operation: str) -> Document | None:
    """Ask moto, and return None if what the question is about is not there."""
    try:
        return ask(passing, body, operation)
    except ServiceError as error:
        if "NotFound" in error.code:
            return None
        raise


def answer(members: Document) -> Response:
    """Return a response with these members; bytes become base64."""
    text = {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in members.items()
    }
    headers = {"Content-Type": "application/x-amz-json-1.1"}
    return Response(_FOUND, json.dumps(text).encode(), headers)
