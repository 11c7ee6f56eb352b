"""The condition keys that every request has, whatever it asks for.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
What a single action adds is its table's (core.actions). Keys that are neither given nor known to be
absent, such as ``aws:ResourceTag/``, are not understood.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from localaws.core.policy.context import Context

if TYPE_CHECKING:
    from localaws.core.accounts import Caller
    from localaws.core.actions.needs import Need
    from localaws.core.provider import Call, Document

#: Keys of requests that come from a network, an identity provider or MFA: none does here.
_ABSENT = (
    "aws:FederatedProvider", "aws:MultiFactorAuthAge", "aws:Referer", "aws:SourceArn",
    "aws:SourceVpc", "aws:SourceVpce", "aws:VpcSourceIp", "aws:Ec2InstanceSourceVpc",
    "aws:SourceIdentity", "aws:TagKeys", "aws:RequestTag/", "aws:PrincipalTag/", "aws:username",
    "aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:SourceAccount",
    "aws:SourceOwner", "aws:TokenIssueTime", "aws:PrincipalServiceName", "aws:UserAgent",
    "aws:MultiFactorAuthPresent",
)  # fmt: skip


def context_of(call: Call, request: Document, need: Need, owner: str) -> Context:
    """Return the context in which a need is judged; ``owner`` is the resource's account."""
    caller = call.caller
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "aws:PrincipalArn": caller.role_arn or caller.principal_arn,
        "aws:PrincipalAccount": caller.account_id,
        "aws:PrincipalIsAWSService": _truth(caller.is_service),
        "aws:ViaAWSService": _truth(bool(caller.via)),
        "aws:RequestedRegion": call.region,
        "aws:ResourceAccount": owner,
        "s3:ResourceAccount": owner,
        "aws:SourceIp": "127.0.0.1",
        # The loopback stands for TLS: on AWS the same client speaks https.
        "aws:SecureTransport": "true",
        "aws:CurrentTime": now.isoformat(),
        "aws:EpochTime": str(int(now.timestamp())),
        **_of_kind(caller),
        **_called(caller, call),
        **_tags(request),
        **need.values,
    }
    return Context(values, (*_ABSENT, *need.absent))


def _of_kind(caller: Caller) -> dict[str, Any]:
    if caller.is_service:
        name = caller.principal_arn
        return {"aws:PrincipalServiceName": name, "aws:SourceAccount": caller.account_id}
    if not caller.role_arn:
        name = caller.principal_arn.rpartition("/")[2]
        return {"aws:PrincipalType": "User", "aws:username": name, "aws:userid": caller.user_id}
    issued = datetime.fromtimestamp(caller.issued, UTC).isoformat()
    return {
        "aws:PrincipalType": "AssumedRole",
        "aws:userid": caller.user_id,
        "aws:TokenIssueTime": issued,
        "aws:MultiFactorAuthPresent": "false",
        **{f"aws:PrincipalTag/{key}": value for key, value in caller.tags},
    }


def _called(caller: Caller, call: Call) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if call.headers.get("user-agent"):
        values["aws:UserAgent"] = call.headers["user-agent"]
    if caller.via:
        service = f"{caller.via}.amazonaws.com"
        values |= {"aws:CalledVia": (service,), "aws:CalledViaFirst": service,
                   "aws:CalledViaLast": service}  # fmt: skip
    return values


def _tags(request: Document) -> dict[str, Any]:
    given = request.get("Tags") or request.get("tags") or []
    if isinstance(given, dict):
        tags = {str(key): str(value) for key, value in given.items()}
    else:
        tags = {
            str(each.get("Key", each.get("key"))): str(each.get("Value", each.get("value", "")))
            for each in given
            if isinstance(each, dict)
        }
    if not tags:
        return {}
    return {
        "aws:TagKeys": tuple(tags),
        **{f"aws:RequestTag/{key}": value for key, value in tags.items()},
    }


def _truth(value: bool) -> str:  # noqa: FBT001 - the value itself
    return "true" if value else "false"
