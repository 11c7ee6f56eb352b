"""Tells a performed operation from a pretended one, whatever it answers.

A write that leaves moto's state as it was did nothing. A read that shows what was written here, and
does not show it to an account where nothing was, has looked.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import ClientError
from moto.backends import get_backend

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT, EMPTY_ACCOUNT = "777777777777", "888888888888"
#: Where writes of a service are to be seen, besides in its own state.
SEEN_IN = {"sns": ("sns", "sqs")}

_REQUEST_OWN = ("ResponseMetadata",)


class Prover:
    """Performs operations of one service, and remembers which were proved."""

    def __init__(self, aws: Any, service: str) -> None:
        self.aws = aws
        self.proved: set[str] = set()
        self._service = service

    def __call__(
        self,
        operation: str,
        *,
        shows: str | None = None,
        proves: Callable[[dict[str, Any]], bool] | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Perform an operation and see that it did something.

        Args:
            operation: As botocore spells it.
            shows: What the answer shows here and not in an empty account; makes it a read.
            proves: Tells from the answer itself, for what neither writes nor reads (Encrypt).
            parameters: Of the operation.
        """
        before = self._state()
        answer = self._ask(ACCOUNT, operation, parameters)
        if shows is not None:
            assert shows in repr(answer), (operation, answer)
            assert shows not in repr(self._ask_elsewhere(operation, parameters)), operation
        elif proves is not None:
            assert proves(answer), (operation, answer)
        else:
            assert self._state() != before, f"{operation} answered success and changed nothing"
        self.proved.add(operation)
        return answer

    def helping(self, service: str) -> Any:
        """A client of another service in the same account."""
        return self.aws.client(service, ACCOUNT)

    def _ask(self, account: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        client = self.aws.client(self._service, account)
        answer = getattr(client, xform_name(operation))(**parameters)
        if hasattr(answer.get("Body"), "read"):
            answer["Body"] = answer["Body"].read()
        return {name: value for name, value in answer.items() if name not in _REQUEST_OWN}

    def _ask_elsewhere(self, operation: str, parameters: dict[str, Any]) -> Any:
        try:
            return self._ask(EMPTY_ACCOUNT, operation, parameters)
        except ClientError as error:
            return error.response["Error"]["Code"]

    def _state(self) -> str:
        services = SEEN_IN.get(self._service, (self._service,))
        return fingerprint([get_backend(name)[ACCOUNT] for name in services])


def fingerprint(root: Any) -> str:
    """Return a digest of everything an object leads to; locks and functions aside."""
    digest = hashlib.sha256()
    seen: set[int] = set()

    def walk(value: Any) -> None:
        if isinstance(value, str | bytes | int | float | bool | type(None)):
            digest.update(repr(value).encode())
        elif isinstance(value, tuple) or id(value) not in seen:
            # A tuple may be a passing one, whose id soon is another's; no cycle has only tuples.
            seen.add(id(value))
            digest.update(type(value).__name__.encode())
            for part in _parts(value):
                walk(part)

    walk(root)
    return digest.hexdigest()


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*dict.items(value), *getattr(value, "__dict__", {}).items()]
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, list | tuple) or type(value).__name__ in {"deque", "OrderedSet"}:
        return list(value)
    if callable(value) or isinstance(value, re.Pattern):
        return []
    return sorted(vars(value).items()) if hasattr(value, "__dict__") else [str(value)]
