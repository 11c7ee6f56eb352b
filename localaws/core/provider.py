"""What every service provider is: a class whose methods are AWS operations.

A provider keeps state in the server's store, reaches other services only through AWS's own API
(``context.client``), and knows nothing of HTTP. Parsing and serialization belong to the gateway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.accounts import Caller
    from localaws.core.context import ServerContext

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls: everything of a request that is not a parameter.

    ``caller`` says more of ``account_id`` and ``principal_arn``.
    """

    service: str
    operation: str
    account_id: str
    region: str
    request_id: str
    principal_arn: str
    headers: dict[str, str]
    caller: Caller


class Provider:
    """Base of all providers.

    An operation is a public method named like botocore's snake-case name, taking the ``Call`` and
    the validated request, and returning the response members:
    ``def describe_endpoint(self, call: Call, request: Document) -> Document``.
    """

    service: ClassVar[str]
    #: Operations that are only kept, by name: what AWS would do further, and is not done here.
    stored: ClassVar[dict[str, str]] = {}

    def __init__(self, context: ServerContext) -> None:
        self.context = context

    def start(self) -> None:
        """Resume what was under way when the server last stopped.

        Called once, before the first request is answered (what is sent to the port waits), and
        after the start of the providers listed before this one.
        """

    def stop(self) -> None:
        """Stop every process this provider started. State is already durable."""

    def find(self, operation: str) -> Callable[[Call, Document], Document] | None:
        """Return the method that performs ``operation`` (snake case), if this provider has it."""
        return named_method(self, operation)


def named_method(holder: object, operation: str) -> Callable[..., Any] | None:
    """Return the method of a provider or guard that an operation (snake case) is named after."""
    if operation in _NOT_OPERATIONS or operation.startswith("_"):
        return None
    method: Callable[..., Any] | None = getattr(holder, operation, None)
    return method


_NOT_OPERATIONS = frozenset({"start", "stop", "find", "context", "service", "stored"})
