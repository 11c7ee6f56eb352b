"""The guard of IAM: quotas that bite, and what may not be deleted or trusted.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
What a policy permits belongs to authorization; the grammar of permission policies moto checks.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError
from localaws.core.guard import Guard

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

#: In characters, white space not counted.
_MANAGED, _TRUST = 6_144, 2_048
_INLINE = {"role": 10_240, "user": 2_048, "group": 5_120}
_ATTACHED = 10
_TRUSTING = ("sts:assumerole", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext", "sts:*")
_SPACE = re.compile(r"\s")


class IamGuard(Guard):
    """Stands before the operations of IAM that moto performs too leniently."""

    service = "iam"

    def create_role(self, call: Call, request: Document, passing: Passing) -> Response:
        """Create a role with a trust policy that is one."""
        _check_trust(request["AssumeRolePolicyDocument"])
        return passing.on()

    def update_assume_role_policy(
        self, call: Call, request: Document, passing: Passing
    ) -> Response:
        """Change a role's trust policy to one that is one."""
        _check_trust(request["PolicyDocument"])
        return passing.on()

    def create_policy(self, call: Call, request: Document, passing: Passing) -> Response:
        """Create a managed policy within its quota."""
        _check_identity(request["PolicyDocument"])
        _check_size(request["PolicyDocument"], 0, _MANAGED, "PolicySize")
        return passing.on()

    def create_policy_version(self, call: Call, request: Document, passing: Passing) -> Response:
        """Add a version of a managed policy within its quota."""
        _check_identity(request["PolicyDocument"])
        _check_size(request["PolicyDocument"], 0, _MANAGED, "PolicySize")
        return passing.on()

    def delete_policy(self, call: Call, request: Document, passing: Passing) -> Response:
        """Delete a policy that nobody has and that has no other version."""
        iam, arn = self._iam(call), request["PolicyArn"]
        if iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"]:
            raise _conflict("Cannot delete a policy attached to entities.")
        if len(iam.list_policy_versions(PolicyArn=arn)["Versions"]) > 1:
            raise _conflict("This policy has more than one version. Delete the others first.")
        return passing.on()

    def put_role_policy(self, call: Call, request: Document, passing: Passing) -> Response:
        """Write an inline policy, if all of the role's together are within their quota."""
        self._check_inline("role", call, request)
        return passing.on()

    def put_user_policy(self, call: Call, request: Document, passing: Passing) -> Response:
        """Write an inline policy, if all of the user's together are within their quota."""
        self._check_inline("user", call, request)
        return passing.on()

    def put_group_policy(self, call: Call, request: Document, passing: Passing) -> Response:
        """Write an inline policy, if all of the group's together are within their quota."""
        self._check_inline("group", call, request)
        return passing.on()

    def attach_role_policy(self, call: Call, request: Document, passing: Passing) -> Response:
        """Attach a managed policy, up to ten."""
        named = {"RoleName": request["RoleName"]}
        found = self._iam(call).list_attached_role_policies(**named)["AttachedPolicies"]
        others = {each["PolicyArn"] for each in found} - {request["PolicyArn"]}
        if len(others) >= _ATTACHED:
            raise _exceeded("PoliciesPerRole", _ATTACHED)
        return passing.on()

    def _check_inline(self, kind: str, call: Call, request: Document) -> None:
        _check_identity(request["PolicyDocument"])
        iam, member = self._iam(call), f"{kind.capitalize()}Name"
        named = {member: request[member]}
        listed = getattr(iam, f"list_{kind}_policies")(**named)["PolicyNames"]
        read = getattr(iam, f"get_{kind}_policy")
        others = [
            json.dumps(read(**named, PolicyName=name)["PolicyDocument"])
            for name in listed
            if name != request["PolicyName"]
        ]
        quota = f"Inline policy size for {kind} {request[member]}"
        _check_size(request["PolicyDocument"], sum(map(_size, others)), _INLINE[kind], quota)

    def _iam(self, call: Call) -> Any:
        return self.context.client("iam", call.account_id)


def _check_trust(document: str) -> None:
    try:
        statements = json.loads(document)["Statement"]
    except (ValueError, TypeError, KeyError) as error:
        raise _malformed("This policy contains invalid Json or no Statement") from error
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict) or not {"Principal", "NotPrincipal"} & statement.keys():
            raise _malformed("AssumeRolepolicy must contain a Principal in every statement")
        actions = statement.get("Action", [])
        for action in [actions] if isinstance(actions, str) else actions:
            if not action.lower().startswith(_TRUSTING):
                raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
        if {"Resource", "NotResource"} & statement.keys():
            raise _malformed("Has prohibited field Resource.")
    _check_size(document, 0, _TRUST, "ACLSizePerRole")


def _check_identity(document: str) -> None:
    try:
        statements = json.loads(document)["Statement"]
    except (ValueError, TypeError, KeyError):
        return  # which moto will say
    for statement in statements if isinstance(statements, list) else [statements]:
        if isinstance(statement, dict) and {"Principal", "NotPrincipal"} & statement.keys():
            raise _malformed("Policy document should not specify a principal.")


def _check_size(document: str, besides: int, most: int, quota: str) -> None:
    if _size(document) + besides > most:
        raise _exceeded(quota, most)


def _size(document: str) -> int:
    return len(_SPACE.sub("", document))


def _exceeded(quota: str, most: int) -> ServiceError:
    return ServiceError("LimitExceeded", f"Cannot exceed quota for {quota}: {most}", status=409)


def _conflict(message: str) -> ServiceError:
    return ServiceError("DeleteConflict", message, status=409)


def _malformed(message: str) -> ServiceError:
    return ServiceError("MalformedPolicyDocument", message)
