"""Training jobs: their operations. What one does is in `training_craft.py`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.sagemaker import arns
from localaws.services.sagemaker.jobs.bench import Bench
from localaws.services.sagemaker.jobs.environment import refuse
from localaws.services.sagemaker.jobs.training_craft import TrainingCraft, enter
from localaws.services.sagemaker.listing import Listing, pick
from localaws.services.sagemaker.records import public

if TYPE_CHECKING:
    import threading

    from localaws.core.context import ServerContext

_KIND = TrainingCraft.kind
_LIST = Listing(name="TrainingJobName", status="TrainingJobStatus")
_NOT_PERFORMED = (
    "DebugRuleConfigurations",
    "ProfilerRuleConfigurations",
    "CheckpointConfig",
    "ServerlessJobConfig",
    "ModelPackageConfig",
    "SessionChainingConfig",
)


class TrainingJobs(Provider):
    """CreateTrainingJob and its kin."""

    training: Bench

    def _open_training(self, context: ServerContext, slots: threading.Semaphore) -> None:
        self.training = Bench(context, TrainingCraft(), slots)

    def create_training_job(self, call: Call, request: Document) -> Document:
        """Start a job.

        Raises:
            ServiceError: ResourceInUse; ValidationException for what is not performed here.
        """
        _validate(request)
        name = arns.own(call, _KIND, request["TrainingJobName"])
        now = self.context.now()
        document = {key: value for key, value in request.items() if key != "Tags"}
        document |= {
            "TrainingJobArn": name.arn,
            "ModelArtifacts": {"S3ModelArtifacts": _artifact(request)},
            "StoppingCondition": request.get("StoppingCondition", {"MaxRuntimeInSeconds": 86400}),
            "CreationTime": now,
            "LastModifiedTime": now,
            "SecondaryStatusTransitions": [],
        }
        enter(document, "Starting", "Preparing the instances for training", now)
        self.training.create(name, document, request.get("Tags", []))
        return {"TrainingJobArn": name.arn}

    def describe_training_job(self, call: Call, request: Document) -> Document:
        """Describe a job."""
        name = arns.own(call, _KIND, request["TrainingJobName"])
        return public(self.training.records.get(name))

    def list_training_jobs(self, call: Call, request: Document) -> Document:
        """List jobs."""
        page, more = _LIST.page(self.training.records.of(call), request)
        members = (
            "TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingEndTime",
            "LastModifiedTime", "TrainingJobStatus", "SecondaryStatus",
        )  # fmt: skip
        return {"TrainingJobSummaries": [pick(item, *members) for item in page], **more}

    def stop_training_job(self, call: Call, request: Document) -> Document:
        """Stop a job that is under way."""
        self.training.stop(arns.own(call, _KIND, request["TrainingJobName"]))
        return {}


def _artifact(request: Document) -> str:
    output = request["OutputDataConfig"]
    base = f"{output['S3OutputPath'].rstrip('/')}/{request['TrainingJobName']}/output"
    return f"{base}/model/" if output.get("CompressionType") == "NONE" else f"{base}/model.tar.gz"


def _validate(request: Document) -> None:
    count = request.get("ResourceConfig", {}).get("InstanceCount", 1)
    refuse(count != 1, "training on more than one instance")
    mode = request.get("AlgorithmSpecification", {}).get("TrainingInputMode")
    refuse(mode == "Pipe", "AlgorithmSpecification.TrainingInputMode Pipe")
    for member in _NOT_PERFORMED:
        refuse(request.get(member), member)
    for definition in request.get("AlgorithmSpecification", {}).get("MetricDefinitions", []):
        _check_metric(definition)
    for channel in request.get("InputDataConfig", []):
        place = f"InputDataConfig[{channel['ChannelName']}]"
        source = channel["DataSource"].get("S3DataSource")
        refuse(source is None, f"{place} without S3DataSource")
        refuse(source["S3DataType"] != "S3Prefix", f"{place} S3DataType {source['S3DataType']}")
        refuse(channel.get("InputMode") == "Pipe", f"{place}.InputMode Pipe")
        refuse(channel.get("CompressionType", "None") != "None", f"{place}.CompressionType Gzip")
        refuse(channel.get("RecordWrapperType", "None") != "None", f"{place}.RecordWrapperType")


def _check_metric(definition: Document) -> None:
    try:
        groups = re.compile(definition["Regex"]).groups
    except re.error as error:
        raise ServiceError(
            "ValidationException", f"The regex of metric {definition['Name']} is invalid: {error}"
        ) from error
    if groups < 1:
        raise ServiceError(
            "ValidationException", f"The regex of metric {definition['Name']} has no group."
        )
