"""Turns a validator's complaint into a sentence to act on. Finds no problem of its own."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from usecases.errors import DeclarationError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from usecases.errors import Problem
    from usecases.strict_yaml import Document

_SHOWN = 60
"""Characters of a wrong value that are quoted."""


def as_json(document: Document) -> str:
    """Write the document as JSON.

    Raises:
        DeclarationError: If it is not a mapping.
    """
    if not isinstance(document.data, dict):
        raise DeclarationError(
            [document.problem((), "not a mapping", "fields such as name:", "see docs/usecases.md")]
        )
    return json.dumps(document.data)


def explain(document: Document, model: type[BaseModel], error: ValidationError) -> list[Problem]:
    """Say what is wrong, one problem per field, with the line it stands on."""
    return [_one(document, model, dict(found)) for found in error.errors(include_url=False)]


def _one(document: Document, model: type[BaseModel], found: dict[str, Any]) -> Problem:
    location = tuple(part for part in found["loc"] if part != "[key]")
    shown = _without_tags(document.data, location)
    if found["type"] == "extra_forbidden":
        return _unknown(document, model, location, shown)
    if found["type"] == "missing":
        return document.problem(shown, "missing", "a value", "add the field (docs/usecases.md)")
    message, _, expected = str(found["msg"]).partition("; expected ")
    return document.problem(
        shown,
        f"{_brief(found.get('input'))} is wrong: {_lower(message)}",
        expected or _expectation(found),
        "correct the value (docs/usecases.md)",
    )


def _unknown(
    document: Document, model: type[BaseModel], location: tuple[Any, ...], shown: tuple[Any, ...]
) -> Problem:
    known = _known_fields(model, location[:-1])
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return document.problem(
        shown,
        "unknown field",
        f"one of {', '.join(known)}",
        f"did you mean {close[0]}?" if close else "remove it or correct its name",
    )


def _known_fields(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Walk the models along a location and give the fields that may stand there."""
    candidates: list[type[BaseModel]] = [model]
    for part in location:
        below = [
            inner
            for candidate in candidates
            if part in candidate.model_fields
            for inner in _models_in(candidate.model_fields[part].annotation)
        ]
        tagged = [inner for inner in candidates if _tag(inner) == part]
        candidates = below or tagged or candidates
    names = {name for candidate in candidates for name in candidate.model_fields}
    return sorted(names - {"folder", "queries"})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]


def _tag(model: type[BaseModel]) -> Any:
    field = model.model_fields.get("gate")
    return field.default if field else None


def _without_tags(data: Any, location: tuple[Any, ...]) -> tuple[Any, ...]:
    """Drop what a discriminated union put into a location: it is not in the file."""
    kept: list[Any] = []
    for place, part in enumerate(location):
        inside = isinstance(data, dict) and part in data
        within = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if inside or within:
            data = data[part]
        elif place != len(location) - 1:
            continue
        kept.append(part)
    return tuple(kept)


def _expectation(found: dict[str, Any]) -> str:
    context = found.get("ctx") or {}
    if "pattern" in context:
        return f"text that matches {context['pattern']}"
    for key in ("expected", "expected_tags"):
        if key in context:
            return str(context[key])
    bounds = [
        f"{key} {context[key]}" for key in ("ge", "gt", "le", "lt", "min_length") if key in context
    ]
    return ", ".join(bounds) or str(found["type"]).removesuffix("_type").replace("_", " ")


def _brief(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
