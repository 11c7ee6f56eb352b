"""IAM: roles, users, groups, instance profiles and policies, which belong to no region.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from __future__ import annotations

from localaws.core.actions.needs import Asked, Need, Rule, anywhere, for_all
from localaws.core.actions.passing import passed

_ON_ROLE = """
    AttachRolePolicy DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy DetachRolePolicy
    GetRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies
    ListRoleTags PutRolePermissionsBoundary PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy
    UpdateRole UpdateRoleDescription
"""
_ON_USER = """
    AttachUserPolicy CreateAccessKey CreateLoginProfile CreateUser DeleteAccessKey
    DeleteLoginProfile DeleteUser DeleteUserPermissionsBoundary DeleteUserPolicy DetachUserPolicy
    GetLoginProfile GetUser GetUserPolicy ListAccessKeys ListAttachedUserPolicies ListGroupsForUser
    ListMFADevices ListUserPolicies ListUserTags PutUserPermissionsBoundary PutUserPolicy TagUser
    UntagUser UpdateAccessKey UpdateLoginProfile UpdateUser
"""
_ON_GROUP = """
    AddUserToGroup AttachGroupPolicy CreateGroup DeleteGroup DeleteGroupPolicy DetachGroupPolicy
    GetGroup GetGroupPolicy ListAttachedGroupPolicies ListGroupPolicies PutGroupPolicy
    RemoveUserFromGroup UpdateGroup
"""
_ON_POLICY = """
    CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion
    ListEntitiesForPolicy ListPolicyTags ListPolicyVersions SetDefaultPolicyVersion TagPolicy
    UntagPolicy
"""
_ON_PROFILE = """
    CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile RemoveRoleFromInstanceProfile
    TagInstanceProfile UntagInstanceProfile
"""
_EVERYWHERE = """
    GetAccountSummary GetAccountAuthorizationDetails ListAccountAliases ListGroups
    ListInstanceProfiles ListPolicies ListRoles ListUsers
"""


def _need(asked: Asked, kind: str, name: str) -> Need:
    return Need(
        f"iam:{asked.operation}",
        f"arn:aws:iam::{asked.account_id}:{kind}/{name}",
        {
            key: str(asked.parameters[member])
            for key, member in (
                ("iam:PolicyARN", "PolicyArn"),
                ("iam:PermissionsBoundary", "PermissionsBoundary"),
            )
            if asked.parameters.get(member)
        },
        absent=("iam:PolicyARN", "iam:PermissionsBoundary"),
    )


def _pathed(asked: Asked, member: str) -> str:
    path = str(asked.parameters.get("Path", "/")).strip("/")
    name = str(asked.parameters.get(member) or "*")
    return f"{path}/{name}" if path else name


def _on(kind: str, member: str) -> Rule:
    return lambda asked: [_need(asked, kind, _pathed(asked, member))]


def _role(asked: Asked) -> list[Need]:
    arn = asked.look.role_arn(asked.account_id, asked.parameters["RoleName"])
    return [_need(asked, "role", arn.partition(":role/")[2])]


def _policy(asked: Asked) -> list[Need]:
    return [Need(f"iam:{asked.operation}", asked.parameters["PolicyArn"])]


def _profile_role(asked: Asked) -> list[Need]:
    role = asked.look.role_arn(asked.account_id, asked.parameters["RoleName"])
    profile = _need(asked, "instance-profile", asked.parameters["InstanceProfileName"])
    return [profile, *passed([role], "ec2")]


TABLE: dict[str, Rule] = {
    **for_all(_ON_ROLE, _role),
    "CreateRole": _on("role", "RoleName"),
    **for_all(_ON_USER, _on("user", "UserName")),
    **for_all(_ON_GROUP, _on("group", "GroupName")),
    **for_all(_ON_POLICY, _policy),
    "CreatePolicy": _on("policy", "PolicyName"),
    **for_all(_ON_PROFILE, _on("instance-profile", "InstanceProfileName")),
    "AddRoleToInstanceProfile": _profile_role,
    **{name: anywhere(f"iam:{name}") for name in _EVERYWHERE.split()},
}
