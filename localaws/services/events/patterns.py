"""Event patterns: which are valid, and which events they match. Pure.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from localaws.services.events.operators import ABSENT, OPERATORS, BadOperatorError, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localaws.core.provider import Document

    Matcher = Callable[[Any], bool]
    Leaf = Callable[[Any], bool]


class InvalidPatternError(ValueError):
    """The pattern is not valid; the text says why."""


@functools.lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Callable[[Document], bool]:
    """Return what tells whether an event matches the pattern.

    Raises:
        InvalidPatternError: It is no valid pattern.
    """
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise InvalidPatternError(f"it is not JSON: {error}") from error
    if not isinstance(pattern, dict):
        raise InvalidPatternError("Filter is not an object")
    return _fields(pattern, "")


def _fields(pattern: Document, path: str) -> Matcher:
    if not pattern:
        raise InvalidPatternError(f"Empty objects are not allowed ({path or 'the whole pattern'})")
    parts: list[Matcher] = []
    for name, wanted in pattern.items():
        place = f"{path}.{name}" if path else name
        if name == "$or":
            parts.append(_or(wanted, place, path))
        elif isinstance(wanted, dict):
            parts.append(_nested(name, _fields(wanted, place)))
        elif isinstance(wanted, list):
            parts.append(_leaf(name, _leaves(wanted, place)))
        else:
            raise InvalidPatternError(f'"{place}" must be an object or an array')
    return lambda event: all(part(event) for part in parts)


def _or(wanted: Any, place: str, path: str) -> Matcher:
    if not isinstance(wanted, list) or len(wanted) < 2:  # noqa: PLR2004 - an alternative needs two
        raise InvalidPatternError(f'"{place}" must be an array of two objects or more')
    if not all(isinstance(each, dict) for each in wanted):
        raise InvalidPatternError(f'"{place}" must hold objects only')
    alternatives = [_fields(each, path) for each in wanted]
    return lambda event: any(each(event) for each in alternatives)


def _nested(name: str, inner: Matcher) -> Matcher:
    def match(event: Any) -> bool:
        below = event.get(name) if isinstance(event, dict) else None
        if isinstance(below, list):
            return any(inner(item) for item in below if isinstance(item, dict))
        return inner(below if isinstance(below, dict) else {})

    return match


def _leaf(name: str, leaves: list[Leaf]) -> Matcher:
    def match(event: Any) -> bool:
        found = event.get(name, ABSENT) if isinstance(event, dict) else ABSENT
        values = list(_values(found))
        return any(leaf(value) for leaf in leaves for value in values)

    return match


def _values(found: Any) -> Iterator[Any]:
    # Only leaves are compared; of an array each element, of an empty one or an object none.
    if isinstance(found, list):
        flat = [item for item in found if not isinstance(item, dict)]
        yield from (flat or [ABSENT])
    else:
        yield ABSENT if isinstance(found, dict) else found


def _leaves(wanted: list[Any], place: str) -> list[Leaf]:
    if not wanted:
        raise InvalidPatternError(f'Empty arrays are not allowed ("{place}")')
    return [_one(each, place) for each in wanted]


def _one(wanted: Any, place: str) -> Leaf:
    if isinstance(wanted, list):
        raise InvalidPatternError(f'"{place}" must not hold an array within an array')
    if not isinstance(wanted, dict):
        return lambda value: same(value, wanted)
    if len(wanted) != 1:
        raise InvalidPatternError(f'"{place}": an operator must be an object of one member')
    ((name, operand),) = wanted.items()
    if name not in OPERATORS:
        raise InvalidPatternError(f'Unrecognized match type {name} ("{place}")')
    try:
        return OPERATORS[name](operand)
    except BadOperatorError as error:
        raise InvalidPatternError(f'{name} of "{place}": {error}') from error
