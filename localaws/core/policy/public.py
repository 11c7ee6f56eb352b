"""Whether a bucket policy is public, as S3's Block Public Access understands it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
("The meaning of public").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localaws.core.policy.conditions import Condition
    from localaws.core.policy.documents import Policy, Statement

#: Conditions on fixed values of these make a grant to everybody one to somebody.
_NARROWING = frozenset(
    {
        "aws:principalorgid", "aws:principalarn", "aws:principalaccount", "aws:sourceip",
        "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount",
        "aws:userid", "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
    }
)  # fmt: skip
_EXACT = frozenset({"StringEquals", "StringLike", "ArnEquals", "ArnLike", "IpAddress"})


def is_public(policy: Policy) -> bool:
    """Tell whether some statement lets everybody in."""
    return any(each.allows and _to_everybody(each) for each in policy.statements)


def _to_everybody(statement: Statement) -> bool:
    element = statement.principal
    names = element.get("AWS", []) if isinstance(element, dict) else element
    everybody = names == "*" or (isinstance(names, list) and "*" in names)
    return everybody and not any(_narrows(each) for each in statement.conditions)


def _narrows(condition: Condition) -> bool:
    fixed = all(each.is_fixed and not set("*?") & set(each.text()) for each in condition.values)
    return condition.key.lower() in _NARROWING and condition.operator in _EXACT and fixed
