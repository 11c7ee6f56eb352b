"""Who asks, and whether a policy's Principal means them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from localaws.core.policy.patterns import NotUnderstoodError

_ACCOUNT = re.compile(r"\d{12}")
_ROOT = re.compile(r"arn:aws:iam::(\d{12}):root")
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}")
_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})


class Named(IntEnum):
    """How closely a Principal element names somebody; what an Allow is worth depends on it."""

    NOT = 0
    ACCOUNT = 1  # the account as a whole: it decides by its own policies who may
    ROLE = 2  # the role behind a session, or everybody
    DIRECTLY = 3  # this user, session or service itself


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        account_id: The account they belong to.
        arn: A user's or session's ARN, or a service's name (``sagemaker.amazonaws.com``).
        role_arn: ARN of the role behind a session, path included; else empty.
        is_service: Whether it is an AWS service itself.
    """

    account_id: str
    arn: str
    role_arn: str = ""
    is_service: bool = False


def named(element: Any, principal: Principal) -> Named:
    """Tell how closely a Principal element names a principal.

    Raises:
        NotUnderstoodError: Part of it cannot be judged, and the rest does not name them.
    """
    by_kind = {"AWS": element} if element == "*" else element
    if not isinstance(by_kind, dict) or not by_kind:
        raise NotUnderstoodError(f"Principal {element!r}")
    if principal.is_service:
        # Services are trusted by name only: neither "*" nor an account stands for one.
        listed = _listed(by_kind.get("Service"))
        return Named.DIRECTLY if principal.arn in listed else Named.NOT
    results = [_one(each, principal) for each in _listed(by_kind.get("AWS"))]
    best = max((each for each in results if each is not None), default=Named.NOT)
    unknown = None in results or by_kind.keys() - _KINDS or "CanonicalUser" in by_kind
    if unknown and best is Named.NOT:
        raise NotUnderstoodError(f"Principal {element!r}")
    return best


def spared(element: Any, principal: Principal) -> bool:
    """Tell whether a Deny's NotPrincipal spares a principal: all its names must be listed.

    Raises:
        NotUnderstoodError: It cannot be judged.
    """
    if not isinstance(element, dict):
        raise NotUnderstoodError(f"NotPrincipal {element!r}")
    if principal.is_service:
        return principal.arn in _listed(element.get("Service"))
    names = set(_listed(element.get("AWS")))
    account = principal.account_id
    in_account = bool(names & {account, f"arn:aws:iam::{account}:root"})
    own = {principal.arn, principal.role_arn} - {""}
    return in_account and own <= names


def _one(entry: Any, principal: Principal) -> Named | None:
    if entry == "*":
        return Named.ROLE
    if not isinstance(entry, str):
        return None
    found = _ROOT.fullmatch(entry)
    account = found[1] if found else entry
    if _ACCOUNT.fullmatch(account):
        return Named.ACCOUNT if account == principal.account_id else Named.NOT
    if entry == principal.arn:
        return Named.DIRECTLY
    if principal.role_arn and entry == principal.role_arn:
        return Named.ROLE
    # AWS allows no wildcard within a principal's ARN; a unique id stands for somebody deleted.
    understood = entry.startswith("arn:aws:") and not set("*?") & set(entry)
    return Named.NOT if understood or _UNIQUE_ID.fullmatch(entry) else None


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
