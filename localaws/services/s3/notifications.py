"""Bucket notifications: moto sends them to queues and topics; to EventBridge it cannot.

Its events would go to its own rules, which nobody can write: EventBridge is performed by us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.guard import Guard

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document


class Notifications(Guard):
    """Guards the operation that says who is told of a bucket's changes."""

    service = "s3"

    def put_bucket_notification_configuration(
        self, call: Call, request: Document, passing: Passing
    ) -> Response:
        """Notify queues and topics.

        Raises:
            ServiceError: NotImplemented, EventBridge is to be told.
        """
        if "EventBridgeConfiguration" in request.get("NotificationConfiguration", {}):
            raise ServiceError(
                "NotImplemented",
                "The embedded AWS does not perform EventBridgeConfiguration: S3 tells SQS and SNS "
                "only. See docs/localaws/events.md.",
                status=501,
            )
        return passing.on()
