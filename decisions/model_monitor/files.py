"""Reading and writing Model Monitor's three files.

A file that is wrong is refused as a whole, with one message that says which file, where in it, what
was expected, and what to do. The shapes are in shapes.py.
"""

import json
from typing import Any, TypeVar

from pydantic import ValidationError

from decisions.model_monitor.shapes import Constraints, Statistics, Violations


class MonitorFileError(ValueError):
    """One of Model Monitor's files cannot be used. The message is meant for a person."""


F = TypeVar("F", Statistics, Constraints, Violations)
_NAMES: dict[type[Any], str] = {
    Statistics: "statistics.json",
    Constraints: "constraints.json",
    Violations: "constraint_violations.json",
}


def read(kind: type[F], text: str | bytes, where: str) -> F:
    """Read one of the three files.

    Args:
        kind: Statistics, Constraints or Violations.
        text: Its JSON.
        where: What to call it in a message, for example its S3 URI.

    Raises:
        MonitorFileError: It is cut off, is another file, or contradicts itself.
    """
    name = _NAMES[kind]
    try:
        document = json.loads(text)
    except ValueError as error:
        raise MonitorFileError(
            f"{where} is no JSON ({error}); expected Model Monitor's {name}. It may be cut off: "
            "copy it again from the output of the baselining or monitoring job."
        ) from error
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise MonitorFileError(_message(error, document, where, name)) from error


def write(file: Statistics | Constraints | Violations) -> str:
    """Write a file as Model Monitor does: named fields only, indented, a line feed at the end."""
    document = file.model_dump(mode="json", exclude_none=True)
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _message(error: ValidationError, document: Any, where: str, name: str) -> str:
    first = error.errors(include_url=False)[0]
    said = first["msg"].removeprefix("Value error, ")
    place = _place(first["loc"], document) or "the document"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return (
        f"{where}: {place}: {said}{more}. Expected Model Monitor's {name}; write it again with the "
        "job that made it, or mend this field."
    )


def _place(path: tuple[int | str, ...], document: Any) -> str:
    """Say where in the file: features[2] ('age').numerical_statistics.common."""
    shown = ""
    for step in path:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            document = None
        if isinstance(step, str):
            shown += f".{step}" if shown else step
            continue
        shown += f"[{step}]"
        if isinstance(document, dict) and isinstance(document.get("name"), str):
            shown += f" ({document['name']!r})"
    return shown
