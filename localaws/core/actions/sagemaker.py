"""SageMaker: everything by name or ARN, and the roles its jobs, models and pipelines are given.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.core.actions.needs import Asked, Need, Rule, anywhere
from localaws.core.actions.passing import passed

if TYPE_CHECKING:
    from collections.abc import Iterator

#: ARN's resource type, the parameter that names it, the operations on it.
_ON = """
    endpoint EndpointName: CreateEndpoint UpdateEndpoint DescribeEndpoint DeleteEndpoint
        UpdateEndpointWeightsAndCapacities
    endpoint-config EndpointConfigName: CreateEndpointConfig DescribeEndpointConfig
        DeleteEndpointConfig
    model ModelName: CreateModel DescribeModel DeleteModel
    model-package-group ModelPackageGroupName: CreateModelPackageGroup DescribeModelPackageGroup
        DeleteModelPackageGroup PutModelPackageGroupPolicy GetModelPackageGroupPolicy
        DeleteModelPackageGroupPolicy CreateModelPackage ListModelPackages
    model-package ModelPackageName: DescribeModelPackage DeleteModelPackage
    model-package ModelPackageArn: UpdateModelPackage
    processing-job ProcessingJobName: CreateProcessingJob DescribeProcessingJob StopProcessingJob
        DeleteProcessingJob
    training-job TrainingJobName: CreateTrainingJob DescribeTrainingJob StopTrainingJob
        UpdateTrainingJob DeleteTrainingJob
    transform-job TransformJobName: CreateTransformJob DescribeTransformJob StopTransformJob
    hyper-parameter-tuning-job HyperParameterTuningJobName: CreateHyperParameterTuningJob
        DescribeHyperParameterTuningJob StopHyperParameterTuningJob
    pipeline PipelineName: CreatePipeline UpdatePipeline DescribePipeline DeletePipeline
        StartPipelineExecution ListPipelineExecutions
    pipeline PipelineExecutionArn: DescribePipelineExecution StopPipelineExecution
        RetryPipelineExecution ListPipelineExecutionSteps ListPipelineParametersForExecution
        DescribePipelineDefinitionForExecution UpdatePipelineExecution
    feature-group FeatureGroupName: CreateFeatureGroup DescribeFeatureGroup UpdateFeatureGroup
        DeleteFeatureGroup DescribeFeatureMetadata UpdateFeatureMetadata
    monitoring-schedule MonitoringScheduleName: CreateMonitoringSchedule DescribeMonitoringSchedule
        UpdateMonitoringSchedule DeleteMonitoringSchedule StartMonitoringSchedule
        StopMonitoringSchedule
    experiment ExperimentName: CreateExperiment DescribeExperiment UpdateExperiment DeleteExperiment
    experiment-trial TrialName: CreateTrial DescribeTrial UpdateTrial DeleteTrial
    experiment-trial-component TrialComponentName: CreateTrialComponent DescribeTrialComponent
        UpdateTrialComponent DeleteTrialComponent
    model-card ModelCardName: CreateModelCard DescribeModelCard UpdateModelCard DeleteModelCard
    x ResourceArn: AddTags DeleteTags ListTags
"""
_LISTS = """
    ListEndpointConfigs ListEndpoints ListFeatureGroups ListModelPackageGroups ListModels
    ListPipelines ListProcessingJobs ListTrainingJobs ListMonitoringSchedules
    ListMonitoringExecutions ListTransformJobs ListHyperParameterTuningJobs ListExperiments
    ListTrials ListTrialComponents ListModelCards Search
"""
_CHANGING = ("Create", "Update")
_APPROVAL = "sagemaker:ModelApprovalStatus"


def _arn(asked: Asked, kind: str, member: str) -> str:
    given = str(asked.parameters.get(member) or "*")
    return given if given.startswith("arn:") else asked.arn("sagemaker", f"{kind}/{given}")


def _on(kind: str, member: str) -> Rule:
    def rule(asked: Asked) -> list[Need]:
        arn = _arn(asked, kind, member)
        needs = [Need(f"sagemaker:{asked.operation}", arn, *_conditions(asked))]
        needs += _also(asked)
        if asked.parameters.get("Tags") and asked.operation != "AddTags":
            needs.append(Need("sagemaker:AddTags", arn))
        if asked.operation.startswith(_CHANGING):
            needs += passed(_roles(asked.parameters), "sagemaker")
        return needs

    return rule


def _conditions(asked: Asked) -> tuple[dict[str, Any], tuple[str, ...]]:
    status = asked.parameters.get("ModelApprovalStatus")
    return ({_APPROVAL: status} if status else {}), (_APPROVAL,)


def _also(asked: Asked) -> list[Need]:
    given, action = asked.parameters, f"sagemaker:{asked.operation}"
    if asked.operation in {"CreateEndpoint", "UpdateEndpoint"}:
        return [Need(action, _arn(asked, "endpoint-config", "EndpointConfigName"))]
    if asked.operation == "CreateModel":
        containers = [given.get("PrimaryContainer") or {}, *given.get("Containers", [])]
        named = [each["ModelPackageName"] for each in containers if each.get("ModelPackageName")]
        # Another account's package is used only if its group's policy lets one do this, too.
        return [
            Need(needed, arn)
            for arn in named
            for needed in (action, "sagemaker:DescribeModelPackage")
        ]
    return []


def _roles(value: Any) -> Iterator[str]:
    """Yield every role that a request hands over, at whatever depth."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name in {"RoleArn", "ExecutionRoleArn"} and isinstance(member, str):
                yield member
            else:
                yield from _roles(member)
    elif isinstance(value, list):
        for each in value:
            yield from _roles(each)


def _packages(asked: Asked) -> list[Need]:
    return [
        Need("sagemaker:BatchDescribeModelPackage", arn)
        for arn in asked.parameters["ModelPackageArnList"]
    ]


def _all_packages(asked: Asked) -> list[Need]:
    if asked.parameters.get("ModelPackageGroupName"):
        return [*_on("model-package-group", "ModelPackageGroupName")(asked)]
    return [Need("sagemaker:ListModelPackages")]


def _table() -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    rule: Rule = anywhere("")
    kind = ""
    for word in _ON.split():
        if word.endswith(":"):
            rule = _on(kind, word[:-1])
        elif word[0].islower():
            kind = word
        else:
            rules[word] = rule
    return rules


TABLE: dict[str, Rule] = {
    **_table(),
    "BatchDescribeModelPackage": _packages,
    "ListModelPackages": _all_packages,
    **{name: anywhere(f"sagemaker:{name}") for name in _LISTS.split()},
}
RUNTIME: dict[str, Rule] = {
    name: _on("endpoint", "EndpointName")
    for name in ("InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream")
}
