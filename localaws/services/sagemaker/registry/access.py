"""Who may touch a model package group: its own account, and accounts its policy names.

The policy is a resource policy in IAM's language. IAM identities are not told apart here: a role
that a statement names stands for its account, because this server does not know who assumed what.
Anything not understood grants nothing.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.provider import Call, Document
    from localaws.services.sagemaker.arns import ResourceName


def check(call: Call, action: str, resource: ResourceName, policy: str | None) -> None:
    """Let the owner through, and others as far as the policy allows.

    Raises:
        ServiceError: AccessDeniedException.
    """
    if call.account_id == resource.account_id:
        return
    if policy is not None and allows(policy, call.account_id, action, resource.arn):
        return
    raise ServiceError(
        "AccessDeniedException",
        f"User: {call.principal_arn} is not authorized to perform: {action} on resource: "
        f"{resource.arn} because no resource-based policy allows the {action} action",
    )


def validate(policy: str) -> None:
    """Accept a policy that ``allows`` can judge.

    Raises:
        ServiceError: ValidationException, saying what is wrong.
    """
    try:
        statements = _statements(policy)
    except (ValueError, AttributeError) as error:
        raise ServiceError("ValidationException", f"ResourcePolicy is not JSON: {error}") from error
    if not statements:
        raise ServiceError("ValidationException", "ResourcePolicy has no Statement.")
    for statement in statements:
        missing = {"Effect", "Principal", "Action", "Resource"} - statement.keys()
        if missing:
            raise ServiceError(
                "ValidationException", f"A Statement of ResourcePolicy lacks {sorted(missing)}."
            )
        if "Condition" in statement:
            raise ServiceError(
                "ValidationException",
                "The embedded AWS does not judge Condition in a ResourcePolicy. Real AWS does.",
            )


def allows(policy: str, account_id: str, action: str, arn: str) -> bool:
    """Whether some statement allows it and none denies it."""
    effects = {
        statement["Effect"]
        for statement in _statements(policy)
        if _names(statement["Principal"], account_id)
        and _any_matches(statement["Action"], action)
        and _any_matches(statement["Resource"], arn)
    }
    return effects == {"Allow"}


def _statements(policy: str) -> list[Document]:
    statements = json.loads(policy).get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _names(principal: object, account_id: str) -> bool:
    if principal == "*":
        return True
    listed = _as_list(principal.get("AWS", [])) if isinstance(principal, dict) else []
    return any(
        each in ("*", account_id) or each.startswith(f"arn:aws:iam::{account_id}:")
        for each in listed
    )


def _any_matches(patterns: object, text: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in _as_list(patterns))


def _as_list(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
