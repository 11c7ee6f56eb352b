"""Monitoring schedules and their executions: the operations.

A schedule of ``NOW`` really runs, once, as the processing job that job.py makes of it; what its
execution is called follows from that job whenever somebody asks. Periodic schedules, and AWS's own
analyzer image, are refused and not pretended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError
from localaws.services.sagemaker import arns, tags
from localaws.services.sagemaker.jobs.processing import ProcessingJobs, validate
from localaws.services.sagemaker.listing import Listing, pick
from localaws.services.sagemaker.monitoring import job
from localaws.services.sagemaker.records import Records, public

if TYPE_CHECKING:
    from localaws.core.provider import Call, Document
    from localaws.core.store import Store
    from localaws.services.sagemaker.arns import ResourceName

_KIND = "monitoring-schedule"
_SCHEDULES = Listing(
    name="MonitoringScheduleName",
    status="MonitoringScheduleStatus",
    default_order="Descending",
    default_size=10,
)
_EXECUTIONS = Listing(
    name="ProcessingJobArn",
    status="MonitoringExecutionStatus",
    default_order="Descending",
    default_size=10,
    sorts={
        "ScheduledTime": "ScheduledTime",
        "CreationTime": "CreationTime",
        "Status": "MonitoringExecutionStatus",
    },
)
_SHOWN = (
    "MonitoringScheduleName", "MonitoringScheduleArn", "CreationTime", "LastModifiedTime",
    "MonitoringScheduleStatus", "MonitoringType",
)  # fmt: skip
_LOST = "InternalServerError: the server ended before the processing job began."


def schedule_records(store: Store) -> Records:
    """Return the schedules of all accounts."""
    return Records(
        store,
        f"sagemaker/{_KIND}",
        missing=("ResourceNotFound", "Monitoring Schedule {arn} not found"),
        taken=("ResourceInUse", "Monitoring Schedule {arn} already exists"),
    )


class MonitoringSchedules(ProcessingJobs):
    """CreateMonitoringSchedule and its kin."""

    def create_monitoring_schedule(self, call: Call, request: Document) -> Document:
        """Keep the schedule and start its one execution.

        Raises:
            ServiceError: ResourceInUse; ValidationException for what is not performed here.
        """
        name = arns.own(call, _KIND, request["MonitoringScheduleName"])
        now = self.context.now()
        wanted = job.processing_job(request, name, now)
        validate(wanted)  # now, not once the schedule is kept
        document = pick(request, "MonitoringScheduleName", "MonitoringScheduleConfig") | {
            "MonitoringScheduleArn": name.arn,
            "MonitoringType": request["MonitoringScheduleConfig"].get(
                "MonitoringType", "DataQuality"
            ),
            "MonitoringScheduleStatus": "Scheduled",
            "CreationTime": now,
            "LastModifiedTime": now,
            "_Job": arns.own(call, "processing-job", wanted["ProcessingJobName"]).arn,
        }
        with self.context.store.transaction():
            schedule_records(self.context.store).insert(name, document)
            tags.put(self.context.store, name.arn, request.get("Tags", []))
        self.create_processing_job(call, wanted)
        return {"MonitoringScheduleArn": name.arn}

    def describe_monitoring_schedule(self, call: Call, request: Document) -> Document:
        """Describe a schedule and its execution."""
        found = schedule_records(self.context.store).get(_named(call, request))
        return public(found) | {"LastMonitoringExecutionSummary": self._execution(found)}

    def list_monitoring_schedules(self, call: Call, request: Document) -> Document:
        """List the caller's schedules."""
        wanted = request.get("MonitoringTypeEquals")
        schedules = [
            each
            for each in schedule_records(self.context.store).of(call)
            if wanted in (None, each["MonitoringType"])
        ]
        page, more = _SCHEDULES.page(schedules, request)
        return {"MonitoringScheduleSummaries": [pick(each, *_SHOWN) for each in page], **more}

    def stop_monitoring_schedule(self, call: Call, request: Document) -> Document:
        """Mark a schedule as stopped; an execution under way goes on."""
        schedule_records(self.context.store).set(
            _named(call, request),
            MonitoringScheduleStatus="Stopped",
            LastModifiedTime=self.context.now(),
        )
        return {}

    def delete_monitoring_schedule(self, call: Call, request: Document) -> Document:
        """Delete a schedule, unless its execution is under way.

        Raises:
            ServiceError: ResourceNotFound; ValidationException, it is running.
        """
        name, records = _named(call, request), schedule_records(self.context.store)
        found = records.get(name)
        if self._execution(found)["MonitoringExecutionStatus"] in {"InProgress", "Stopping"}:
            raise ServiceError(
                "ValidationException",
                f"Cannot delete Monitoring Schedule {name.arn}: it has an in-progress execution",
            )
        with self.context.store.transaction():
            records.delete(name)
            tags.remove(self.context.store, name.arn)
        return {}

    def list_monitoring_executions(self, call: Call, request: Document) -> Document:
        """List executions, of one schedule or all, newest first unless asked otherwise."""
        of = request.get("MonitoringScheduleName")
        found = [
            self._execution(each)
            for each in schedule_records(self.context.store).of(call)
            if of in (None, each["MonitoringScheduleName"])
            and request.get("MonitoringTypeEquals") in (None, each["MonitoringType"])
            and not request.get("EndpointName")
        ]
        page, more = _EXECUTIONS.page(found, {"SortBy": "ScheduledTime"} | request)
        return {"MonitoringExecutionSummaries": page, **more}

    def _execution(self, schedule: Document) -> dict[str, Any]:
        found = self.processing.records.find(arns.parse(schedule["_Job"]))
        return {
            **pick(schedule, "MonitoringScheduleName", "MonitoringType", "CreationTime"),
            "ScheduledTime": schedule["CreationTime"],
            "ProcessingJobArn": schedule["_Job"],
            **_state(schedule, found),
        }


def _named(call: Call, request: Document) -> ResourceName:
    return arns.own(call, _KIND, request["MonitoringScheduleName"])


def _state(schedule: Document, found: Document | None) -> dict[str, Any]:
    """Give the execution's status: the job's, but for what a container says it found."""
    if found is None:
        return {
            "MonitoringExecutionStatus": "Failed",
            "LastModifiedTime": schedule["LastModifiedTime"],
            "FailureReason": _LOST,
        }
    status, said = found["ProcessingJobStatus"], str(found.get("ExitMessage", ""))
    if status == "Completed" and said.startswith("CompletedWithViolations"):
        status = "CompletedWithViolations"
    reason = found.get("FailureReason") or (said if status == "CompletedWithViolations" else None)
    return {
        "MonitoringExecutionStatus": status,
        "LastModifiedTime": found["LastModifiedTime"],
        **({"FailureReason": reason} if reason else {}),
    }
