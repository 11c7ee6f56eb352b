"""The guard of Parameter Store: what a parameter is does not change under its name.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localaws.core import relay
from localaws.core.errors import ServiceError
from localaws.core.guard import Guard

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

_DEEPEST = 15
_BYTES = {"Standard": 4096, "Advanced": 8192, "Intelligent-Tiering": 8192}
_STANDARD = "Standard"


class SsmGuard(Guard):
    """Stands before PutParameter."""

    service = "ssm"

    def put_parameter(self, call: Call, request: Document, passing: Passing) -> Response:
        """Write a parameter whose name, size, type and tier are in order."""
        if request["Name"].count("/") > _DEEPEST:
            raise ServiceError(
                "HierarchyLevelLimitExceededException",
                f"A hierarchy can have a maximum of {_DEEPEST} levels.",
            )
        tier = request.get("Tier", _STANDARD)
        stored = _stored(request["Name"], passing) if request.get("Overwrite") else None
        if stored is not None:
            _check_change(request, stored)
            tier = request.get("Tier", stored.get("Tier", _STANDARD))
        if len(request["Value"].encode()) > _BYTES[tier]:
            raise _invalid(f"{tier} tier parameters support a maximum of {_BYTES[tier]} characters")
        _check_pattern(request)
        return passing.on()


def _check_pattern(request: Document) -> None:
    pattern = request.get("AllowedPattern", "")
    try:
        matches = re.search(pattern, request["Value"])
    except re.error as error:
        raise ServiceError(
            "InvalidAllowedPatternException", f"The pattern is not a regular expression: {error}"
        ) from error
    if not matches:
        raise ServiceError(
            "ParameterPatternMismatchException",
            f"Parameter value failed to satisfy constraint: {pattern}",
        )


def _stored(name: str, passing: Passing) -> Document | None:
    wanted = {"Key": "Name", "Option": "Equals", "Values": [name]}
    found = relay.ask(passing, {"ParameterFilters": [wanted]}, "DescribeParameters")
    parameters: list[Document] = found["Parameters"]
    return parameters[0] if parameters else None


def _check_change(request: Document, stored: Document) -> None:
    if request.get("Type", stored["Type"]) != stored["Type"]:
        raise ServiceError(
            "HierarchyTypeMismatchException",
            "Parameter Store doesn't support changing a parameter type in a hierarchy: "
            f"{request['Name']} is a {stored['Type']}. Create a new, unique parameter.",
        )
    if stored.get("Tier") == "Advanced" and request.get("Tier") == _STANDARD:
        raise _invalid("This parameter uses the advanced-parameter tier. It can't be downgraded.")


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
