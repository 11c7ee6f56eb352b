"""Whether a statement applies to a request: yes, no, or not understood.

Every element must apply. One that certainly does not settles the matter; otherwise one that is not
understood keeps an Allow from allowing and makes a Deny deny.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localaws.core.policy import conditions, patterns
from localaws.core.policy.context import UnknownKeyError
from localaws.core.policy.documents import Kind
from localaws.core.policy.patterns import AbsentVariableError, NotUnderstoodError
from localaws.core.policy.principals import Named, Principal, named, spared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.core.policy.context import Context
    from localaws.core.policy.documents import Policy, Statement


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for.

    Attributes:
        action: ``s3:GetObject``.
        resource: An ARN, or ``*`` where AWS knows no resource for the action.
    """

    principal: Principal
    action: str
    resource: str
    context: Context


def denying(policy: Policy, ask: Ask) -> Statement | None:
    """Return a statement that denies the ask, if there is one."""
    return next(
        (each for each in policy.statements if not each.allows and _may_apply(each, policy, ask)),
        None,
    )


def allowing(policy: Policy, ask: Ask) -> Named:
    """Return how closely the statement that allows the ask names its principal; NOT if none does.

    In policies of identities, which name nobody, an Allow counts as DIRECTLY.
    """
    return max(
        (_granted(each, policy, ask) for each in policy.statements if each.allows),
        default=Named.NOT,
    )


def _may_apply(statement: Statement, policy: Policy, ask: Ask) -> bool:
    # Unknown counts: this is a Deny.
    return all(result is not False for result in _elements(statement, policy, ask))


def _granted(statement: Statement, policy: Policy, ask: Ask) -> Named:
    if not all(_elements(statement, policy, ask)):
        return Named.NOT
    if policy.kind in {Kind.RESOURCE, Kind.TRUST}:
        return named(statement.principal, ask.principal)
    return Named.DIRECTLY


def _elements(statement: Statement, policy: Policy, ask: Ask) -> Iterator[bool | None]:
    # The cheapest and most selective first: most statements end at their actions.
    if statement.actions:
        yield _any_matches(statement.actions, ask.action.lower()) != (
            "NotAction" in statement.inverted
        )
    if statement.resources:
        yield _names_resource(statement, ask)
    if policy.kind in {Kind.RESOURCE, Kind.TRUST} and statement.principal is not None:
        yield _names_principal(statement, ask)
    for condition in statement.conditions:
        yield conditions.holds(condition, ask.context)
    if statement.strange:
        yield None


def _any_matches(templates: tuple[Any, ...], text: str) -> bool:
    return any(patterns.glob(each).fullmatch(text) for each in templates)


def _names_resource(statement: Statement, ask: Ask) -> bool | None:
    inverted = "NotResource" in statement.inverted
    unknown = False
    for each in statement.resources:
        try:
            pattern = patterns.resource(each.filled(ask.context))
        except AbsentVariableError:
            unknown = unknown or inverted  # "all but nothing known" must not let anybody in
            continue
        except (NotUnderstoodError, UnknownKeyError):
            unknown = True
            continue
        if pattern.fullmatch(ask.resource):
            return not inverted
    return None if unknown else inverted


def _names_principal(statement: Statement, ask: Ask) -> bool | None:
    try:
        if "NotPrincipal" in statement.inverted:
            return not spared(statement.principal, ask.principal)
        return named(statement.principal, ask.principal) is not Named.NOT
    except NotUnderstoodError:
        return None
