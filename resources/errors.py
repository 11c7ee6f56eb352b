"""Every error the doors to AWS raise, and how a botocore error becomes one of them.

::

    PerennialError
    ├── Transient   the same call may succeed later: throttling, capacity, a dropped connection
    └── Terminal    it will not: denied, malformed, missing
        └── Missing the thing asked for does not exist

What to do about an error does not belong here: callers (a retry policy, a sensor) decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ProxyConnectionError,
    SSLError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "ProvisionedThroughputExceededException",
        "PriorRequestNotComplete",
        "TransactionInProgressException",
    }
)
# botocore never retries these in any mode, yet each may pass by itself.
_PASSING = frozenset(
    {
        "ConflictException",
        "ConcurrentModificationException",
        "ConditionalRequestConflict",
        "ConcurrentPipelineExecutionsLimitExceededException",
        "OperationAborted",
        "ResourceLimitExceeded",
        "ResourceInUse",
        "ServiceUnavailable",
        "InternalFailure",
        "InternalServerException",
        "InternalServiceException",
        "InternalError",
        "RequestTimeout",
        "ExpiredToken",
        "ExpiredTokenException",
        "ModelNotReadyException",
    }
)
_MISSING = frozenset(
    {
        "404",
        "EntityNotFoundException",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchKey",
        "NotFound",
        "NotFoundException",
        "PipelineExecutionNotFoundException",
        "PipelineNotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
    }
)
# SageMaker and Athena answer a missing thing with a validation error; only the text tells.
_VAGUE = frozenset({"ValidationException", "ValidationError", "InvalidRequestException"})
_MISSING_SAYS = ("could not find", "does not exist", "not found")
# Names that are taken, likewise: Athena and SageMaker tell by the text.
_TAKEN = frozenset(
    {
        "AlreadyExistsException",
        "BucketAlreadyOwnedByYou",
        "EntityAlreadyExists",
        "PipelineNameInUseException",
        "ResourceAlreadyExistsException",
        "ResourceInUse",
    }
)
_SAYS_TAKEN = "already"
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AccessForbidden",  # Feature Store's runtime
        "AuthorizationError",  # SNS
        "UnauthorizedOperation",
    }
)
_NOT_IMPLEMENTED = 501
_SERVER_ERROR = 500


class PerennialError(Exception):
    """Base of all errors the doors raise.

    Attributes:
        service: The AWS service, for example ``sagemaker``; empty if none answered.
        operation: The API operation, for example ``CreatePipeline``.
        code: AWS's error code, for example ``ThrottlingException``.
        request_id: AWS's request id, to quote to AWS's support.
    """

    def __init__(
        self,
        message: str,
        *,
        service: str = "",
        operation: str = "",
        code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.service = service
        self.operation = operation
        self.code = code
        self.request_id = request_id


class Transient(PerennialError):  # noqa: N818 - half of a pair of words that code reads aloud
    """The same call may succeed later."""


class Terminal(PerennialError):  # noqa: N818 - as above
    """Calling again unchanged cannot succeed."""


class Missing(Terminal):
    """What was asked for does not exist."""


def call(operation: Callable[..., Any], /, **request: Any) -> Any:
    """Call a boto3 client method and return its answer.

    Raises:
        Transient: Throttled, conflicting, at capacity, or AWS could not be reached.
        Missing: The thing named does not exist.
        Terminal: Any other refusal.
    """
    try:
        return operation(**request)
    except (ClientError, BotoCoreError) as error:
        raise classify(error, service=_service_of(operation)) from error


def make(operation: Callable[..., Any], /, **request: Any) -> bool:
    """As ``call``, for something named; False where the name is taken, by whomever.

    It may have been taken by this very call: a client that had no answer asks again. Whether what
    is there is what was wanted is for the caller to compare.
    """
    try:
        call(operation, **request)
    except PerennialError as error:
        if error.code in _TAKEN or (error.code in _VAGUE and _SAYS_TAKEN in str(error).lower()):
            return False
        raise
    return True


def find(operation: Callable[..., Any], /, **request: Any) -> Any | None:
    """As ``call``, but None where the thing named does not exist."""
    try:
        return call(operation, **request)
    except Missing:
        return None


def is_throttled(error: PerennialError) -> bool:
    """Say whether AWS refused a call only because there were too many."""
    return error.code in _THROTTLED


def classify(error: ClientError | BotoCoreError, *, service: str = "") -> PerennialError:
    """Return the project's error for one of botocore's; it says what, where and how to mend it."""
    if isinstance(error, ClientError):
        return _from_answer(error, service)
    return _from_silence(error, service)


def _from_answer(error: ClientError, service: str) -> PerennialError:
    operation = str(error.operation_name)
    details = error.response.get("Error", {})
    code, said = str(details.get("Code", "")), str(details.get("Message", ""))
    meta = error.response.get("ResponseMetadata", {})
    request_id = str(meta.get("RequestId", ""))
    where = "sts" if operation == "AssumeRole" else service
    kind = _kind(code, said, int(meta.get("HTTPStatusCode") or 0))
    message = f"{where}:{operation} answered {code}: {said} (request id {request_id or 'unknown'})"
    return kind(
        message + _remedy(code),
        service=where,
        operation=operation,
        code=code,
        request_id=request_id,
    )


def _kind(code: str, said: str, status: int) -> type[PerennialError]:
    text = said.lower()
    says_missing = code in _VAGUE and any(words in text for words in _MISSING_SAYS)
    if code in _MISSING or says_missing:
        return Missing
    if "token" in text and "different" in text:
        return Terminal  # a client token reused with other parameters must never be papered over
    if code in _THROTTLED or code in _PASSING:
        return Transient
    if status >= _SERVER_ERROR and status != _NOT_IMPLEMENTED:
        return Transient
    return Terminal


def _remedy(code: str) -> str:
    if code in _DENIED:
        return ". Check the role's policy and trust (ExternalId); `perennial up` lays both anew."
    return ""


def _from_silence(error: BotoCoreError, service: str) -> PerennialError:
    code = type(error).__name__
    if isinstance(error, NoCredentialsError):
        return Terminal(
            f"{service}: no AWS credentials were found. Set AWS_PROFILE or "
            "AWS_ACCESS_KEY_ID/AWS_SECRET_ACCESS_KEY.",
            service=service,
            code=code,
        )
    unreachable = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError, SSLError)
    if isinstance(error, unreachable):
        return Transient(
            f"{service}: AWS cannot be reached at {_url(error)}. If that is the embedded AWS, "
            "start it with `perennial up`; otherwise check the network and the endpoint URL.",
            service=service,
            code=code,
        )
    if isinstance(error, (HTTPClientError, ConnectionClosedError)):
        text = f"{service}: the connection to {_url(error)} broke: {error}"
        return Transient(text, service=service, code=code)
    return Terminal(f"{service}: {error}", service=service, code=code)


def _url(error: BotoCoreError) -> str:
    return str(getattr(error, "kwargs", {}).get("endpoint_url", "an unknown address"))


def _service_of(operation: Callable[..., Any]) -> str:
    meta = getattr(getattr(operation, "__self__", None), "meta", None)
    return str(meta.service_model.service_name) if meta is not None else ""
