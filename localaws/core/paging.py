"""Pages of a list, and the tokens that lead from one to the next.

A token is bound to its query: with other filters it is refused, as it would otherwise skip items
without a word. Which items there are, and in which order, belongs to the providers.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from localaws.core.provider import Document

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Paging:
    """How one service spells its pages.

    Attributes:
        token: Name of the token, in requests and answers.
        size: The request's member with the page size.
        code: Error code for a token that is not the query's.
    """

    token: str
    size: str
    code: str

    def page(
        self,
        items: Sequence[Item],
        request: Document,
        *,
        key: Callable[[Item], str],
        default: int,
        most: int | None = None,
    ) -> tuple[list[Item], Document]:
        """Cut one page out of sorted items.

        Args:
            items: All that the query matches, in its order.
            request: The query.
            key: What tells an item from all others.
            default: Size of a page when the request names none.
            most: The largest page; larger ones asked for are cut to it.

        Returns:
            The page, and the token in a document of its own if more follow.

        Raises:
            ServiceError: The token was not handed out for this query.
        """
        query = self._fingerprint(request)
        start = self._start(items, request, key, query)
        size = request.get(self.size) or default
        end = start + min(size, most or size)
        page = list(items[start:end])
        if end >= len(items):
            return page, {}
        place = json.dumps([query, end, key(page[-1])])
        return page, {self.token: base64.urlsafe_b64encode(place.encode()).decode()}

    def _start(
        self, items: Sequence[Item], request: Document, key: Callable[[Item], str], query: str
    ) -> int:
        token = request.get(self.token)
        if not token:
            return 0
        try:
            asked, index, last = json.loads(base64.urlsafe_b64decode(token.encode()))
        except (ValueError, TypeError) as error:
            raise self._invalid() from error
        if asked != query:
            raise self._invalid()
        # The last item may have moved, if others came before it, or be gone.
        found = (number for number, item in enumerate(items, start=1) if key(item) == last)
        return next(found, int(index))

    def _fingerprint(self, request: Document) -> str:
        query: dict[str, Any] = {
            name: value for name, value in request.items() if name not in (self.token, self.size)
        }
        text = json.dumps(query, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _invalid(self) -> ServiceError:
        return ServiceError(
            self.code,
            f"The {self.token} was not handed out for this query: repeat the query as it was, or "
            "start again without the token.",
        )
