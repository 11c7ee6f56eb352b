"""What a Condition step's conditions mean. All must hold; nothing is coerced."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from localaws.services.sagemaker.pipelines.expressions import ExpressionError, Scope, resolve

if TYPE_CHECKING:
    from localaws.core.provider import Document

_ORDERINGS = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
TYPES = {"Equals", "In", "Not", "Or", *_ORDERINGS}


def hold(conditions: list[Document], scope: Scope) -> bool:
    """Whether all conditions hold.

    Raises:
        ExpressionError: A value cannot be resolved, or is no number where one is compared.
    """
    return all(_holds(condition, scope) for condition in conditions)


def types_of(conditions: list[Document]) -> set[str]:
    """Return the types of conditions used, nested ones included."""
    found: set[str] = set()
    for condition in conditions:
        found.add(str(condition.get("Type")))
        nested = [condition["Condition"]] if "Condition" in condition else []
        found |= types_of(nested + condition.get("Conditions", []))
    return found


def _holds(condition: Document, scope: Scope) -> bool:
    kind = condition["Type"]
    if kind == "Not":
        return not _holds(condition["Condition"], scope)
    if kind == "Or":
        return any(_holds(each, scope) for each in condition["Conditions"])
    if kind == "In":
        value = resolve(condition["QueryValue"], scope)
        return any(_equal(value, resolve(each, scope)) for each in condition["Values"])
    left = resolve(condition["LeftValue"], scope)
    right = resolve(condition["RightValue"], scope)
    if kind == "Equals":
        return _equal(left, right)
    return bool(_ORDERINGS[kind](_number(left), _number(right)))


def _equal(left: object, right: object) -> bool:
    # Python takes True for 1; a gate must not.
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"{value!r} is not a number and cannot be compared by size.")
    return value
