"""The execution roles that jobs, pipelines and endpoints act as.

Whether a caller may pass one, and whether it trusts SageMaker, was judged when it was handed over;
since then it may be gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from localaws.core.context import ServerContext

_SERVICE = "sagemaker"


class RoleError(Exception):
    """A role cannot be assumed; the text is fit for a FailureReason."""


def client(context: ServerContext, service: str, role_arn: str, region: str) -> Any:
    """Return a boto3 client that acts as the role.

    Raises:
        RoleError: The role does not exist or does not trust SageMaker.
    """
    try:
        return context.client_as_role(service, role_arn, region, acting_as=_SERVICE)
    except ClientError as error:
        raise _refused(role_arn, error) from error


def credentials(context: ServerContext, role_arn: str) -> dict[str, str]:
    """Return the role's credentials as environment variables of a process.

    Raises:
        RoleError: The role does not exist or does not trust SageMaker.
    """
    try:
        return context.role_credentials(role_arn, acting_as=_SERVICE, session="SageMaker")
    except ClientError as error:
        raise _refused(role_arn, error) from error


def _refused(role_arn: str, error: ClientError) -> RoleError:
    return RoleError(
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows "
        f"principal 'sagemaker.amazonaws.com' to assume the role. ({error})"
    )
