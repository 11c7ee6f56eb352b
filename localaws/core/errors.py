"""The one exception a provider raises to answer an AWS error. No protocol belongs here."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

#: How the system and SQLite say that a file cannot grow.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SQLITE_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})


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


def disk_full(error: Exception) -> ServiceError | None:
    """Answer for a change the disk would not take; None if ``error`` means anything else.

    Whoever raised it has made nothing of the change that a restart would lose. Clients do not
    retry the answer by themselves: the room must be made first.
    """
    if isinstance(error, sqlite3.OperationalError):
        full = error.sqlite_errorcode & 0xFF in _SQLITE_NO_ROOM
    else:
        full = isinstance(error, OSError) and error.errno in _NO_ROOM
    if not full:
        return None
    return ServiceError(
        "InsufficientStorage",
        f"The embedded AWS cannot write to its state folder ({error}), and did not make this "
        "change. Make room on that disk and call again.",
        status=507,
    )


def as_told(error: ClientError) -> ServiceError:
    """Return what another service answered a question of ours as the answer to our caller."""
    told, about = error.response["Error"], error.response["ResponseMetadata"]
    return ServiceError(told["Code"], told["Message"], status=about["HTTPStatusCode"])
