"""The errors that faults answer, under each service's own documented codes.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html for S3,
https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html for what is common to
AWS's services, botocore's models for what an operation names itself. Deciding does not belong here.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.faults.plan import Effect

#: Throttling codes of services that do not model one; status 503 where it is not 400.
_THROTTLE = {
    "s3": ("SlowDown", 503),
    "ec2": ("RequestLimitExceeded", 503),
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "kinesis": ("ProvisionedThroughputExceededException", 400),
}
_MODELLED_THROTTLES = ("TooManyRequestsException", "ThrottlingException", "ThrottledException")
_S3_CODES = {
    "AccessDenied": 403,
    "BadDigest": 400,
    "ExpiredToken": 400,
    "InternalError": 500,
    "InvalidRequest": 400,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "OperationAborted": 409,
    "PreconditionFailed": 412,
    "RequestTimeout": 400,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
}
_COMMON_CODES = {
    "AccessDenied": 403,
    "AccessDeniedException": 400,
    "ExpiredToken": 403,
    "ExpiredTokenException": 403,
    "InternalFailure": 500,
    "InternalServerException": 500,
    "RequestExpired": 400,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "Throttling": 400,
    "ThrottlingException": 400,
    "ValidationError": 400,
    "ValidationException": 400,
}
_ABSENT = re.compile(r"NotFound|NotExist|NoSuch|UnknownResource", re.IGNORECASE)
#: What services answer for something absent where their operations model nothing for it.
_ABSENT_CODES = {
    "s3": ("NoSuchKey", 404),
    "sagemaker": ("ValidationException", 400),
    "athena": ("InvalidRequestException", 400),
    "iam": ("NoSuchEntity", 404),
}


def known_codes(model: Any, operation: str) -> frozenset[str]:
    """Return the codes an ``error`` may have: modelled by an operation (glob), or common ones."""
    names = fnmatch.filter(model.operation_names, operation)
    shapes = [shape for name in names for shape in model.operation_model(name).error_shapes]
    modelled = {shape.error_code or shape.name for shape in shapes}
    return frozenset(modelled | (_S3_CODES if model.service_name == "s3" else _COMMON_CODES).keys())


def ordered_error(operation: Any, effect: Effect) -> ServiceError:
    """Return the error a plan orders by its code."""
    message = effect.message or "ordered by the fault plan"
    return ServiceError(effect.code, message, status=_status_of(operation, effect.code))


def throttled(operation: Any) -> ServiceError:
    """Return the error of a service that is asked too often."""
    service = operation.service_model.service_name
    modelled = {shape.name: shape for shape in operation.error_shapes}
    for name in _MODELLED_THROTTLES:
        if name in modelled:
            return ServiceError(modelled[name].error_code or name, "Rate exceeded")
    code, status = _THROTTLE.get(service, (_default_throttle(operation), 400))
    message = "Please reduce your request rate." if service == "s3" else "Rate exceeded"
    return ServiceError(code, message, status=status)


def server_error(operation: Any, status: int) -> ServiceError:
    """Return a server's mishap, 500 or 503."""
    if status == 503:  # noqa: PLR2004 - HTTP's own number
        message = "The service is unavailable; ordered by the fault plan."
        return ServiceError("ServiceUnavailable", message, status=503)
    is_s3 = operation.service_model.service_name == "s3"
    code = "InternalError" if is_s3 else "InternalFailure"
    return ServiceError(code, "Internal error; ordered by the fault plan.", status=500)


def absent(operation: Any, code: str, name: str) -> ServiceError:
    """Return the error of a read of what is not there (yet)."""
    service = operation.service_model.service_name
    message = f"{name or 'The resource'} does not exist"
    if code:
        return ServiceError(code, message, status=_status_of(operation, code))
    modelled = [shape for shape in operation.error_shapes if _ABSENT.search(shape.name)]
    if modelled and service not in _ABSENT_CODES:
        # GetPipelineExecution models PipelineNotFound and PipelineExecutionNotFound.
        noun = re.sub(r"^(BatchGet|Get|List|Describe|Head)", "", operation.name)
        best = min(modelled, key=lambda shape: (not shape.name.startswith(noun), len(shape.name)))
        return ServiceError(best.error_code or best.name, message)
    code, status = _ABSENT_CODES.get(service, ("ResourceNotFoundException", 400))
    return ServiceError(code, message, status=status)


def _status_of(operation: Any, code: str) -> int:
    if operation.service_model.service_name == "s3":
        return _S3_CODES.get(code, 400)
    modelled = {shape.error_code or shape.name for shape in operation.error_shapes}
    return 400 if code in modelled else _COMMON_CODES.get(code, 400)


def _default_throttle(operation: Any) -> str:
    is_query = operation.service_model.resolved_protocol == "query"
    return "Throttling" if is_query else "ThrottlingException"
