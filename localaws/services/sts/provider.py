"""AssumeRole and GetCallerIdentity. Sessions are durable, so credentials survive a restart.

Reading sessions back when a request arrives belongs to core.accounts.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from localaws.core.accounts import SESSIONS, scope_of
from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.sts import trust

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
        """Give credentials of a role that exists and trusts the caller."""
        role = self._role(request["RoleArn"])
        attempt = trust.Attempt(call.account_id, call.principal_arn, request.get("ExternalId"))
        if role is None or not trust.allows(role["AssumeRolePolicyDocument"], attempt):
            raise ServiceError(
                "AccessDenied",
                f"User: {call.principal_arn} is not authorized to perform: sts:AssumeRole on "
                f"resource: {request['RoleArn']}",
                status=403,
            )
        session = self._new_session(role, request)
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
        session = self._sessions.get(scope_of(call.headers).access_key)
        user_id = session["user_id"] if session else f"AIDA{call.account_id}"
        return {"UserId": user_id, "Account": call.account_id, "Arn": call.principal_arn}

    def _role(self, arn: str) -> Any:
        found = _ROLE_ARN.fullmatch(arn)
        if found is None:
            raise ServiceError("ValidationError", f"{arn} is invalid")
        iam = self.context.client("iam", found[1])
        try:
            role = iam.get_role(RoleName=found[2])["Role"]
        except iam.exceptions.NoSuchEntityException:
            return None
        return role if role["Arn"] == arn else None

    def _new_session(self, role: Any, request: Document) -> Document:
        seconds = request.get("DurationSeconds", _DEFAULT_SECONDS)
        if seconds > role.get("MaxSessionDuration", _DEFAULT_SECONDS):
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
        }
        self._sessions.insert(session["access_key"], session)
        return session
