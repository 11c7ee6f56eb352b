"""SQS's waiting ReceiveMessage: asked again and again, so that the wait holds no lock.

moto would sleep inside the call, and no other call to moto could be answered meanwhile.
"""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.http import Request, Response

_PAUSE_SECONDS = 0.1


def receive(ask: Callable[[Request], Response], request: Request) -> Response:
    """Answer a ReceiveMessage in the json protocol: at once, or within its WaitTimeSeconds.

    A queue's own ReceiveMessageWaitTimeSeconds is not regarded.
    """
    parameters = json.loads(request.body or b"{}")
    deadline = time.monotonic() + float(parameters.pop("WaitTimeSeconds", 0))
    body = json.dumps(parameters | {"WaitTimeSeconds": 0}).encode()
    at_once = dataclasses.replace(request, body=body)
    while True:
        response = ask(at_once)
        if _is_final(response) or time.monotonic() >= deadline:
            return response
        time.sleep(_PAUSE_SECONDS)


def _is_final(response: Response) -> bool:
    if response.status >= 400:  # noqa: PLR2004 - HTTP's own boundary
        return True
    answer: dict[str, Any] = json.loads(response.body or b"{}")
    return bool(answer.get("Messages"))
