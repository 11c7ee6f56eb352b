"""SQS's waiting ReceiveMessage: asked again and again, so that the wait holds no lock.

moto would sleep inside the call, and no other call to moto could be answered meanwhile.
"""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.http import Request, Response

_PAUSE_SECONDS = 0.1
_WAIT = "WaitTimeSeconds"


def receive(ask: Callable[[Request], Response], request: Request) -> Response:
    """Answer a ReceiveMessage, in either protocol: at once, or within its WaitTimeSeconds.

    A queue's own ReceiveMessageWaitTimeSeconds is not regarded.
    """
    at_once, seconds = _without_wait(request)
    deadline = time.monotonic() + seconds
    while True:
        response = ask(at_once)
        if not is_empty(response) or time.monotonic() >= deadline:
            return response
        time.sleep(_PAUSE_SECONDS)


def is_empty(response: Response) -> bool:
    """Tell whether a ReceiveMessage was answered, but without a message."""
    if response.status >= 400:  # noqa: PLR2004 - HTTP's own boundary
        return False
    if response.body.startswith(b"<"):
        return b"<Message>" not in response.body
    return not json.loads(response.body or b"{}").get("Messages")


def _without_wait(request: Request) -> tuple[Request, float]:
    if "json" in request.headers.get("content-type", ""):
        asked = json.loads(request.body or b"{}")
        seconds = asked.get(_WAIT, 0)
        body = json.dumps(asked | {_WAIT: 0}).encode()
    else:
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        seconds = form.get(_WAIT, 0)
        body = urlencode(form | {_WAIT: "0"}).encode()
    return dataclasses.replace(request, body=body), float(seconds)
