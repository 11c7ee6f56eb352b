"""Whether a role's trust policy lets a caller assume it. Pure, and closed where it is unsure.

Understood: Principal AWS (``*``, account, root, ARN) and Service, Action, and the conditions
StringEquals and StringLike on ``sts:ExternalId``. A statement with any other condition allows
nothing here. What a caller's own policies allow does not belong here; the embedded AWS does not
evaluate those.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Any

_ACTION = "sts:AssumeRole"
_SERVICE_SUFFIX = ".amazonaws.com"
_OPERATORS = frozenset({"StringEquals", "StringLike"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who asks to assume a role, and what they bring."""

    account_id: str
    principal_arn: str
    external_id: str | None


def allows(policy: dict[str, Any], attempt: Attempt) -> bool:
    """Tell whether the trust policy allows the attempt; an explicit Deny wins."""
    effects = {
        statement.get("Effect")
        for statement in _listed(policy.get("Statement"))
        if _applies(statement, attempt)
    }
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: dict[str, Any], attempt: Attempt) -> bool:
    return (
        any(fnmatch.fnmatchcase(_ACTION, action) for action in _listed(statement.get("Action")))
        and _names(statement.get("Principal"), attempt)
        and _meets(statement.get("Condition") or {}, attempt, deny=statement["Effect"] == "Deny")
    )


def _names(principal: Any, attempt: Attempt) -> bool:
    if attempt.principal_arn.endswith(_SERVICE_SUFFIX):
        # A service is trusted by name only: neither "*" nor its account's root stands for it.
        services = principal.get("Service") if isinstance(principal, dict) else None
        return attempt.principal_arn in _listed(services)
    names = _listed(principal.get("AWS")) if isinstance(principal, dict) else _listed(principal)
    account = attempt.account_id
    accepted = {"*", account, f"arn:aws:iam::{account}:root", attempt.principal_arn}
    return bool(accepted.union(_role_of(attempt.principal_arn)) & set(names))


def _role_of(principal_arn: str) -> set[str]:
    # A session is named by its role too: sts::1:assumed-role/r/session acts as iam::1:role/r.
    parts = principal_arn.split("/")
    if ":assumed-role" not in parts[0]:
        return set()
    prefix = parts[0].replace(":sts:", ":iam:").replace(":assumed-role", ":role")
    return {f"{prefix}/{parts[1]}"}


def _meets(conditions: dict[str, Any], attempt: Attempt, *, deny: bool) -> bool:
    for operator, keys in conditions.items():
        for key, wanted in keys.items():
            if operator not in _OPERATORS or key.lower() != "sts:externalid":
                # Not understood: an Allow must not apply, a Deny must.
                return deny
            given = attempt.external_id
            if given is None or not any(_equal(operator, given, w) for w in _listed(wanted)):
                return False
    return True


def _equal(operator: str, given: str, wanted: str) -> bool:
    return given == wanted if operator == "StringEquals" else fnmatch.fnmatchcase(given, wanted)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
