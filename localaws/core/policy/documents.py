"""Policy documents, read once: statements whose every element is compiled or marked not understood.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
Whether a statement applies to a request belongs to statements.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from localaws.core.policy import conditions
from localaws.core.policy.patterns import NotUnderstoodError, Template, template

if TYPE_CHECKING:
    from localaws.core.policy.conditions import Condition

_ELEMENTS = frozenset(
    {
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
        "NotResource", "Condition",
    }
)  # fmt: skip
_VERSIONS = frozenset({"2008-10-17", "2012-10-17"})


class Kind(Enum):
    """What a policy hangs on; it decides which elements a statement must have."""

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        strange: What of it is not understood; such a statement never allows.
        actions: Lower case. ``inverted`` names which of the elements are Not-elements.
        principal: The element as written; None in policies of identities.
    """

    label: str
    allows: bool
    strange: str
    inverted: frozenset[str]
    principal: Any
    actions: tuple[Template, ...]
    resources: tuple[Template, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document by name.

    Attributes:
        name: For people: ``perennial-orchestrator``, or the resource it hangs on.
    """

    name: str
    kind: Kind
    statements: tuple[Statement, ...]


def read(document: str | dict[str, Any], name: str, kind: Kind) -> Policy:
    """Read a policy. One that cannot be read denies everything: who knows what it meant."""
    try:
        parsed = (
            json.loads(document, object_pairs_hook=_once) if isinstance(document, str) else document
        )
        statements = parsed.get("Statement", [])
        listed = statements if isinstance(statements, list) else [statements]
        variables = _version(parsed) == "2012-10-17"
        read_ones = tuple(
            _statement(each, number, kind, variables=variables)
            for number, each in enumerate(listed)
        )
    except (ValueError, AttributeError, TypeError, NotUnderstoodError) as error:
        read_ones = (_unreadable(f"the document: {error}"),)
    return Policy(name, kind, read_ones)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # JSON's readers keep the last of two equal names; the one lost may have been a condition.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotUnderstoodError(f"names given twice among {[name for name, _ in pairs]}")
    return found


def _version(document: dict[str, Any]) -> str:
    version = document.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise NotUnderstoodError(f"Version {version!r}")
    return str(version)


def _statement(given: dict[str, Any], number: int, kind: Kind, *, variables: bool) -> Statement:
    label = str(given.get("Sid") or f"statement {number}")
    problems = _problems(given, kind)

    def attempt(read_one: Any) -> tuple[Any, ...]:
        try:
            return tuple(read_one())
        except (NotUnderstoodError, AttributeError, TypeError) as error:
            problems.append(str(error))
            return ()

    return Statement(
        label=label,
        allows=given.get("Effect") == "Allow",
        inverted=frozenset(each for each in given if each.startswith("Not")),
        principal=_element(given, "Principal"),
        actions=attempt(lambda: _actions(given)),
        resources=attempt(lambda: _resources(given, variables=variables)),
        conditions=attempt(lambda: _conditions(given, variables=variables)),
        strange="; ".join(problems),
    )


def _problems(given: dict[str, Any], kind: Kind) -> list[str]:
    problems = [f"the element {name}" for name in sorted(given.keys() - _ELEMENTS)]
    if given.get("Effect") not in {"Allow", "Deny"}:
        problems.append(f"Effect {given.get('Effect')!r}")
    needs_principal = kind in {Kind.RESOURCE, Kind.TRUST}
    wanted = {
        "Action": 1,
        "Principal": int(needs_principal),
        "Resource": 0 if kind is Kind.TRUST else 1,
    }
    for element, count in wanted.items():
        if (element in given) + (f"Not{element}" in given) != count:
            problems.append(f"{element} is missing, superfluous or given twice")
    if "NotPrincipal" in given and given.get("Effect") == "Allow":
        problems.append("NotPrincipal in an Allow")
    return problems


def _element(given: dict[str, Any], name: str) -> Any:
    # Where both forms stand there is no telling which is meant; see _problems.
    found = [given[each] for each in (name, f"Not{name}") if each in given]
    return found[0] if len(found) == 1 else None


def _actions(given: dict[str, Any]) -> list[Template]:
    found = [str(each) for each in _listed(_element(given, "Action"))]
    if not found or any(each != "*" and ":" not in each for each in found):
        raise NotUnderstoodError(f"Action {found}")
    return [template(each.lower(), variables=False) for each in found]


def _resources(given: dict[str, Any], *, variables: bool) -> list[Template]:
    if not {"Resource", "NotResource"} & given.keys():
        return []  # a trust policy has none; for others see _problems
    found = [str(each) for each in _listed(_element(given, "Resource"))]
    if not found or any(each != "*" and not each.startswith(("arn:", "*")) for each in found):
        raise NotUnderstoodError(f"Resource {found}")
    return [template(each, variables=variables) for each in found]


def _conditions(given: dict[str, Any], *, variables: bool) -> list[Condition]:
    blocks = given.get("Condition", {})
    if not all(blocks.values()):
        raise NotUnderstoodError("an empty Condition block")
    return [
        conditions.read(operator, key, values, variables=variables)
        for operator, keys in blocks.items()
        for key, values in keys.items()
    ]


def _unreadable(what: str) -> Statement:
    return Statement("unreadable", allows=False, strange=what, inverted=frozenset(),
                     principal=None, actions=(), resources=(), conditions=())  # fmt: skip


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
