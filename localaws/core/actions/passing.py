"""Handing a role to a service: who does so needs ``iam:PassRole`` on the role.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.actions.needs import Need

if TYPE_CHECKING:
    from collections.abc import Iterable


def passed(roles: Iterable[str], service: str) -> list[Need]:
    """Return the need to pass each role to a service (``sagemaker``)."""
    values = {"iam:PassedToService": f"{service}.amazonaws.com"}
    return [
        Need("iam:PassRole", role, values, absent=("iam:AssociatedResourceArn",))
        for role in dict.fromkeys(roles)
    ]
