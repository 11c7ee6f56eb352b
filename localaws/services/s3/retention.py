"""Retention of locked objects: when a lock may be set, and how it may change.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.utils import parse_timestamp

from localaws.services.s3 import asking
from localaws.services.s3.failures import invalid_argument, invalid_request, locked

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.provider import Document

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long an object is kept, and how strictly; ``until`` is aware of its zone."""

    mode: str
    until: datetime

    @property
    def text(self) -> str:
        """The end, as moto wants it written."""
        return self.until.strftime(_FORMAT)


def decide(held: Retention | None, wanted: Retention | None, *, bypass: bool) -> None:
    """Check a change of an object's retention.

    Args:
        held: What is in force.
        wanted: What shall be; None removes it.
        bypass: The caller asks to bypass governance (and was found to be allowed to).

    Raises:
        ServiceError: ``AccessDenied``: compliance only grows; so does governance without bypass.
    """
    if held is None or (held.mode == "GOVERNANCE" and bypass):
        return
    if wanted is None or wanted.mode != held.mode or wanted.until < held.until:
        raise locked()


def in_force(headers: dict[str, str]) -> Retention | None:
    """Return the retention that an object's headers tell, unless its time is over."""
    mode = headers.get("x-amz-object-lock-mode")
    until = headers.get("x-amz-object-lock-retain-until-date")
    if not mode or not until:
        return None
    found = Retention(mode, _utc(parse_timestamp(until)))
    return found if found.until > datetime.now(UTC) else None


def of(mode: str | None, until: datetime | None) -> Retention | None:
    """Return the retention a request asks for, if it does.

    Raises:
        ServiceError: ``InvalidArgument``: half of it is missing, or its time is over.
    """
    if mode is None and until is None:
        return None
    if mode is None or until is None:
        raise invalid_argument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        )
    wanted = Retention(mode, _utc(until))
    if wanted.until <= datetime.now(UTC):
        raise invalid_argument("The retain until date must be in the future!")
    return wanted


def of_headers(request: Document) -> Retention | None:
    """Return the retention that the headers of a write ask for.

    Raises:
        ServiceError: As ``of``.
    """
    return of(request.get("ObjectLockMode"), request.get("ObjectLockRetainUntilDate"))


def requested(request: Document, passing: Passing) -> Passing:
    """Return the write as moto is to see it: its lock checked, the date in moto's own writing."""
    wanted = of_headers(request)
    if wanted is None:
        return passing
    headers = passing.request.headers | {"x-amz-object-lock-retain-until-date": wanted.text}
    return replace(passing, request=replace(passing.request, headers=headers))


def check_bucket(bucket: str, passing: Passing) -> None:
    """Check that a bucket can hold locked objects.

    Raises:
        ServiceError: ``InvalidRequest``.
    """
    if not asking.setting(passing, bucket, "object-lock"):
        raise invalid_request("Bucket is missing Object Lock Configuration")


def default_of(bucket: str, passing: Passing) -> Retention | None:
    """Return what a bucket gives its new objects now."""
    rule = asking.setting(passing, bucket, "object-lock")
    mode = asking.element(rule, "Mode")
    if not mode:
        return None
    days = int(asking.element(rule, "Days") or 0)
    days += 365 * int(asking.element(rule, "Years") or 0)
    return Retention(mode, datetime.now(UTC) + timedelta(days=days))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
