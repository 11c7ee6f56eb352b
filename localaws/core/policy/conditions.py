"""Condition operators. Each test is true, false, or (None) not understood.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
and, for keys with several values,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import ipaddress
import math
import operator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from localaws.core.policy.context import UnknownKeyError
from localaws.core.policy.patterns import (
    ARN_COMPONENTS,
    AbsentVariableError,
    NotUnderstoodError,
    Template,
    components,
    glob,
    template,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.policy.context import Context, Value

    Matches = Callable[[str, Template], bool]

_ALL, _ANY = "ForAllValues:", "ForAnyValue:"
_IF_EXISTS = "IfExists"


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key.

    Attributes:
        operator: As written, with prefix and suffix.
        key: As written.
        values: The policy's values; any one of them suffices.
    """

    operator: str
    key: str
    values: tuple[Template, ...]


def read(operator_name: str, key: str, values: Any, *, variables: bool) -> Condition:
    """Read one operator and key of a Condition element.

    Raises:
        NotUnderstoodError: The values are not texts, numbers or truth values.
    """
    listed = values if isinstance(values, list) else [values]
    if not listed:
        raise NotUnderstoodError(f"{operator_name} of {key} with no value")
    return Condition(
        operator_name, key, tuple(template(_text(each), variables=variables) for each in listed)
    )


def holds(condition: Condition, context: Context) -> bool | None:
    """Tell whether a condition holds in a context; None if it is not understood."""
    try:
        return _holds(condition, context)
    except (NotUnderstoodError, UnknownKeyError):
        return None


def _holds(condition: Condition, context: Context) -> bool:
    quantifier, name, if_exists = _take_apart(condition.operator)
    if name == "Null":
        if quantifier or if_exists:
            raise NotUnderstoodError(condition.operator)
        return _is_null(condition, context)
    matches, negated = _operator(name)
    given = context.get(condition.key)
    if given is None or (given == () and quantifier):
        return if_exists or quantifier == _ALL or (negated and not quantifier)
    return _compare(condition, _Test(quantifier, matches, negated), given, context)


@dataclass(frozen=True, slots=True)
class _Test:
    quantifier: str
    matches: Matches
    negated: bool


def _compare(condition: Condition, test: _Test, given: Value, context: Context) -> bool:
    wanted = [value for each in condition.values for value in _filled(each, context, test.negated)]

    def fits(value: str) -> bool:
        return any(test.matches(value, each) for each in wanted) != test.negated

    if test.quantifier:
        results = [fits(value) for value in ((given,) if isinstance(given, str) else given)]
        return all(results) if test.quantifier == _ALL else any(results)
    if not isinstance(given, str):
        raise NotUnderstoodError(
            f"{condition.key} has several values: use ForAnyValue or -AllValues"
        )
    return fits(given)


def _filled(value: Template, context: Context, negated: bool) -> list[Template]:  # noqa: FBT001 - private
    try:
        return [value.filled(context)]
    except AbsentVariableError as error:
        if negated:  # "differs from nothing known" must not let anybody in
            raise NotUnderstoodError(str(error)) from error
        return []  # AWS: a variable without a value matches nothing


def _take_apart(name: str) -> tuple[str, str, bool]:
    quantifier = next((each for each in (_ALL, _ANY) if name.startswith(each)), "")
    name = name.removeprefix(quantifier)
    return quantifier, name.removesuffix(_IF_EXISTS), name.endswith(_IF_EXISTS)


def _is_null(condition: Condition, context: Context) -> bool:
    wanted = {_boolean(each.text()) for each in condition.values}
    return (context.get(condition.key) in (None, ())) in wanted


def _operator(name: str) -> tuple[Matches, bool]:
    if name in _OPERATORS:
        return _OPERATORS[name], False
    positive = name.replace("Not", "", 1)
    if name in _NEGATED and positive in _OPERATORS:
        return _OPERATORS[positive], True
    raise NotUnderstoodError(f"the condition operator {name}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise NotUnderstoodError(f"the condition value {value!r}")


def _plain(value: Template) -> str:
    text = value.text()
    if "${" in text:
        raise NotUnderstoodError(f"the variable in {text!r}")
    return text


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise NotUnderstoodError(f"{text!r} as a truth value")
    return text.lower() == "true"


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise NotUnderstoodError(f"{text!r} as a number") from error
    if not math.isfinite(number):
        raise NotUnderstoodError(f"{text!r} as a number")
    return number


def _moment(text: str) -> datetime:
    try:
        if text.replace(".", "", 1).isdigit() and len(text) > len("20130101"):
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise NotUnderstoodError(f"{text!r} as a date") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _network(given: str, wanted: Template) -> bool:
    try:
        return ipaddress.ip_address(given) in ipaddress.ip_network(_plain(wanted), strict=False)
    except ValueError as error:
        raise NotUnderstoodError(f"{_plain(wanted)!r} as a network") from error


def _arn(given: str, wanted: Template) -> bool:
    patterns = components(wanted)
    if patterns is None:
        if wanted.parts == ("*",):
            return True
        raise NotUnderstoodError(f"{wanted.text()!r} as an ARN")
    parts = given.split(":", ARN_COMPONENTS - 1)
    return len(parts) == ARN_COMPONENTS and all(
        pattern.fullmatch(part) for pattern, part in zip(patterns, parts, strict=True)
    )


def _ordered(read_value: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Matches:
    return lambda given, wanted: compare(read_value(given), read_value(_plain(wanted)))


def _orders(family: str, read_value: Callable[[str], Any]) -> dict[str, Matches]:
    comparisons = {
        "Equals": operator.eq, "LessThan": operator.lt, "LessThanEquals": operator.le,
        "GreaterThan": operator.gt, "GreaterThanEquals": operator.ge,
    }  # fmt: skip
    return {f"{family}{name}": _ordered(read_value, how) for name, how in comparisons.items()}


_OPERATORS: dict[str, Matches] = {
    "StringEquals": lambda given, wanted: given == wanted.text(),
    "StringEqualsIgnoreCase": lambda given, wanted: given.lower() == wanted.text().lower(),
    "StringLike": lambda given, wanted: glob(wanted).fullmatch(given) is not None,
    "Bool": lambda given, wanted: _boolean(given) == _boolean(_plain(wanted)),
    "BinaryEquals": lambda given, wanted: given == _plain(wanted),
    "IpAddress": _network,
    "ArnEquals": _arn,
    "ArnLike": _arn,
    **_orders("Numeric", _number),
    **_orders("Date", _moment),
}
_NEGATED = frozenset(
    {
        "StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "NumericNotEquals",
        "DateNotEquals", "NotIpAddress", "ArnNotEquals", "ArnNotLike",
    }
)  # fmt: skip
