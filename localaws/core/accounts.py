"""Who sends a request: account and principal, from the access key it is signed with.

Signatures are not checked and permissions not decided here; see docs/localaws.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from localaws.core.errors import ServiceError

#: The account of base credentials, that is of any key that says nothing else.
DEFAULT_ACCOUNT = "111111111111"

_SCOPE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request"
)
_ADMINISTRATOR_KEY = re.compile(r"LOCALAWS(\d{12})")


@dataclass(frozen=True, slots=True)
class Scope:
    """The credential scope of a SigV4 signature."""

    access_key: str
    region: str
    signing_name: str


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a request is performed."""

    account_id: str
    principal_arn: str


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


def caller_of(access_key: str) -> Caller:
    """Return whose access key this is. The caller holds moto's lock.

    Raises:
        ServiceError: The key was given by STS, but not by this server, or it has expired.
    """
    administrator = _ADMINISTRATOR_KEY.fullmatch(access_key)
    if administrator:
        return _administrator(administrator[1])
    if access_key.startswith("ASIA"):
        return _assumed(access_key)
    return _administrator(DEFAULT_ACCOUNT)


def _administrator(account_id: str) -> Caller:
    return Caller(account_id, f"arn:aws:iam::{account_id}:user/administrator")


def _assumed(access_key: str) -> Caller:
    from moto.sts.models import sts_backends

    for backends in list(sts_backends.values()):
        for backend in list(backends.values()):
            role = backend.get_assumed_role_from_access_key(access_key)
            if role is None:
                continue
            if role.expiration <= datetime.now(UTC).replace(tzinfo=None):
                raise ServiceError(
                    "ExpiredToken",
                    "The security token included in the request is expired",
                    status=403,
                )
            return Caller(role.account_id, role.arn)
    raise ServiceError(
        "InvalidClientTokenId", "The security token included in the request is invalid", status=403
    )
