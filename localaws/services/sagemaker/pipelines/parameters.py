"""Pipeline parameters: what an execution was given, checked against what the pipeline declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.provider import Document
    from localaws.services.sagemaker.pipelines.definition import Definition

_BOOLEANS = {"true": True, "false": False}


def bind(definition: Definition, given: list[Document]) -> Document:
    """Return the value of every declared parameter.

    Raises:
        ServiceError: ValidationException, a parameter is unknown, missing or of another type.
    """
    by_name = {str(each["Name"]): str(each["Value"]) for each in given}
    unknown = sorted(by_name.keys() - definition.parameters.keys())
    if unknown:
        raise ServiceError(
            "ValidationException",
            f"Unknown parameters {unknown}; the pipeline declares {sorted(definition.parameters)}.",
        )
    return {
        name: _value(name, declared, by_name.get(name))
        for name, declared in definition.parameters.items()
    }


def _value(name: str, declared: Document, given: str | None) -> object:
    if given is None:
        if "DefaultValue" not in declared:
            raise ServiceError(
                "ValidationException",
                f"The parameter {name!r} has no default value and was not given.",
            )
        return declared["DefaultValue"]
    value = _typed(name, declared["Type"], given)
    allowed = declared.get("EnumValues")
    if allowed and value not in allowed:
        raise ServiceError(
            "ValidationException", f"The parameter {name!r} is {value!r}, allowed are {allowed}."
        )
    return value


def _typed(name: str, kind: str, text: str) -> object:
    try:
        if kind == "Integer":
            return int(text)
        if kind == "Float":
            return float(text)
        if kind == "Boolean":
            return _BOOLEANS[text.lower()]
    except (ValueError, KeyError) as error:
        raise ServiceError(
            "ValidationException", f"The parameter {name!r} is {text!r}, which is no {kind}."
        ) from error
    return text
