"""Who sends a request: account and principal, from the access key it is signed with.

Signatures are not checked; permissions are core.authorization's business, handing out credentials
services.sts'.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.provider import Document
    from localaws.core.store import Store

#: The account of base credentials, that is of any key that says nothing else.
DEFAULT_ACCOUNT = "111111111111"
#: Documents of the sessions STS has given out, by access key.
SESSIONS = "sts/session"

_SCOPE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request"
)
_ADMINISTRATOR_KEY = re.compile(r"LOCALAWS(\d{12})")
# What a service itself signs with, see ServerContext.client: LOCALAWS<account>.codebuild
_SERVICE_KEY = re.compile(r"LOCALAWS(\d{12})\.([a-z0-9-]+)")

#: AWS names the same two mishaps differently in its older, XML-speaking services.
_EXPIRED = {"query": "ExpiredToken", "rest-xml": "ExpiredToken"}
_INVALID = {"query": "InvalidClientTokenId", "rest-xml": "InvalidAccessKeyId"}


@dataclass(frozen=True, slots=True)
class Scope:
    """The credential scope of a SigV4 signature."""

    access_key: str
    region: str
    signing_name: str


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a request is performed.

    Attributes:
        principal_arn: A user's or role session's ARN, or a service's name.
        role_arn: Of a role session, the role's ARN, path included.
        user_id: What ``aws:userid`` says.
        is_service: Whether one of our services asks in its own name.
        session_policies: What AssumeRole narrowed the session to: ARNs and documents.
        tags: The role's and the session's tags, as ``aws:PrincipalTag/`` says them.
        issued: When the session began, in epoch seconds.
        via: The service that asks in the caller's name, for example ``athena``.
    """

    account_id: str
    principal_arn: str
    role_arn: str = ""
    user_id: str = ""
    is_service: bool = False
    session_policies: tuple[str, ...] | None = None
    tags: tuple[tuple[str, str], ...] = ()
    issued: float = 0.0
    via: str = ""


def scope_of(headers: dict[str, str]) -> Scope:
    """Read the credential scope from the Authorization header.

    Raises:
        ServiceError: The request is not signed with SigV4.
    """
    found = _SCOPE.match(headers.get("authorization", ""))
    if found is None:
        raise ServiceError(
            "MissingAuthenticationToken",
            "Request is missing a SigV4 Authorization header",
            status=403,
        )
    return Scope(found[1], found[2], found[3])


class Accounts:
    """Knows every access key that is good for something."""

    def __init__(self, store: Store) -> None:
        self._sessions = store.table(SESSIONS)

    def caller(self, access_key: str, token: str | None, protocol: str) -> Caller:
        """Return whose access key this is.

        Args:
            access_key: From the credential scope.
            token: The session token sent along, if any.
            protocol: The request's protocol; AWS's names of the errors depend on it.

        Raises:
            ServiceError: The key was given by STS, but not by this server, or it has expired.
        """
        administrator = _ADMINISTRATOR_KEY.fullmatch(access_key)
        if administrator:
            return _administrator(administrator[1])
        service = _SERVICE_KEY.fullmatch(access_key)
        if service:
            return Caller(service[1], f"{service[2]}.amazonaws.com", is_service=True)
        if access_key.startswith("ASIA"):
            return self._assumed(access_key, token, protocol)
        return _administrator(DEFAULT_ACCOUNT)

    def _assumed(self, access_key: str, token: str | None, protocol: str) -> Caller:
        session = self._sessions.get(access_key)
        if session is None or session["token"] != token:
            raise ServiceError(
                _INVALID.get(protocol, "UnrecognizedClientException"),
                "The security token included in the request is invalid",
                status=403,
            )
        if session["expires"] <= time.time():
            raise expired(protocol)
        return _session_caller(session)


def _session_caller(session: Document) -> Caller:
    policies = session.get("policies")
    return Caller(
        session["account_id"],
        session["arn"],
        role_arn=session.get("role_arn") or _role_of(session["arn"]),
        user_id=session["user_id"],
        session_policies=None if policies is None else tuple(policies),
        tags=tuple((key, value) for key, value in session.get("tags", [])),
        issued=session.get("issued", 0.0),
    )


def _role_of(session_arn: str) -> str:
    # Sessions given out before role_arn was kept: roles with a path are not told apart.
    role = session_arn.replace(":sts:", ":iam:").replace(":assumed-role/", ":role/")
    return role.rpartition("/")[0]


def expired(protocol: str) -> ServiceError:
    """Return the error of a session whose time is over."""
    return ServiceError(
        _EXPIRED.get(protocol, "ExpiredTokenException"),
        "The security token included in the request is expired",
        status=403,
    )


def _administrator(account_id: str) -> Caller:
    arn = f"arn:aws:iam::{account_id}:user/administrator"
    return Caller(account_id, arn, user_id=f"AIDA{account_id}")
