"""What a guard is: the part of a service that moto performs too leniently, done as AWS does it.

A guard's methods are AWS operations, as a provider's are, but each is given the way on to moto: it
refuses, asks moto, or asks moto something else. Operations without a method go to moto as they
are. State that moto owns is reached through AWS's API (``context.client``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from localaws.core.provider import named_method

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.context import ServerContext
    from localaws.core.http import Request, Response
    from localaws.core.provider import Call, Document


@dataclass(frozen=True, slots=True)
class Passing:
    """A request on its way to moto.

    Attributes:
        request: As it came.
        ask: Asks moto, and returns its answer; may be given a request other than the one that came.
    """

    request: Request
    ask: Callable[[Request], Response]

    def on(self) -> Response:
        """Let the request pass as it is."""
        return self.ask(self.request)


class Guard:
    """Base of all guards.

    An operation is a public method named like botocore's snake-case name:
    ``def put_object(self, call: Call, request: Document, passing: Passing) -> Response``.
    """

    service: ClassVar[str]

    def __init__(self, context: ServerContext) -> None:
        self.context = context

    def find(self, operation: str) -> Callable[[Call, Document, Passing], Response] | None:
        """Return the method that guards ``operation`` (snake case), if there is one."""
        return named_method(self, operation)
