"""Client tokens: one effect per token, however often and by however many threads it is asked for.

A token is remembered in the very transaction that holds its effect, so no crash parts them. Which
operations have a token, and what they answer to one that was used before with other parameters,
belongs to the providers; threads and processes that follow from an effect start after ``once``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document
    from localaws.core.store import Table

_TABLE = "core/client-token"


@dataclass(frozen=True, slots=True)
class TokenRule:
    """How one operation honours its client token.

    Attributes:
        member: The request's member that holds it.
        code: Error code when it comes again with other parameters.
        seconds: How long it is remembered; None where AWS documents no end.
    """

    member: str
    code: str
    seconds: float | None = None


class ClientToken:
    """The token of one request, if it has one.

    Args:
        context: The server.
        call: Tokens are told apart by operation, account and region.
        request: All of it; every member but the token is a parameter.
        rule: The operation's rule.
        scope: Tells apart further, for example by what the operation acts on.
    """

    def __init__(
        self,
        context: ServerContext,
        call: Call,
        request: Document,
        rule: TokenRule,
        scope: str = "",
    ) -> None:
        self._store = context.store
        self._now = context.now
        self._rule = rule
        self._token = request.get(rule.member)
        self._prefix = f"{call.service}/{call.operation}/{call.account_id}/{call.region}/{scope}/"
        self._fingerprint = _fingerprint(request, rule.member) if self._token else ""

    def answer(self) -> Document | None:
        """Return what this token was answered before, or None.

        Ask before any check of the request: a repeated call gets its answer even if the checks
        would by now end otherwise.

        Raises:
            ServiceError: The token was used with other parameters.
        """
        if not self._token:
            return None
        known = self._table.get(self._prefix + self._token)
        if known is None or self._is_over(known):
            return None
        if known["parameters"] != self._fingerprint:
            raise ServiceError(
                self._rule.code,
                "Idempotent parameters do not match: the "
                f"{self._rule.member} {self._token} was used before with other parameters. "
                "Repeat the call as it was, or use another token.",
            )
        answer: Document = known["answer"]
        return answer

    def once(self, effect: Callable[[], Document]) -> tuple[Document, bool]:
        """Have the effect and remember its answer in one transaction, unless that was done before.

        Args:
            effect: Writes to the store and to nothing else; returns the answer to remember, JSON.

        Returns:
            The answer, and whether the effect was had now.

        Raises:
            ServiceError: The token was used with other parameters; or whatever ``effect`` raises,
                and then nothing was written.
        """
        with self._store.transaction():
            known = self.answer()
            if known is not None:
                return known, False
            answer = effect()
            self._remember(answer)
            return answer, True

    @property
    def _table(self) -> Table:
        return self._store.table(_TABLE)

    def _remember(self, answer: Document) -> None:
        if not self._token:
            return
        if self._rule.seconds is not None:
            for key, known in self._table.scan(self._prefix):
                if self._is_over(known):
                    self._table.delete(key)
        self._table.put(
            self._prefix + self._token,
            {"at": self._now(), "parameters": self._fingerprint, "answer": answer},
        )

    def _is_over(self, known: Document) -> bool:
        seconds = self._rule.seconds
        return seconds is not None and bool(self._now() - known["at"] >= seconds)


def _fingerprint(request: Document, member: str) -> str:
    parameters: dict[str, Any] = {key: value for key, value in request.items() if key != member}
    text = json.dumps(parameters, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
