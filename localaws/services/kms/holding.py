"""What every use of a key has in common: the private half, and that a dry run ends here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError
from localaws.services.kms import material

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document


def private_key(context: ServerContext, key: Document) -> Any:
    """Return the private half of an asymmetric key.

    Raises:
        ServiceError: ``KMSInvalidStateException``: it was made by a version that kept none.
    """
    kept = context.store.table("kms/material").get(key["Arn"])
    if kept is None:
        raise ServiceError(
            "KMSInvalidStateException",
            f"The material of {key['Arn']} is not in this state folder; make a new key.",
        )
    return material.load(kept["pem"])


def dry_run(request: Document) -> None:
    """End a dry run whose checks have passed.

    https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html

    Raises:
        ServiceError: ``DryRunOperationException``.
    """
    if request.get("DryRun"):
        raise ServiceError(
            "DryRunOperationException",
            "The request would have succeeded, but the DryRun parameter was specified.",
            status=412,
        )
