"""S3's errors that more than one module answers, with AWS's codes and status.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from localaws.core.errors import ServiceError


def not_performed(what: str, why: str = "") -> ServiceError:
    """Answer for what S3 has and moto would silently ignore or get wrong."""
    reason = f": {why}" if why else ""
    return ServiceError(
        "NotImplemented",
        f"The embedded AWS does not perform {what}{reason}. See docs/localaws.md.",
        status=501,
    )


def invalid_argument(message: str) -> ServiceError:
    """Answer for an argument with an impossible value."""
    return ServiceError("InvalidArgument", message)


def invalid_request(message: str) -> ServiceError:
    """Answer for a request that lacks something or contradicts itself."""
    return ServiceError("InvalidRequest", message)


def malformed() -> ServiceError:
    """Answer for a document that is not as its schema says."""
    return ServiceError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def precondition_failed(condition: str) -> ServiceError:
    """Answer for a condition that does not hold."""
    return ServiceError(
        "PreconditionFailed",
        f"At least one of the pre-conditions you specified did not hold: {condition}",
        status=412,
    )


def locked() -> ServiceError:
    """Answer for a change that a lock forbids."""
    return ServiceError(
        "AccessDenied", "Access Denied because object protected by object lock.", status=403
    )


def no_such_key(key: str) -> ServiceError:
    """Answer for an object that is not there."""
    return ServiceError("NoSuchKey", f"The specified key does not exist: {key}", status=404)


def no_such_upload() -> ServiceError:
    """Answer for a multipart upload that is not there, or not for this key."""
    return ServiceError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may "
        "have been aborted or completed.",
        status=404,
    )
