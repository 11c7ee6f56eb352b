"""The guard of CloudWatch Logs: batches in order and of one day, retention of the times there are.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
Which events are too old or too new moto finds, but counts them otherwise than AWS.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.guard import Guard

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

_FOUND = 200
_HOUR_MS = 3_600_000
_OLDEST_MS, _NEWEST_MS, _SPAN_MS = 14 * 24 * _HOUR_MS, 2 * _HOUR_MS, 24 * _HOUR_MS
_BATCH_BYTES, _BYTES_PER_EVENT = 1_048_576, 26
#: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_DAYS = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731}
    | {1096, 1827, 2192, 2557, 2922, 3288, 3653}
)


class LogsGuard(Guard):
    """Stands before the operations of CloudWatch Logs that moto performs too leniently."""

    service = "logs"

    def put_log_events(self, call: Call, request: Document, passing: Passing) -> Response:
        """Write a batch of events in order, of one day, of at most 1 MiB."""
        events = request["logEvents"]
        times = [event["timestamp"] for event in events]
        if any(later < earlier for earlier, later in itertools.pairwise(times)):
            raise _invalid("Log events in a single PutLogEvents request must be in order.")
        now = self.context.now() * 1000
        valid = [time for time in times if now - _OLDEST_MS <= time <= now + _NEWEST_MS]
        if valid and valid[-1] - valid[0] > _SPAN_MS:
            raise _invalid("The batch of log events in a single request spans more than 24 hours.")
        size = sum(len(event["message"].encode()) + _BYTES_PER_EVENT for event in events)
        if size > _BATCH_BYTES:
            raise _invalid(f"Upload too large: {size} bytes exceeds limit of {_BATCH_BYTES}")
        response = passing.on()
        if response.status == _FOUND:
            response.body = _with_indexes(response.body, times, now)
        return response

    def put_retention_policy(self, call: Call, request: Document, passing: Passing) -> Response:
        """Set a retention that CloudWatch Logs has."""
        if request["retentionInDays"] not in _DAYS:
            raise _invalid(f"retentionInDays must be one of {sorted(_DAYS)}")
        return passing.on()


def _with_indexes(body: bytes, times: list[int], now: float) -> bytes:
    """Say which events were left out: up to the first index, which is exclusive, from the second.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_RejectedLogEventsInfo.html
    """
    told = json.loads(body)
    info = told.get("rejectedLogEventsInfo") or {}
    if "tooOldLogEventEndIndex" in info:
        info["tooOldLogEventEndIndex"] = sum(time < now - _OLDEST_MS for time in times)
    if "tooNewLogEventStartIndex" in info:
        info["tooNewLogEventStartIndex"] = sum(time <= now + _NEWEST_MS for time in times)
    return json.dumps(told).encode()


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterException", message)
