"""What moto knows of a key. Decisions do not belong here (rules)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core import relay

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.provider import Document


def describe(passing: Passing, key: str) -> Document:
    """Return a key's metadata.

    Args:
        passing: In whose name to ask.
        key: Id, ARN or alias.

    Raises:
        ServiceError: ``NotFoundException``.
    """
    metadata: Document = relay.ask(passing, {"KeyId": key}, "DescribeKey")["KeyMetadata"]
    return metadata
