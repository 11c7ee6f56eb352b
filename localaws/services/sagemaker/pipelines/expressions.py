"""The expressions of a pipeline definition: Get, Std:Join, Std:JsonGet; found and resolved.

What a reference leads to is the `Scope`'s business; comparing values is in `conditions.py`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXPRESSIONS = {"Get", "Std:Join", "Std:JsonGet"}
_PATH_PART = re.compile(r"""\.?([A-Za-z0-9_\-]+)|\[(\d+)\]|\[['"]([^'"\]]+)['"]\]""")


class ExpressionError(Exception):
    """An expression cannot be resolved; the text is fit for a FailureReason."""


class Scope(Protocol):
    """Where references lead to."""

    def parameter(self, name: str) -> object:
        """Return a pipeline parameter's value."""

    def execution(self, name: str) -> object:
        """Return an execution variable."""

    def properties(self, step: str) -> object:
        """Return the description of what a step made."""

    def property_file(self, step: str, name: str) -> bytes:
        """Return the content of a step's property file."""

    def object(self, uri: str) -> bytes:
        """Return the content of an S3 object."""


def resolve(value: object, scope: Scope) -> object:
    """Return ``value`` with every expression in it replaced by what it means now.

    Raises:
        ExpressionError: A reference leads nowhere.
    """
    if isinstance(value, list):
        return [resolve(each, scope) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1 or not (value.keys() & _EXPRESSIONS):
        return {name: resolve(each, scope) for name, each in value.items()}
    ((name, body),) = value.items()
    if name == "Get":
        return _get(str(body), scope)
    if name == "Std:Join":
        return str(body["On"]).join(_text(resolve(each, scope)) for each in body["Values"])
    return _json_get(body, scope)


def gets(value: object) -> Iterator[str]:
    """Yield every ``Get`` target in ``value``, for example ``Parameters.X`` or ``Steps.A.B``."""
    if isinstance(value, list):
        for each in value:
            yield from gets(each)
    elif isinstance(value, dict):
        if value.keys() == {"Get"}:
            yield str(value["Get"])
        else:
            for each in value.values():
                yield from gets(each)


def walk(document: object, path: str, *, what: str) -> object:
    """Follow a path like ``a.b[0]['c']``; a name in a list picks the item of that name.

    Raises:
        ExpressionError: The path is malformed or leads nowhere.
    """
    position, rest = 0, path.removeprefix("$")
    while position < len(rest):
        match = _PATH_PART.match(rest, position)
        if match is None:
            raise ExpressionError(f"{what}: the path {path!r} is malformed at character {position}")
        document = _member(document, match, f"{what}: nothing at {path!r}")
        position = match.end()
    return document


def _get(target: str, scope: Scope) -> object:
    family, _, rest = target.partition(".")
    if family == "Parameters":
        return scope.parameter(rest)
    if family == "Execution":
        return scope.execution(rest)
    step, path = split_step(target)
    return walk(scope.properties(step), path, what=f"Step {step}")


def split_step(target: str) -> tuple[str, str]:
    """Split ``Steps.<name>.<path>`` into name and path."""
    match = re.fullmatch(r"Steps\.([A-Za-z0-9_\-]+)((?:[.\[].*)?)", target)
    if match is None:
        raise ExpressionError(f"The reference {target!r} is malformed.")
    return match[1], match[2]


def _json_get(body: dict[str, object], scope: Scope) -> object:
    if "PropertyFile" in body:
        reference = body["PropertyFile"]
        target = str(reference["Get"] if isinstance(reference, dict) else reference)
        step, path = split_step(target)
        what = f"Property file {path.rpartition('.')[2]} of step {step}"
        content = scope.property_file(step, path.rpartition(".")[2])
    else:
        uri = str(resolve(body["S3Uri"], scope))
        what, content = uri, scope.object(uri)
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ExpressionError(f"{what} is not JSON: {error}") from error
    return walk(document, str(body["Path"]), what=what)


def _member(document: object, match: re.Match[str], failure: str) -> object:
    name = match[1] or match[3]
    if match[2] is not None and isinstance(document, list):
        if int(match[2]) < len(document):
            return document[int(match[2])]
    elif isinstance(document, list):
        # Outputs['report'] means the output whose OutputName is report.
        for item in document:
            if isinstance(item, dict) and any(
                key.endswith("Name") and value == name for key, value in item.items()
            ):
                return item
    elif isinstance(document, dict) and name in document:
        return document[name]
    raise ExpressionError(failure)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
