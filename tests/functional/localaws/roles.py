"""Roles for tests: what a service or an account may become, and what it may then do."""

from __future__ import annotations

import contextlib
import json
from typing import Any

EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(*services: str, accounts: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """A statement that lets services or accounts assume a role."""
    principal: dict[str, Any] = {}
    if services:
        principal["Service"] = [f"{name}.amazonaws.com" for name in services]
    if accounts:
        principal["AWS"] = [f"arn:aws:iam::{account}:root" for account in accounts]
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def ensure_role(
    iam: Any, name: str, *trusted: dict[str, Any], may: list[dict[str, Any]] | None = None
) -> str:
    """Make a role unless it is there; give it one inline policy; return its ARN."""
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(*trusted))
    if may is not None:
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy(*may))
    return str(iam.get_role(RoleName=name)["Role"]["Arn"])
