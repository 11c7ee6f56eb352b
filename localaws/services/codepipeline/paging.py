"""Pages of a list, as CodePipeline hands them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.provider import Document

_LARGEST_PAGE = 100


def page(member: str, everything: list[Document], request: Document) -> Document:
    """Return the page that the request asks for, and a token if there are more.

    Raises:
        ServiceError: InvalidNextTokenException.
    """
    token = str(request.get("nextToken", "0"))
    if not token.isdigit():
        raise ServiceError("InvalidNextTokenException", f"{token!r} was not handed out")
    start = int(token)
    end = start + min(int(request.get("maxResults", _LARGEST_PAGE)), _LARGEST_PAGE)
    more = {"nextToken": str(end)} if end < len(everything) else {}
    return {member: everything[start:end], **more}
