"""Tells quickly that a request is in order. What is wrong with another, validation says.

A batch of 25 records has a thousand members, and looking each of them up in botocore's model twice
cost more than all else a write does. So a shape is compiled once, into functions that know their
bounds. They may doubt what is in order, never pass what is not.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from botocore.utils import is_json_value_header

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    Check = Callable[[Any], bool]
    Pattern = Callable[[str], re.Pattern[str] | None]


@lru_cache(maxsize=4096)
def conforming(shape: Any, pattern: Pattern) -> Check:
    """Return a function that is true only of values in which validation would find nothing.

    Args:
        shape: botocore's model of the value.
        pattern: Compiles a model's regular expression, or gives None for one that is not checked.
    """
    return _Compiler(pattern).check(shape)


class _Compiler:
    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self._structures: dict[str, Check] = {}

    def check(self, shape: Any) -> Check:
        kinds: dict[str, Callable[[Any], Check]] = {
            "structure": self._structure, "list": self._list, "map": self._map,
            "string": self._string, "integer": self._number, "long": self._number,
            "boolean": _boolean,
        }  # fmt: skip
        doubtful = is_json_value_header(shape) or getattr(shape, "is_document_type", False)
        if doubtful or shape.type_name not in kinds:
            return _doubt
        return kinds[shape.type_name](shape)

    def _structure(self, shape: Any) -> Check:
        if shape.is_tagged_union:
            return _doubt
        if shape.name in self._structures:  # also of a shape within itself
            return partial(self._named, shape.name)
        self._structures[shape.name] = _doubt
        members = {name: self.check(member) for name, member in shape.members.items()}
        required = frozenset(shape.metadata.get("required", ()))

        def conforms(value: Any) -> bool:
            if not isinstance(value, dict) or not required <= value.keys():
                return False
            for name, item in value.items():
                check = members.get(name)
                if check is None or not check(item):
                    return False
            return True

        self._structures[shape.name] = conforms
        return conforms

    def _named(self, name: str, value: Any) -> bool:
        return self._structures[name](value)

    def _list(self, shape: Any) -> Check:
        check, fits = self.check(shape.member), _length(shape)
        return lambda value: isinstance(value, list) and fits(value) and all(map(check, value))

    def _map(self, shape: Any) -> Check:
        key, item, fits = self.check(shape.key), self.check(shape.value), _length(shape)
        return lambda value: (
            isinstance(value, dict)
            and fits(value)
            and all(map(key, value))
            and all(map(item, value.values()))
        )

    def _string(self, shape: Any) -> Check:
        limits, fits = shape.metadata, _length(shape)
        allowed = frozenset(limits["enum"]) if "enum" in limits else None
        pattern = self._pattern(limits["pattern"]) if "pattern" in limits else None
        matches = pattern.fullmatch if pattern is not None else None

        def conforms(value: Any) -> bool:
            return (
                isinstance(value, str)
                and fits(value)
                and (allowed is None or value in allowed)
                and (matches is None or matches(value) is not None)
            )

        return conforms

    def _number(self, shape: Any) -> Check:
        if "enum" in shape.metadata or "pattern" in shape.metadata:
            return _doubt
        least = shape.metadata.get("min", float("-inf"))
        most = shape.metadata.get("max", float("inf"))
        return lambda value: isinstance(value, int) and least <= value <= most


def _boolean(_shape: Any) -> Check:
    return lambda value: isinstance(value, bool)


def _length(shape: Any) -> Check:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if most is None:
        return lambda value: len(value) >= least
    return lambda value: least <= len(value) <= most


def _doubt(_value: Any) -> bool:
    return False
