"""moto's mishaps as final answers: what it cannot digest is no server error that clients retry.

moto answers some odd requests with a traceback or a web page. The same request would fail the same
way for ever, so it is answered with 400 and a name; the log has the traceback. Whether moto may be
asked at all belongs to allowed.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError, not_implemented

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.http import Response
    from localaws.core.routing import Route

_log = logging.getLogger(__name__)

_CODES = {"rest-xml": "InvalidRequest", "query": "ValidationError"}
_NOT_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_REFUSED = 400
_SERVER_ERROR = 500


def settled(asked: Route, request_id: str, ask: Callable[[], Response]) -> Response:
    """Return moto's answer.

    Raises:
        ServiceError: moto lacks the operation, or cannot digest the request.
        OSError, MemoryError: The machine is at fault, not the request.
    """
    try:
        response = ask()
    except NotImplementedError as error:
        raise not_implemented(asked.service, asked.operation) from error
    except (ServiceError, OSError, MemoryError):
        raise
    except Exception as error:
        _log.exception("moto failed on %s:%s (%s)", asked.service, asked.operation, request_id)
        raise _indigestible(asked, request_id, f"{type(error).__name__}: {error}") from error
    if response.status >= _REFUSED and _is_web_page(response):
        raise not_implemented(asked.service, asked.operation)
    if response.status >= _SERVER_ERROR:
        said = response.body[:200].decode("utf-8", "replace")
        _log.error("moto answered %s:%s with %r", asked.service, asked.operation, said)
        raise _indigestible(asked, request_id, f"HTTP {response.status}: {said}")
    if response.status >= _REFUSED and response.body[:1] == b"<":
        # moto quotes what it was sent, even what cannot stand in XML.
        response.body = _NOT_XML.sub(b"?", response.body)
    return response


def _indigestible(asked: Route, request_id: str, what: str) -> ServiceError:
    return ServiceError(
        _CODES.get(asked.protocol, "ValidationException"),
        f"The embedded AWS cannot perform this {asked.service}:{asked.operation} request: moto, "
        f"which does it, failed with {what[:300]}. Its log has the details of {request_id}.",
    )


def _is_web_page(response: Response) -> bool:
    return response.body[:20].lower().startswith((b"<!doctype html", b"<html"))
