"""Which resource policies a model package group takes: those that can be judged as they are meant.

Judging by them is core.authorization's.
"""

from __future__ import annotations

from localaws.core.errors import ServiceError
from localaws.core.policy.documents import Kind, read


def validate(policy: str) -> None:
    """Refuse a policy that could only deny.

    Raises:
        ServiceError: ValidationException, saying what is wrong.
    """
    statements = read(policy, "ResourcePolicy", Kind.RESOURCE).statements
    if not statements:
        raise ServiceError("ValidationException", "ResourcePolicy has no Statement.")
    for statement in statements:
        if statement.strange:
            raise ServiceError(
                "ValidationException",
                f"ResourcePolicy, {statement.label}, is not understood: {statement.strange}.",
            )
