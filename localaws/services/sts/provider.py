"""AssumeRole and GetCallerIdentity. Sessions are durable, so credentials survive a restart.

Whether a role exists and trusts the caller was judged before (core.authorization). Reading sessions
back when a request arrives belongs to core.accounts.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from localaws.core.accounts import SESSIONS
from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider

if TYPE_CHECKING:
    from localaws.core.context import ServerContext

_ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/(?:.*/)?([^/]+)")
_DEFAULT_SECONDS = 3600
_FORGET_AFTER_SECONDS = 86_400.0


class StsProvider(Provider):
    """The Security Token Service."""

    service = "sts"

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self._sessions = context.store.table(SESSIONS)

    def start(self) -> None:
        """Forget sessions that expired long ago."""
        horizon = self.context.now() - _FORGET_AFTER_SECONDS
        for key, session in list(self._sessions.scan()):
            if session["expires"] < horizon:
                self._sessions.delete(key)

    def assume_role(self, call: Call, request: Document) -> Document:
        """Give credentials of a role."""
        session = self._new_session(call, self._role(request["RoleArn"]), request)
        return {
            "Credentials": {
                "AccessKeyId": session["access_key"],
                "SecretAccessKey": session["secret"],
                "SessionToken": session["token"],
                "Expiration": session["expires"],
            },
            "AssumedRoleUser": {"AssumedRoleId": session["user_id"], "Arn": session["arn"]},
        }

    def get_caller_identity(self, call: Call, request: Document) -> Document:
        """Say who signed the request."""
        return {
            "UserId": call.caller.user_id,
            "Account": call.account_id,
            "Arn": call.principal_arn,
        }

    def _role(self, arn: str) -> Any:
        found = _ROLE_ARN.fullmatch(arn)
        if found is None:
            raise ServiceError("ValidationError", f"{arn} is invalid")
        iam = self.context.client("iam", found[1])
        return iam.get_role(RoleName=found[2])["Role"]

    def _new_session(self, call: Call, role: Any, request: Document) -> Document:
        seconds = request.get("DurationSeconds", _DEFAULT_SECONDS)
        longest = role.get("MaxSessionDuration", _DEFAULT_SECONDS)
        if seconds > longest and not call.caller.is_service:
            raise ServiceError(
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            )
        name = request["RoleSessionName"]
        account_id = role["Arn"].split(":")[4]
        session = {
            "access_key": f"ASIA{secrets.token_hex(8).upper()}",
            "secret": secrets.token_urlsafe(30),
            "token": secrets.token_urlsafe(96),
            "account_id": account_id,
            "arn": f"arn:aws:sts::{account_id}:assumed-role/{role['RoleName']}/{name}",
            "user_id": f"{role['RoleId']}:{name}",
            "expires": self.context.now() + seconds,
            "issued": self.context.now(),
            "role_arn": role["Arn"],
            "policies": _session_policies(request),
            "tags": _tags(role, request),
        }
        self._sessions.insert(session["access_key"], session)
        return session


def _session_policies(request: Document) -> list[str] | None:
    given = [each["arn"] for each in request.get("PolicyArns", [])]
    given += [request["Policy"]] if request.get("Policy") else []
    return given or None


def _tags(role: Any, request: Document) -> list[list[str]]:
    # A session's tags go over the role's, see
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    tags = {
        each["Key"]: each["Value"] for each in [*role.get("Tags", []), *request.get("Tags", [])]
    }
    return [[key, value] for key, value in tags.items()]
