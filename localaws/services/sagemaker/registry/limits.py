"""Limits of a model package's members that botocore's shapes do not check on the server side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.provider import Document

_PROPERTIES = 50
_KEY = 128
_VALUE = 256


def check_properties(properties: Document) -> None:
    """Check CustomerMetadataProperties.

    Raises:
        ServiceError: ValidationException, more than 50, or a key or value is too long.
    """
    if len(properties) > _PROPERTIES:
        raise ServiceError(
            "ValidationException",
            f"CustomerMetadataProperties may have at most {_PROPERTIES} entries, "
            f"this would make {len(properties)}.",
        )
    for key, value in properties.items():
        if not 1 <= len(key) <= _KEY:
            raise ServiceError(
                "ValidationException",
                f"CustomerMetadataProperties: the key {key[:40]!r} has {len(key)} characters, "
                f"allowed are 1 to {_KEY}.",
            )
        if not 1 <= len(value) <= _VALUE:
            raise ServiceError(
                "ValidationException",
                f"CustomerMetadataProperties[{key}] has {len(value)} characters, "
                f"allowed are 1 to {_VALUE}.",
            )
