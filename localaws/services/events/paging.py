"""Pages of EventBridge's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.provider import Document

_MOST = 100


def page(member: str, items: list[Any], request: Document) -> Document:
    """Return one page, and the token of the next if there is one.

    Raises:
        ServiceError: ValidationException, the token is none that was handed out.
    """
    token = request.get("NextToken", "0")
    if not token.isdigit():
        raise ServiceError("ValidationException", f"NextToken {token!r} was not handed out.")
    start = int(token)
    end = start + int(request.get("Limit", _MOST))
    more = {"NextToken": str(end)} if end < len(items) else {}
    return {member: items[start:end], **more}
