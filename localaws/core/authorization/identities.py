"""What a role session brings along: its role's policies, boundary and session policies, from IAM.

Administrators bring everything. What resources say does not belong here (resources).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localaws.core.policy.documents import Kind, Policy, read
from localaws.core.policy.evaluation import Identity

if TYPE_CHECKING:
    from localaws.core.accounts import Caller
    from localaws.core.authorization.cache import Caches
    from localaws.core.authorization.lookups import Lookups

UNRESTRICTED = Identity(unrestricted=True)
_NOBODY = Identity()


class Identities:
    """Identities of callers.

    Args:
        enforced: Whether roles are held to their policies. If not, everybody may do everything
            that is their own account's business.
    """

    def __init__(self, lookups: Lookups, caches: Caches, *, enforced: bool) -> None:
        self._lookups = lookups
        self._caches = caches
        self._enforced = enforced

    def of(self, caller: Caller) -> Identity:
        """Return a caller's identity."""
        if caller.is_service:
            return _NOBODY
        if not caller.role_arn or not self._enforced:
            return UNRESTRICTED
        identity: Identity = self._caches.of("iam").get(
            (caller.role_arn, caller.session_policies), lambda: self._session(caller)
        )
        return identity

    def _session(self, caller: Caller) -> Identity:
        name = caller.role_arn.rpartition("/")[2]
        role = self._lookups.role(caller.account_id, name)
        if role is None or role["Arn"] != caller.role_arn:
            return _NOBODY  # a deleted role leaves its sessions with nothing
        iam = self._lookups.client("iam", caller.account_id)
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return Identity(
            policies=(*_inline(iam, name), *_attached(iam, name)),
            boundary=_managed(iam, boundary, Kind.BOUNDARY) if boundary else None,
            session=_session_policies(iam, caller.session_policies),
        )


def _inline(iam: Any, role: str) -> list[Policy]:
    return [
        read(
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"],
            f"{role}/{name}",
            Kind.IDENTITY,
        )
        for page in iam.get_paginator("list_role_policies").paginate(RoleName=role)
        for name in page["PolicyNames"]
    ]


def _attached(iam: Any, role: str) -> list[Policy]:
    return [
        _managed(iam, each["PolicyArn"], Kind.IDENTITY)
        for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        for each in page["AttachedPolicies"]
    ]


def _managed(iam: Any, arn: str, kind: Kind) -> Policy:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)
    return read(found["PolicyVersion"]["Document"], arn, kind)


def _session_policies(iam: Any, given: tuple[str, ...] | None) -> tuple[Policy, ...] | None:
    if given is None:
        return None
    return tuple(
        _managed(iam, each, Kind.SESSION)
        if each.startswith("arn:")
        else read(json.loads(each), "the session policy", Kind.SESSION)
        for each in given
    )
