"""The comparison operators of event patterns: an operand in, a test of one value out. Pure.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import ipaddress
import operator
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Test = Callable[[Any], bool]

#: What an event's missing field is compared as.
ABSENT: Final = object()

_IGNORE_CASE = "equals-ignore-case"
_NUMBER_LIMIT = 5e9
_COMPARISONS = {
    "<": operator.lt, "<=": operator.le, "=": operator.eq, ">=": operator.ge, ">": operator.gt
}  # fmt: skip


class BadOperatorError(ValueError):
    """The operand does not fit its operator."""


def same(value: Any, wanted: Any) -> bool:
    """Whether two JSON values are the same: ``1``, ``1.0`` and ``true`` are three."""
    return type(value) is type(wanted) and bool(value == wanted)


def _exists(operand: Any) -> Test:
    if not isinstance(operand, bool):
        raise BadOperatorError("must be true or false")
    return lambda value: (value is not ABSENT) == operand


def _text(operand: Any) -> str:
    if not isinstance(operand, str):
        raise BadOperatorError("must be a string")
    return operand


def _prefix(operand: Any) -> Test:
    return _edge(operand, str.startswith)


def _suffix(operand: Any) -> Test:
    return _edge(operand, str.endswith)


def _edge(operand: Any, test: Callable[[str, str], bool]) -> Test:
    if isinstance(operand, dict) and list(operand) == [_IGNORE_CASE]:
        folded = _text(operand[_IGNORE_CASE]).lower()
        return lambda value: isinstance(value, str) and test(value.lower(), folded)
    text = _text(operand)
    if not text:
        raise BadOperatorError("must not be empty")
    return lambda value: isinstance(value, str) and test(value, text)


def _ignore_case(operand: Any) -> Test:
    folded = _text(operand).lower()
    return lambda value: isinstance(value, str) and value.lower() == folded


def _wildcard(operand: Any) -> Test:
    text = _text(operand)
    if re.search(r"(?<!\\)\*\*", text):
        raise BadOperatorError("must not have two wildcards in a row")
    parts = re.findall(r"\\[*\\]|\*|\\|[^*\\]+", text)
    if "\\" in parts:
        raise BadOperatorError("a backslash may only stand before * or another backslash")
    pattern = "".join(".*" if part == "*" else re.escape(_unescaped(part)) for part in parts)
    compiled = re.compile(pattern, re.DOTALL)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _unescaped(part: str) -> str:
    return part.removeprefix("\\")


def _cidr(operand: Any) -> Test:
    try:
        network = ipaddress.ip_network(_text(operand), strict=False)
    except ValueError as error:
        raise BadOperatorError(f"must be an IP range: {error}") from error

    def test(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return test


def _numeric(operand: Any) -> Test:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise BadOperatorError("must be one comparison, or two that make a range")
    pairs = list(zip(operand[::2], operand[1::2], strict=True))
    for sign, number in pairs:
        if not isinstance(sign, str) or sign not in _COMPARISONS:
            raise BadOperatorError(f"{sign!r} is none of {', '.join(_COMPARISONS)}")
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise BadOperatorError(f"{number!r} is not a number")
        if abs(number) > _NUMBER_LIMIT:
            raise BadOperatorError("numbers must lie between -5.0e9 and 5.0e9")
    if len(pairs) > 1:
        _check_range(pairs)

    def test(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return all(_COMPARISONS[sign](value, number) for sign, number in pairs)

    return test


def _check_range(pairs: list[tuple[str, float]]) -> None:
    (low_sign, low), (high_sign, high) = pairs
    if low_sign not in (">", ">=") or high_sign not in ("<", "<="):
        raise BadOperatorError("a range must be written bottom first: ['>', 0, '<=', 5]")
    if low >= high:
        raise BadOperatorError("the bottom must be less than the top")


def _anything_but(operand: Any) -> Test:
    unwanted = _unwanted(operand)
    return lambda value: value is not ABSENT and not any(test(value) for test in unwanted)


def _unwanted(operand: Any) -> list[Test]:
    if isinstance(operand, dict):
        if len(operand) != 1 or next(iter(operand)) not in _BUT:
            raise BadOperatorError(f"may hold one of {', '.join(_BUT)}")
        ((name, inner),) = operand.items()
        return [_BUT[name](each) for each in (inner if isinstance(inner, list) else [inner])]
    listed = operand if isinstance(operand, list) else [operand]
    if not listed or len({isinstance(each, str) for each in listed}) > 1:
        raise BadOperatorError("must be strings only, or numbers only")
    if any(isinstance(each, bool | list | dict) or each is None for each in listed):
        raise BadOperatorError("must be a string, a number, or a list of one of them")
    return [lambda value, each=each: same(value, each) for each in listed]  # type: ignore[misc]


_BUT: dict[str, Callable[[Any], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    _IGNORE_CASE: _ignore_case,
    "wildcard": _wildcard,
}

#: By name: makes the test from the operand, or raises BadOperatorError.
OPERATORS: dict[str, Callable[[Any], Test]] = {
    "exists": _exists,
    "prefix": _prefix,
    "suffix": _suffix,
    _IGNORE_CASE: _ignore_case,
    "wildcard": _wildcard,
    "cidr": _cidr,
    "numeric": _numeric,
    "anything-but": _anything_but,
}
