"""How a service says that somebody may not: codes and statuses differ.

Source: each service's "Common Errors", for example
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from localaws.core.errors import ServiceError

_DENIED = "AccessDeniedException"
_CODES = {
    "s3": ("AccessDenied", 403),
    "iam": ("AccessDenied", 403),
    "sts": ("AccessDenied", 403),
    "cloudwatch": ("AccessDenied", 403),
    "sqs": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "sagemaker-featurestore-runtime": ("AccessForbidden", 403),
    "sagemaker-runtime": (_DENIED, 403),
}


def denied(service: str, message: str) -> ServiceError:
    """Return the error with which a service denies."""
    code, status = _CODES.get(service, (_DENIED, 400))
    return ServiceError(code, message, status=status)


def untrusted(role_arn: str, service: str) -> ServiceError:
    """Return SageMaker's error about a role that does not exist or does not trust it."""
    return ServiceError(
        "ValidationException",
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows "
        f"principal '{service}' to assume the role.",
    )
