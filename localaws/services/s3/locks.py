"""Object Lock: what holds an object, and who may loosen it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
Whether the caller may bypass governance is decided by permissions, not here.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.guard import Guard
from localaws.services.s3 import asking, retention
from localaws.services.s3.failures import invalid_argument, malformed, no_such_key

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document


class Locks(Guard):
    """Guards retention, legal holds and a bucket's lock configuration."""

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        # Between reading a lock and changing it nobody else may.
        self._changing = threading.Lock()

    def put_object_retention(self, call: Call, request: Document, passing: Passing) -> Response:
        """Change an object's retention, if what holds it allows."""
        bucket, key = request["Bucket"], request["Key"]
        retention.check_bucket(bucket, passing)
        asked = request.get("Retention", {})
        wanted = retention.of(asked.get("Mode"), asked.get("RetainUntilDate"))
        with self._changing:
            held = retention.in_force(_headers(request, passing))
            bypass = bool(request.get("BypassGovernanceRetention"))
            retention.decide(held, wanted, bypass=bypass)
            if wanted is None:
                return passing.on()
            version = request.get("VersionId")
            return asking.retain(passing, bucket, key, version, wanted.mode, wanted.text)

    def put_object_legal_hold(self, call: Call, request: Document, passing: Passing) -> Response:
        """Set or lift the legal hold of an object that is there."""
        retention.check_bucket(request["Bucket"], passing)
        _headers(request, passing)
        return passing.on()

    def put_object_lock_configuration(
        self, call: Call, request: Document, passing: Passing
    ) -> Response:
        """Set what a bucket gives its new objects."""
        wanted = request.get("ObjectLockConfiguration", {})
        if wanted.get("ObjectLockEnabled") != "Enabled":
            raise malformed()
        if "Rule" in wanted:
            _check_default(wanted["Rule"].get("DefaultRetention", {}))
        return passing.on()


def _headers(request: Document, passing: Passing) -> dict[str, str]:
    version = request.get("VersionId")
    found = asking.head(passing, request["Bucket"], request["Key"], version)
    if found is not None:
        return found
    if version is None:
        raise no_such_key(request["Key"])
    raise ServiceError("NoSuchVersion", "The specified version does not exist.", status=404)


def _check_default(rule: Document) -> None:
    periods = [rule[name] for name in ("Days", "Years") if name in rule]
    if "Mode" not in rule or len(periods) != 1:
        raise malformed()
    if periods[0] <= 0:
        raise invalid_argument("Default retention period must be a positive integer value.")
