"""How every List operation filters, sorts and pages. What the items are does not belong here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from localaws.core.paging import Paging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from localaws.core.provider import Document

_PAGING = Paging("NextToken", "MaxResults", "ValidationException")
_TIME_FILTERS = (
    ("CreationTimeAfter", "CreationTime", True),
    ("CreatedAfter", "CreationTime", True),
    ("CreationTimeBefore", "CreationTime", False),
    ("CreatedBefore", "CreationTime", False),
    ("LastModifiedTimeAfter", "LastModifiedTime", True),
    ("LastModifiedTimeBefore", "LastModifiedTime", False),
)


@dataclass(frozen=True)
class Listing:
    """How one List operation orders and filters documents.

    Attributes:
        name: Member that holds an item's name; unique among the items.
        status: Member compared with ``StatusEquals``, if the operation has it.
        default_order: Sort order when the request names none.
        default_size: Page size when the request names none.
        sorts: Further values of ``SortBy`` and the member each means.
    """

    name: str
    status: str | None = None
    default_order: str = "Ascending"
    default_size: int = 100
    sorts: dict[str, str] = field(default_factory=dict)

    def page(
        self, documents: Iterable[Document], request: Document
    ) -> tuple[list[Document], Document]:
        """Return the page that the request asks for, and ``{"NextToken": ...}`` if more follow."""
        kept = [item for item in documents if self._matches(item, request)]
        member = {"Name": self.name, "Status": self.status or self.name, **self.sorts}.get(
            request.get("SortBy", ""), "CreationTime"
        )
        descending = request.get("SortOrder", self.default_order) == "Descending"
        # Stable: documents come in creation order, so equal times keep it in both directions.
        kept = kept[::-1] if descending else kept
        kept.sort(key=lambda item: item[member], reverse=descending)
        return paginate(
            kept, request, name=lambda item: str(item[self.name]), size=self.default_size
        )

    def _matches(self, item: Document, request: Document) -> bool:
        wanted = request.get("StatusEquals")
        if wanted and self.status and item[self.status] != wanted:
            return False
        contains = request.get("NameContains")
        if contains and contains.lower() not in str(item[self.name]).lower():
            return False
        return all(
            _in_time(item.get(member), request[parameter], after=after)
            for parameter, member, after in _TIME_FILTERS
            if request.get(parameter) is not None
        )


def paginate(
    items: list[Document], request: Document, *, name: Callable[[Document], str], size: int
) -> tuple[list[Document], Document]:
    """Cut one page out of sorted items.

    Raises:
        ServiceError: ValidationException, the token was not handed out for this query.
    """
    return _PAGING.page(items, request, key=name, default=size)


def pick(item: Document, *members: str) -> Document:
    """Return those members that the item has."""
    return {member: item[member] for member in members if item.get(member) is not None}


def epoch(value: object) -> float:
    """Return a request's timestamp in epoch seconds, however the protocol carried it."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
        return datetime.fromisoformat(value).timestamp()
    return float(str(value))


def _in_time(moment: float | None, bound: object, *, after: bool) -> bool:
    if moment is None:
        return False
    return moment > epoch(bound) if after else moment < epoch(bound)
