"""Pipeline variables: declared ones with their defaults, and ``#{namespace.name}`` references.

Pure. Where output variables come from belongs to the actions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localaws.core.provider import Document

NAME = re.compile(r"[A-Za-z0-9@\-_]{1,128}")
_LONGEST = 1000
_REFERENCE = re.compile(r"#\{([A-Za-z0-9@\-_]+)\.([A-Za-z0-9@\-_]+)\}")


class UnresolvedError(ValueError):
    """A reference names a variable that no action has put out."""


def resolve_declared(declared: list[Document], given: list[Document]) -> dict[str, str]:
    """Return the value of each declared variable for one execution.

    Raises:
        ServiceError: ValidationException: a variable is unknown, missing or too long.
    """
    values = {item["name"]: item["value"] for item in given}
    unknown = sorted(set(values) - {variable["name"] for variable in declared})
    if unknown:
        raise ServiceError("ValidationException", f"Unknown pipeline variables: {unknown}")
    resolved: dict[str, str] = {}
    for variable in declared:
        value = values.get(variable["name"], variable.get("defaultValue"))
        if value is None:
            raise ServiceError(
                "ValidationException",
                f"Pipeline variable {variable['name']} has no default; give it a value",
            )
        if not 1 <= len(value) <= _LONGEST:
            raise ServiceError(
                "ValidationException",
                f"Pipeline variable {variable['name']}: 1 to {_LONGEST} characters are allowed",
            )
        resolved[variable["name"]] = value
    return resolved


def references(configuration: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (namespace, name) of every reference in an action's configuration."""
    for value in configuration.values():
        for match in _REFERENCE.finditer(value):
            yield match[1], match[2]


def resolve(text: str, known: Mapping[str, Mapping[str, str]]) -> str:
    """Replace every reference by its value.

    Raises:
        UnresolvedError: A reference has no value.
    """

    def value(match: re.Match[str]) -> str:
        try:
            return known[match[1]][match[2]]
        except KeyError:
            raise UnresolvedError(f"{match[0]} has no value in this execution") from None

    return _REFERENCE.sub(value, text)
