"""Processing jobs: their operations, and what one does between start and end.

Threads, statuses and processes belong to `bench.py` and `workspace.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.sagemaker import arns
from localaws.services.sagemaker.jobs import environment
from localaws.services.sagemaker.jobs.bench import Bench, JobFailedError, Task
from localaws.services.sagemaker.jobs.environment import refuse
from localaws.services.sagemaker.listing import Listing, pick
from localaws.services.sagemaker.records import public

if TYPE_CHECKING:
    import threading

    from localaws.core.context import ServerContext

_KIND = "processing-job"
_LIST = Listing(name="ProcessingJobName", status="ProcessingJobStatus")
_DAY = 86400
_PATHS = "/opt/ml/processing"


class ProcessingCraft:
    """Inputs, the container's command, outputs."""

    kind = _KIND
    title = "Processing"
    missing = "Could not find requested job with name: {name}"

    def perform(self, task: Task) -> Document:
        """Do the job.

        Raises:
            JobFailedError: Its command ended with another code than 0.
        """
        request = task.document
        _write_configuration(task)
        for each in request.get("ProcessingInputs", []):
            source = each["S3Input"]
            task.objects.download(source["S3Uri"], task.workspace.path(source["LocalPath"]))
        for output in _outputs(request):
            task.workspace.path(output["LocalPath"]).mkdir(parents=True, exist_ok=True)
        code = _run(task)
        message = task.workspace.message("/opt/ml/output/message")
        members = {"ExitMessage": message} if message else {}
        if code != 0:
            task.set(**members)
            reason = message or task.workspace.log_tail()
            raise JobFailedError(f"AlgorithmError: {reason}, exit code: {code}")
        _upload(task)
        return members

    def stopping(self, document: Document) -> None:
        """A processing job shows no more than its status."""

    def ended(self, document: Document, status: str, *, late: bool) -> None:
        """Set the end time; tell a time limit from a stop."""
        document["ProcessingEndTime"] = document["LastModifiedTime"]
        if late:
            document["ExitMessage"] = "The job ran longer than MaxRuntimeInSeconds and was stopped."


class ProcessingJobs(Provider):
    """CreateProcessingJob and its kin."""

    processing: Bench

    def _open_processing(self, context: ServerContext, slots: threading.Semaphore) -> None:
        self.processing = Bench(context, ProcessingCraft(), slots)

    def create_processing_job(self, call: Call, request: Document) -> Document:
        """Start a job.

        Raises:
            ServiceError: ResourceInUse; ValidationException for what is not performed here.
        """
        validate(request)
        name = arns.own(call, _KIND, request["ProcessingJobName"])
        now = self.context.now()
        document = {key: value for key, value in request.items() if key != "Tags"}
        document |= {
            "ProcessingJobArn": name.arn,
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        self.processing.create(name, document, request.get("Tags", []))
        return {"ProcessingJobArn": name.arn}

    def describe_processing_job(self, call: Call, request: Document) -> Document:
        """Describe a job."""
        name = arns.own(call, _KIND, request["ProcessingJobName"])
        return public(self.processing.records.get(name))

    def list_processing_jobs(self, call: Call, request: Document) -> Document:
        """List jobs."""
        page, more = _LIST.page(self.processing.records.of(call), request)
        members = (
            "ProcessingJobName", "ProcessingJobArn", "CreationTime", "ProcessingEndTime",
            "LastModifiedTime", "ProcessingJobStatus", "FailureReason", "ExitMessage",
        )  # fmt: skip
        return {"ProcessingJobSummaries": [pick(item, *members) for item in page], **more}

    def stop_processing_job(self, call: Call, request: Document) -> Document:
        """Stop a job that is under way."""
        self.processing.stop(arns.own(call, _KIND, request["ProcessingJobName"]))
        return {}


def validate(request: Document) -> None:
    """Refuse a request for a job that cannot be performed here, before anything is kept.

    Raises:
        ServiceError: ValidationException.
    """
    cluster = request["ProcessingResources"].get("ClusterConfig", {})
    refuse(cluster.get("InstanceCount", 1) != 1, "processing on more than one instance")
    refuse(
        not request["AppSpecification"].get("ContainerEntrypoint"),
        "a processing job without AppSpecification.ContainerEntrypoint: containers do not run "
        "here, only the command given",
    )
    for each in request.get("ProcessingInputs", []):
        place = f"ProcessingInputs[{each['InputName']}]"
        source = each.get("S3Input")
        refuse(source is None or each.get("AppManaged"), f"{place} without S3Input or AppManaged")
        assert source is not None  # noqa: S101 - refused above; this tells the type checker
        refuse(source["S3DataType"] != "S3Prefix", f"{place}.S3DataType {source['S3DataType']}")
        refuse(source.get("S3InputMode", "File") != "File", f"{place}.S3InputMode Pipe")
        refuse(source.get("S3CompressionType", "None") != "None", f"{place}.S3CompressionType Gzip")
        _check_path(place, source.get("LocalPath", ""))
    for each in request.get("ProcessingOutputConfig", {}).get("Outputs", []):
        place = f"ProcessingOutputConfig.Outputs[{each['OutputName']}]"
        refuse(
            "S3Output" not in each or each.get("AppManaged"),
            f"{place} without S3Output or AppManaged",
        )
        refuse(each["S3Output"]["S3UploadMode"] != "EndOfJob", f"{place}.S3UploadMode Continuous")
        _check_path(place, each["S3Output"].get("LocalPath", ""))


def _check_path(place: str, path: str) -> None:
    if not path.startswith(f"{_PATHS}/") or ".." in path.split("/"):
        raise ServiceError(
            "ValidationException", f"{place}.LocalPath {path!r} must lie below {_PATHS}/."
        )


def _write_configuration(task: Task) -> None:
    members = (
        "ProcessingJobArn", "ProcessingJobName", "AppSpecification", "Environment",
        "ProcessingInputs", "ProcessingOutputConfig", "ProcessingResources", "RoleArn",
        "StoppingCondition",
    )  # fmt: skip
    task.workspace.write_json(
        "/opt/ml/config/processingjobconfig.json", pick(task.document, *members)
    )
    cluster = task.document["ProcessingResources"].get("ClusterConfig", {})
    task.workspace.write_json(
        "/opt/ml/config/resourceconfig.json", environment.resources(cluster.get("InstanceType"))
    )
    task.workspace.path("/opt/ml/output").mkdir(parents=True, exist_ok=True)


def _run(task: Task) -> int:
    specification = task.document["AppSpecification"]
    limit = task.document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DAY)
    return task.workspace.run(
        [*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", [])],
        environment.aws(task.context, task.name, task.document["RoleArn"])
        | task.document.get("Environment", {}),
        folder=task.workspace.folder,
        timeout=limit,
        on_start=lambda: task.set(ProcessingStartTime=task.context.now()),
    )


def _outputs(request: Document) -> list[Document]:
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return [each["S3Output"] for each in outputs]


def _upload(task: Task) -> None:
    key = task.document.get("ProcessingOutputConfig", {}).get("KmsKeyId")
    for output in _outputs(task.document):
        task.objects.upload_folder(
            task.workspace.path(output["LocalPath"]), output["S3Uri"], kms_key=key
        )
