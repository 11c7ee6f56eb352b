"""The one exception a provider raises to answer an AWS error. No protocol belongs here."""

from __future__ import annotations


class ServiceError(Exception):
    """An error as AWS models it; the gateway serializes it in the service's own protocol.

    Attributes:
        code: The modelled error code, for example ``ResourceNotFound`` or ``ValidationException``.
        message: What was wrong, in AWS's manner.
        status: HTTP status. 4xx are not retried by clients; 5xx are.
        extra: Further members of the modelled exception.
    """

    def __init__(
        self, code: str, message: str, *, status: int = 400, extra: dict[str, object] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.extra = extra or {}


def not_implemented(service: str, operation: str) -> ServiceError:
    """Answer for an operation nobody here performs: named, final, never a canned success."""
    return ServiceError(
        "NotImplementedException",
        f"The embedded AWS does not perform {service}:{operation}. "
        "See docs/localaws.md for what it does; real AWS may well support it.",
        status=501,
    )
