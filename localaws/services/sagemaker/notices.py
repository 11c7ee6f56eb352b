"""What SageMaker tells EventBridge, in the shapes of its developer guide.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
Which members are text and which are milliseconds is as in the guide's examples.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from localaws.core.announcing import Announcement, Change, Notice
from localaws.services.sagemaker import tags
from localaws.services.sagemaker.listing import pick

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.core.provider import Document

_SOURCE = "aws.sagemaker"
_TRAINING = (
    "TrainingJobName", "TrainingJobArn", "TrainingJobStatus", "SecondaryStatus", "FailureReason",
    "HyperParameters", "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig",
    "ResourceConfig", "VpcConfig", "StoppingCondition", "ModelArtifacts", "FinalMetricDataList",
)  # fmt: skip
_PROCESSING = (
    "ProcessingJobName", "ProcessingJobArn", "ProcessingJobStatus", "FailureReason", "ExitMessage",
    "ProcessingInputs", "ProcessingOutputConfig", "ProcessingResources", "StoppingCondition",
    "AppSpecification", "Environment", "NetworkConfig", "RoleArn",
)  # fmt: skip
_PACKAGE = (
    "ModelPackageName", "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn",
    "ModelPackageDescription", "InferenceSpecification", "ModelPackageStatus",
    "ModelPackageStatusDetails", "CertifyForMarketplace", "ModelApprovalStatus",
    "ApprovalDescription", "MetadataProperties", "ModelMetrics", "CustomerMetadataProperties",
)  # fmt: skip
_GROUP = (
    "FeatureGroupArn", "FeatureGroupName", "RecordIdentifierFeatureName", "EventTimeFeatureName",
    "FeatureDefinitions", "OnlineStoreConfig", "OfflineStoreConfig", "RoleArn",
    "FeatureGroupStatus", "OfflineStoreStatus", "FailureReason",
)  # fmt: skip
_JOB_TIMES = (
    "CreationTime", "TrainingStartTime", "TrainingEndTime", "ProcessingStartTime",
    "ProcessingEndTime", "LastModifiedTime",
)  # fmt: skip
_ENDPOINT_STATUS = {
    "InService": "IN_SERVICE", "OutOfService": "OUT_OF_SERVICE", "Creating": "CREATING",
    "Updating": "UPDATING", "Deleting": "DELETING", "Failed": "FAILED",
    "RollingBack": "ROLLING_BACK", "SystemUpdating": "SYSTEM_UPDATING",
}  # fmt: skip


def _training(change: Change) -> Iterator[Announcement]:
    if change.turned("TrainingJobStatus") or change.turned("SecondaryStatus"):
        job = _there(change)
        transitions = [
            step | {name: _text(step[name]) for name in ("StartTime", "EndTime") if name in step}
            for step in job.get("SecondaryStatusTransitions", [])
        ]
        detail = pick(job, *_TRAINING) | _job_times(job)
        detail |= {"SecondaryStatusTransitions": transitions}
        yield _resource(change, "Training Job", job["TrainingJobArn"], detail)


def _processing(change: Change) -> Iterator[Announcement]:
    if change.turned("ProcessingJobStatus"):
        job = _there(change)
        detail = pick(job, *_PROCESSING) | _job_times(job)
        yield _resource(change, "Processing Job", job["ProcessingJobArn"], detail)


def _endpoint(change: Change) -> Iterator[Announcement]:
    endpoint = change.after or (_was(change) | {"EndpointStatus": "Deleting"})
    # Its record goes once it is gone; that it is being deleted was told before.
    if change.before and change.before["EndpointStatus"] == endpoint["EndpointStatus"]:
        return
    status = endpoint["EndpointStatus"]
    detail = pick(endpoint, "EndpointName", "EndpointArn", "EndpointConfigName", "FailureReason")
    detail |= {
        "ProductionVariants": [
            pick(variant, "VariantName", "DeployedImages", "CurrentWeight", "DesiredWeight",
                 "CurrentInstanceCount", "DesiredInstanceCount")
            for variant in endpoint.get("ProductionVariants", [])
        ],
        "EndpointStatus": _ENDPOINT_STATUS.get(status, status.upper()),
        "CreationTime": _milliseconds(endpoint["CreationTime"]),
        "LastModifiedTime": _milliseconds(endpoint["LastModifiedTime"]),
    }  # fmt: skip
    yield _resource(change, "Endpoint", endpoint["EndpointArn"], detail)


def _model(change: Change) -> Iterator[Announcement]:
    if change.before is None or change.after is None:
        model = change.after or _was(change)
        detail = pick(model, "ModelName", "ModelArn", "PrimaryContainer", "ExecutionRoleArn")
        detail["CreationTime"] = _milliseconds(model["CreationTime"])
        yield _resource(change, "Model", model["ModelArn"], detail)


def _package(change: Change) -> Iterator[Announcement]:
    if change.turned("ModelPackageStatus") or change.turned("ModelApprovalStatus"):
        package = _there(change)
        unless_said: Document = {"CertifyForMarketplace": False}
        detail = unless_said | pick(package, *_PACKAGE)
        detail |= {
            name: _instant(package[name])
            for name in ("CreationTime", "LastModifiedTime")
            if name in package
        }
        arn = package["ModelPackageArn"]
        yield Announcement(_SOURCE, "SageMaker Model Package State Change", (arn,), detail)


def _feature_group(change: Change) -> Iterator[Announcement]:
    if change.turned("FeatureGroupStatus") or change.turned("OfflineStoreStatus"):
        group = _there(change)
        detail = pick(group, *_GROUP)
        detail["CreationTime"] = int(_milliseconds(group["CreationTime"]))
        yield _resource(change, "Feature Group", group["FeatureGroupArn"], detail)


def _execution(change: Change) -> Iterator[Announcement]:
    if not change.turned("PipelineExecutionStatus"):
        return
    record = _there(change)
    status = record["PipelineExecutionStatus"]
    detail = {
        "pipelineExecutionDisplayName": record["PipelineExecutionDisplayName"],
        "currentPipelineExecutionStatus": status,
        "executionStartTime": _instant(record["CreationTime"]),
        "pipelineExecutionDescription": record.get("PipelineExecutionDescription", ""),
        "pipelineArn": record["PipelineArn"],
        "pipelineExecutionArn": record["PipelineExecutionArn"],
    }
    if change.before is not None:
        detail["previousPipelineExecutionStatus"] = change.before["PipelineExecutionStatus"]
    if status not in ("Executing", "Stopping"):
        detail["executionEndTime"] = _instant(record["LastModifiedTime"])
    yield _pipeline("Execution Status Change", record, detail)


def _step(change: Change) -> Iterator[Announcement]:
    if not change.turned("StepStatus"):
        return
    step = _there(change)
    execution = change.store.table("sagemaker/pipeline-execution")
    record = execution.get(change.key.rpartition("/")[0])
    if record is None:
        return
    detail = {
        "metadata": _lower(step.get("Metadata", {})),
        "stepStartTime": _instant(step["StartTime"]),
        "stepName": step["StepName"],
        "stepType": _step_types(record["_Definition"]).get(step["StepName"], ""),
        "currentStepStatus": step["StepStatus"],
        "pipelineArn": record["PipelineArn"],
        "pipelineExecutionArn": record["PipelineExecutionArn"],
    }
    if change.before is not None:
        detail["previousStepStatus"] = change.before["StepStatus"]
    if "EndTime" in step:
        detail["stepEndTime"] = _instant(step["EndTime"])
    if "FailureReason" in step:
        detail["failureReason"] = step["FailureReason"]
    yield _pipeline("Execution Step Status Change", record, detail)


#: By kind of document.
NOTICES: dict[str, Notice] = {
    "sagemaker/training-job": _training,
    "sagemaker/processing-job": _processing,
    "sagemaker/endpoint": _endpoint,
    "sagemaker/model": _model,
    "sagemaker/model-package": _package,
    "sagemaker/feature-group": _feature_group,
    "sagemaker/pipeline-execution": _execution,
    "sagemaker/pipeline-step": _step,
}


def _resource(change: Change, what: str, arn: str, detail: Document) -> Announcement:
    detail["Tags"] = {tag["Key"]: tag["Value"] for tag in tags.get(change.store, arn)}
    return Announcement(_SOURCE, f"SageMaker {what} State Change", (arn,), detail)


def _pipeline(what: str, record: Document, detail: Document) -> Announcement:
    resources = (record["PipelineArn"], record["PipelineExecutionArn"])
    return Announcement(_SOURCE, f"SageMaker Model Building Pipeline {what}", resources, detail)


def _there(change: Change) -> Document:
    assert change.after is not None  # noqa: S101 - ``turned`` is true of nothing else
    return change.after


def _was(change: Change) -> Document:
    assert change.before is not None  # noqa: S101 - a change has a before or an after
    return change.before


def _step_types(definition: str) -> dict[str, str]:
    def walk(steps: list[Document]) -> Iterator[tuple[str, str]]:
        for step in steps:
            yield step["Name"], step["Type"]
            for branch in ("IfSteps", "ElseSteps"):
                yield from walk(step.get("Arguments", {}).get(branch, []))

    return dict(walk(json.loads(definition).get("Steps", [])))


def _lower(value: Any) -> Any:
    # The event writes camelCase where the API writes PascalCase.
    if not isinstance(value, dict):
        return value
    return {name[0].lower() + name[1:]: _lower(item) for name, item in value.items()}


def _job_times(job: Document) -> Document:
    return {name: _text(job[name]) for name in _JOB_TIMES if name in job}


def _text(seconds: float) -> str:
    return str(int(_milliseconds(seconds)))


def _milliseconds(seconds: float) -> float:
    return float(int(seconds * 1000))


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
