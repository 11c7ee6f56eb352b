"""The verdict on one request from all policies that bear on it, in AWS's order.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
and, across accounts,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
Service and resource control policies (of AWS Organizations) do not exist here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localaws.core.policy.documents import Kind, Policy
from localaws.core.policy.principals import Named
from localaws.core.policy.statements import Ask, allowing, denying

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Identity:
    """What those who ask bring along.

    Attributes:
        unrestricted: Their own policies allow everything; they are an account's administrator.
        policies: Their own, inline and attached.
        boundary: The permissions boundary, if one is set.
        session: What AssumeRole narrowed the session to; None if it did not.
    """

    unrestricted: bool = False
    policies: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the resource says.

    Attributes:
        account_id: Whose it is.
        policy: The policy that hangs on it, if any.
        decides: Whether nobody gets in without its policy, not even in its own account: so it is
            with KMS keys and role trust.
        kind: What kind of policy it would be.
    """

    account_id: str
    policy: Policy | None = None
    decides: bool = False
    kind: Kind = Kind.RESOURCE


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is allowed, and why.

    Attributes:
        why: ``because no identity-based policy allows the s3:GetObject action``, or what allowed.
        source: The policy and statement that decided; empty where one is missing.
    """

    allowed: bool
    why: str
    source: str = ""

    def message(self, ask: Ask) -> str:
        """Return AWS's words for a denial.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        """
        return (
            f"User: {ask.principal.arn} is not authorized to perform: {ask.action} on resource: "
            f"{ask.resource} {self.why}"
        )


ALLOWED = Verdict(allowed=True, why="an identity-based policy allows it")


def decide(ask: Ask, identity: Identity, resource: Guarded) -> Verdict:
    """Judge a request.

    An explicit Deny wins. Within an account either side may allow, across accounts both must.
    Boundary and session policies narrow what identities are given.
    """
    denied = _explicit(ask, identity, resource)
    if denied is not None:
        return denied
    granted = allowing(resource.policy, ask) if resource.policy else Named.NOT
    own = identity.unrestricted or any(allowing(each, ask) for each in identity.policies)
    if ask.principal.is_service:
        return _service(ask, granted, resource)
    if ask.principal.account_id == resource.account_id:
        return _within(ask, identity, resource, granted, own=own)
    if granted is Named.NOT:
        return _missing(ask, resource.kind)
    return _narrowed(ask, identity) if own else _missing(ask, Kind.IDENTITY)


def _within(
    ask: Ask, identity: Identity, resource: Guarded, granted: Named, *, own: bool
) -> Verdict:
    if granted is Named.DIRECTLY:
        # A grant to the very user or session is not narrowed by boundary or session policies.
        return Verdict(allowed=True, why=f"the {resource.kind.value} allows it")
    if resource.decides and granted is Named.NOT:
        return _missing(ask, resource.kind)
    if granted is Named.ROLE or own:
        return _narrowed(ask, identity)
    return _missing(ask, Kind.IDENTITY)


def _service(ask: Ask, granted: Named, resource: Guarded) -> Verdict:
    if granted is Named.DIRECTLY:
        return Verdict(allowed=True, why=f"the {resource.kind.value} allows it")
    return _missing(ask, resource.kind)


def _narrowed(ask: Ask, identity: Identity) -> Verdict:
    if identity.boundary is not None and not allowing(identity.boundary, ask):
        return _missing(ask, Kind.BOUNDARY)
    if identity.session is not None and not any(allowing(each, ask) for each in identity.session):
        return _missing(ask, Kind.SESSION)
    return ALLOWED


def _explicit(ask: Ask, identity: Identity, resource: Guarded) -> Verdict | None:
    for policy in _all(identity, resource):
        statement = denying(policy, ask)
        if statement is not None:
            article = "an" if policy.kind is Kind.IDENTITY else "a"
            return Verdict(
                allowed=False,
                why=f"with an explicit deny in {article} {policy.kind.value}",
                source=_source(policy.name, statement.label, statement.strange),
            )
    return None


def _all(identity: Identity, resource: Guarded) -> Iterator[Policy]:
    yield from identity.policies
    yield from identity.session or ()
    if identity.boundary is not None:
        yield identity.boundary
    if resource.policy is not None:
        yield resource.policy


def _missing(ask: Ask, kind: Kind) -> Verdict:
    return Verdict(allowed=False, why=f"because no {kind.value} allows the {ask.action} action")


def _source(policy: str, label: str, strange: str) -> str:
    not_understood = f", of which this is not understood: {strange}" if strange else ""
    return f"{policy}, {label}{not_understood}"
