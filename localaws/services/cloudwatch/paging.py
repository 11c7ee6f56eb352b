"""Pages of CloudWatch's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.provider import Document


def page(member: str, items: list[Any], request: Document, size: int) -> Document:
    """Return one page, and the token of the next if there is one.

    Raises:
        ServiceError: InvalidNextToken, the token is none that was handed out.
    """
    token = request.get("NextToken", "0")
    if not token.isdigit():
        raise ServiceError("InvalidNextToken", f"NextToken {token!r} was not handed out.")
    start = int(token)
    end = start + int(request.get("MaxRecords", size))
    more = {"NextToken": str(end)} if end < len(items) else {}
    return {member: items[start:end], **more}
