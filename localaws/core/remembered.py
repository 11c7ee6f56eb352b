"""moto's answers about Glue's catalogue, kept until something changes there.

Every Athena query and every sensor's tick reads the same tables and partitions again, and moto
takes tens of milliseconds to spell out a year of partitions. Whoever asks was authorized before.
Which requests change state belongs to core.effects; answers that depend on the clock, as those
about jobs and crawlers do, are not kept.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from localaws.core.accounts import scope_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.http import Request, Response

_KEPT = {
    "glue": frozenset(
        {"GetDatabase", "GetDatabases", "GetPartition", "GetPartitions", "GetTable", "GetTables",
         "GetTableVersion", "GetTableVersions", "BatchGetPartition"}
    )
}  # fmt: skip
_MOST_BYTES = 32 * 1024 * 1024
_GOOD = 200


class Remembered:
    """Answers by request. Used under moto's lock."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, ...], Response] = {}
        self._bytes = 0

    def answer(
        self,
        service: str,
        operation: str,
        request: Request,
        account_id: str,
        perform: Callable[[], Response],
    ) -> Response:
        """Return a request's answer; perform it only if the answer is not here."""
        if operation not in _KEPT.get(service, ()):
            self.changed(service)
            return perform()
        region = scope_of(request.headers).region
        key = (account_id, region, operation, request.body.decode("utf-8", "surrogateescape"))
        known = self._answers.get(key)
        if known is None:
            known = perform()
            self._keep(key, known)
        # Whoever gets it may write into it: headers, or what cannot stand in XML.
        return replace(known, headers=dict(known.headers))

    def changed(self, service: str) -> None:
        """Forget what a change of a service may have made wrong."""
        if service in _KEPT:
            self._forget()

    def _keep(self, key: tuple[str, ...], response: Response) -> None:
        size = len(response.body) + len(key[-1])
        if response.status != _GOOD or size > _MOST_BYTES:
            return
        if self._bytes + size > _MOST_BYTES:
            self._forget()
        self._answers[key] = response
        self._bytes += size

    def _forget(self) -> None:
        self._answers.clear()
        self._bytes = 0
