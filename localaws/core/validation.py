"""Checks a request against botocore's input shape: the checks AWS makes before any service code.

What only a service can know (does it exist? is it in use?) belongs to its provider.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from botocore.validate import ParamValidator

from localaws.core.conforming import conforming
from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Java's notation within a character class, and Python's. ``\\w`` has ``_`` besides letters and
#: digits, which every class that allows letters allows too.
_JAVA = (
    (r"\p{L}", r"\w"),
    (r"\p{N}", r"\d"),
    (r"\p{Z}", " \u00a0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"),
    (r"\p{M}", "\u0300-\u036f"),
    (r"\p{Alnum}", "a-zA-Z0-9"),
    (r"\p{Print}", r"\x20-\x7e"),
    (r"\p{ASCII}*", r"[\x00-\x7f]*"),
    (r"\z", r"\Z"),
    ("${1,128}", ""),
    ("${1,256}", ""),
)
_SIZED = frozenset({"string", "list", "map", "blob"})


def validate(operation: Any, parameters: dict[str, Any]) -> None:
    """Check types, required members, bounds, enumerations and patterns.

    Raises:
        ServiceError: ``ValidationException`` (or the name the operation models for it), naming
            every member at fault.
    """
    if operation.input_shape is None or conforming(operation.input_shape, _pattern)(parameters):
        return
    report = ParamValidator().validate(parameters, operation.input_shape)
    if report.has_errors():
        raise ServiceError(_code(operation), report.generate_report())
    problems = list(_problems(operation.input_shape, parameters, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise ServiceError(_code(operation), count + "; ".join(problems))


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    for constraint in _broken(shape, value):
        yield (
            f"Value {str(value)[:200]!r} at '{path}' failed to satisfy constraint: "
            f"Member must {constraint}"
        )
    kind = shape.type_name
    if kind == "structure" and not shape.is_document_type:
        for name, item in value.items():
            yield from _problems(shape.members[name], item, _join(path, name))
    elif kind == "list":
        for number, item in enumerate(value, start=1):
            yield from _problems(shape.member, item, f"{path}.{number}.member")
    elif kind == "map":
        for key, item in value.items():
            yield from _problems(shape.key, key, f"{path}.key")
            yield from _problems(shape.value, item, f"{path}.{key}.value")


def _broken(shape: Any, value: Any) -> Iterator[str]:
    limits = shape.metadata
    if "max" in limits and _size(shape, value) > limits["max"]:
        what = "have length" if shape.type_name in _SIZED else "have value"
        yield f"{what} less than or equal to {limits['max']}"
    elif "enum" in limits and value not in limits["enum"]:
        yield f"satisfy enum value set: [{', '.join(limits['enum'])}]"
    elif "pattern" in limits and isinstance(value, str):
        pattern = _pattern(limits["pattern"])
        if pattern is not None and not pattern.fullmatch(value):
            yield f"satisfy regular expression pattern: {limits['pattern']}"


def _size(shape: Any, value: Any) -> float:
    if shape.type_name in _SIZED:
        return len(value) if hasattr(value, "__len__") else 0
    return float(value) if isinstance(value, int | float) else 0


@functools.cache
def _pattern(text: str) -> re.Pattern[str] | None:
    # AWS writes Java's patterns; the few that Python still cannot read are left unchecked.
    for java, python in _JAVA:
        text = text.replace(java, python)
    try:
        return re.compile(text)
    except re.error:
        return None


def _join(path: str, name: str) -> str:
    member = name[0].lower() + name[1:]
    return f"{path}.{member}" if path else member


def _code(operation: Any) -> str:
    if operation.service_model.resolved_protocol == "rest-xml":
        return "InvalidArgument"
    modelled = {shape.name for shape in operation.error_shapes}
    is_query = operation.service_model.resolved_protocol == "query"
    return "ValidationError" if is_query or "ValidationError" in modelled else "ValidationException"
