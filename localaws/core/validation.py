"""Checks a request against botocore's input shape: the checks AWS makes before any service code.

What only a service can know (does it exist? is it in use?) belongs to its provider.
"""

from __future__ import annotations

from typing import Any

from botocore.validate import ParamValidator

from localaws.core.errors import ServiceError


def validate(operation: Any, parameters: dict[str, Any]) -> None:
    """Check types, required members and bounds.

    Raises:
        ServiceError: ``ValidationException`` (or the name the operation models for it), naming
            every member at fault.
    """
    if operation.input_shape is None:
        return
    report = ParamValidator().validate(parameters, operation.input_shape)
    if report.has_errors():
        raise ServiceError(_code(operation), report.generate_report())


def _code(operation: Any) -> str:
    modelled = {shape.name for shape in operation.error_shapes}
    return "ValidationError" if "ValidationError" in modelled else "ValidationException"
