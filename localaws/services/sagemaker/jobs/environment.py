"""What every job's process finds in its environment. What one kind of job adds is not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.sagemaker import roles

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document
    from localaws.services.sagemaker.arns import ResourceName

HOST = "algo-1"


def aws(context: ServerContext, name: ResourceName, role_arn: str) -> dict[str, str]:
    """Region, and credentials of the execution role. They last twelve hours.

    Raises:
        RoleError: The role does not exist or does not trust SageMaker.
    """
    return {
        "AWS_REGION": name.region,
        "AWS_DEFAULT_REGION": name.region,
        "AWS_ENDPOINT_URL": context.endpoint_url,
        **roles.credentials(context, role_arn),
    }


def resources(instance_type: str | None) -> Document:
    """Content of resourceconfig.json for the one host there is."""
    return {
        "current_host": HOST,
        "hosts": [HOST],
        "current_instance_type": instance_type or "",
        "network_interface_name": "lo",
    }


def refuse(condition: object, what: str) -> None:
    """Refuse what is not performed here, before anything starts.

    Raises:
        ServiceError: ValidationException naming it, if ``condition`` is true.
    """
    if condition:
        raise ServiceError(
            "ValidationException", f"The embedded AWS does not perform {what}. Real AWS does."
        )
