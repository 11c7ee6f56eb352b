"""What a target is sent: the event, a part of it, a constant, or a template filled in. Pure.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localaws.core.provider import Document

_STEP = re.compile(r"\.([A-Za-z0-9_\-/]+|\*)|\[(\d+|\*)\]")
_PLACE = re.compile(r"<([A-Za-z0-9_\-.]+)>")
_NAME = re.compile(r"[A-Za-z0-9_\-]+")
_MISSING = object()
_PREDEFINED = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    "aws.events.event.json",
)


class BadInputError(ValueError):
    """A path or template is not valid; the text says why."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a template may name besides the event."""

    rule_arn: str
    rule_name: str
    ingested: str


def check(target: Document) -> None:
    """Check that a target's Input, InputPath or InputTransformer can be performed.

    Raises:
        BadInputError: It cannot.
    """
    given = [name for name in ("Input", "InputPath", "InputTransformer") if name in target]
    if len(given) > 1:
        raise BadInputError("Only one of Input, InputPath, or InputTransformer must be provided")
    if "Input" in target:
        _json(target["Input"], "JSON syntax error in Input")
    if "InputPath" in target:
        _steps(target["InputPath"])
    if "InputTransformer" in target:
        _check_transformer(target["InputTransformer"])


def render(target: Document, event: Document, occasion: Occasion) -> str:
    """Return the text that the target is sent."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        found = _find(event, target["InputPath"])
        return _dump(None if found is _MISSING else found)
    if "InputTransformer" in target:
        return _fill(target["InputTransformer"], event, occasion)
    return _dump(event)


def _check_transformer(transformer: Document) -> None:
    paths = transformer.get("InputPathsMap", {})
    for name, path in paths.items():
        if not _NAME.fullmatch(name) or name.upper().startswith("AWS"):
            raise BadInputError(f"InputPathsMap: {name!r} is no name of a variable")
        _steps(path)
    template = transformer["InputTemplate"]
    unknown = set(_PLACE.findall(template)) - paths.keys() - set(_PREDEFINED)
    if unknown:
        raise BadInputError(f"InputTemplate names undefined variables: {', '.join(unknown)}")
    if _is_json(template):
        _json(_substitute(template, lambda _: 0), "Invalid InputTemplate")


def _json(text: str, problem: str) -> None:
    try:
        json.loads(text)
    except ValueError as error:
        raise BadInputError(f"{problem}: {error}") from error


def _steps(path: str) -> list[str | int]:
    rest = path[1:]
    if not path.startswith("$") or _STEP.sub("", rest):
        raise BadInputError(f"{path!r} is no JSON path in dot notation")
    found = [name or index for name, index in _STEP.findall(rest)]
    return [int(step) if step.isdigit() and f"[{step}]" in rest else step for step in found]


def _find(value: Any, path: str) -> Any:
    found = [value]
    wild = False
    for step in _steps(path):
        wild = wild or step == "*"
        found = [item for each in found for item in _step(each, step)]
    if wild:
        return found
    return found[0] if found else _MISSING


def _step(value: Any, step: str | int) -> list[Any]:
    if step == "*":
        if isinstance(value, dict):
            return list(value.values())
        return list(value) if isinstance(value, list) else []
    if isinstance(step, int):
        return value[step : step + 1] if isinstance(value, list) else []
    return [value[step]] if isinstance(value, dict) and step in value else []


def _fill(transformer: Document, event: Document, occasion: Occasion) -> str:
    values: dict[str, Any] = {
        name: _find(event, path) for name, path in transformer.get("InputPathsMap", {}).items()
    }
    values |= {
        "aws.events.rule-arn": occasion.rule_arn,
        "aws.events.rule-name": occasion.rule_name,
        "aws.events.event.ingestion-time": occasion.ingested,
        "aws.events.event": {k: v for k, v in event.items() if k != "detail"},
        "aws.events.event.json": event,
    }
    template = str(transformer["InputTemplate"])
    if _is_json(template):
        return _substitute(template, values.__getitem__)
    return _PLACE.sub(lambda place: _plain(values[place[1]]), template)


def _is_json(template: str) -> bool:
    return template.lstrip()[:1] in ("{", "[", '"')


def _substitute(template: str, value_of: Any) -> str:
    """Fill in a JSON template: within a string a value is text, outside it is JSON."""
    filled, inside, position = [], False, 0
    for token in re.finditer(r'\\.|"|<[A-Za-z0-9_\-.]+>', template, re.DOTALL):
        filled.append(template[position : token.start()])
        position = token.end()
        if token[0] == '"':
            inside = not inside
        if token[0].startswith("<"):
            value = value_of(token[0][1:-1])
            filled.append(_dump(_plain(value))[1:-1] if inside else _dump(_known(value)))
        else:
            filled.append(token[0])
    filled.append(template[position:])
    return "".join(filled)


def _known(value: Any) -> Any:
    return "" if value is _MISSING or value is None else value


def _plain(value: Any) -> str:
    known = _known(value)
    return known if isinstance(known, str) else _dump(known)


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
