"""The door to SageMaker Model Monitor, in an account that still has it: executions and files.

What an execution means belongs to decisions/model_monitor. Nothing here creates a schedule: the
service is closed to new customers, and perennial does not build on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decisions.moments import naive_utc
from resources.errors import Missing, call
from resources.objects import Objects, parse_s3_uri

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

VIOLATIONS = "constraint_violations.json"
_UNENDED = frozenset({"Pending", "InProgress", "Stopping"})
_PAGE = 10


@dataclass(frozen=True, slots=True)
class ExecutionFacts:
    """One execution of a monitoring schedule.

    Attributes:
        scheduled_at: When it was due (naive UTC).
        job_arn: Its processing job's; empty where it never got one.
        why: SageMaker's reason; empty where it gives none.
    """

    schedule: str
    status: str
    scheduled_at: datetime
    job_arn: str
    why: str


class ModelMonitor:
    """The monitoring schedules of one account.

    Args:
        sagemaker: A ``sagemaker`` client.
        s3: An ``s3`` client that may read the monitors' output.
    """

    def __init__(self, sagemaker: Any, s3: Any) -> None:
        self._sagemaker = sagemaker
        self._s3 = s3

    def schedule_status(self, schedule: str) -> str:
        """Return Pending, Scheduled, Stopped or Failed.

        Raises:
            Missing: There is no such schedule.
        """
        found = call(self._sagemaker.describe_monitoring_schedule, MonitoringScheduleName=schedule)
        return str(found["MonitoringScheduleStatus"])

    def newest_ended(self, schedule: str) -> ExecutionFacts | None:
        """Return the newest execution that has ended; None where none has."""
        return next(
            (each for each in self._executions(schedule) if each.status not in _UNENDED), None
        )

    def violations(self, execution: ExecutionFacts) -> tuple[str, bytes | None]:
        """Return the URI of an execution's violations and the file; None where it wrote none.

        Raises:
            Missing: Its processing job is gone.
        """
        name = execution.job_arn.rpartition("/")[2]
        job = call(self._sagemaker.describe_processing_job, ProcessingJobName=name)
        output = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        uri = f"{output.rstrip('/')}/{VIOLATIONS}"
        try:
            return uri, self.read(uri)
        except Missing:
            return uri, None

    def read(self, uri: str) -> bytes:
        """Return the body behind an S3 URI.

        Raises:
            Missing: There is no such object.
            Terminal: It is no S3 URI.
        """
        bucket, _ = parse_s3_uri(uri)
        return Objects(self._s3, bucket).read_uri(uri)

    def _executions(self, schedule: str) -> Iterator[ExecutionFacts]:
        request: dict[str, Any] = {
            "MonitoringScheduleName": schedule,
            "SortBy": "ScheduledTime",
            "SortOrder": "Descending",
            "MaxResults": _PAGE,
        }
        while True:
            page = call(self._sagemaker.list_monitoring_executions, **request)
            for each in page["MonitoringExecutionSummaries"]:
                yield _facts(each)
            if not page.get("NextToken"):
                return
            request["NextToken"] = page["NextToken"]


def _facts(summary: dict[str, Any]) -> ExecutionFacts:
    return ExecutionFacts(
        schedule=summary["MonitoringScheduleName"],
        status=summary["MonitoringExecutionStatus"],
        scheduled_at=naive_utc(summary["ScheduledTime"]),
        job_arn=summary.get("ProcessingJobArn", ""),
        why=summary.get("FailureReason", ""),
    )
