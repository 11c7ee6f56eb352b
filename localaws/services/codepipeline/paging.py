"""Pages of a list, as CodePipeline hands them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.paging import Paging

if TYPE_CHECKING:
    from localaws.core.provider import Document

_PAGING = Paging("nextToken", "maxResults", "InvalidNextTokenException")
_LARGEST_PAGE = 100


def page(member: str, everything: list[Document], request: Document, key: str) -> Document:
    """Return the page that the request asks for, and a token if there are more.

    Args:
        member: Name of the list in the answer.
        everything: All items, in order.
        request: The query.
        key: The items' member that tells them apart.

    Raises:
        ServiceError: InvalidNextTokenException.
    """
    found, more = _PAGING.page(
        everything, request, key=lambda item: str(item[key]), default=_LARGEST_PAGE,
        most=_LARGEST_PAGE,
    )  # fmt: skip
    return {member: found, **more}
