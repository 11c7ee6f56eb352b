"""Where our own providers are as strict as AWS: names, states, limits. Sources: docs/localaws."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws import code_world
from tests.functional.localaws.sagemaker_world import (
    CLUSTER,
    IMAGE,
    ROLE,
    World,
    unique,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FAIL = json.dumps(
    {"Version": "2020-12-01", "Steps": [{"Name": "Stop", "Type": "Fail",
     "Arguments": {"ErrorMessage": "on purpose"}}]}
)  # fmt: skip
#: Saves on SIGTERM what it has, as StopTrainingJob's documentation proposes.
SAVES = """
import os, pathlib, signal, sys, time
def save(*_):
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("half trained")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def world(aws: Any) -> World:
    return World(aws)


@pytest.fixture(scope="module")
def code(aws: Any) -> code_world.World:
    world = code_world.World(aws.endpoint_url)
    world.prepare()
    return world


def refused(code: str, operation: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        operation(**request)
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value.response["Error"]["Message"])


def describe(world: World, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = world.sagemaker.describe_training_job(TrainingJobName=name)
    return answer


# -- names ---------------------------------------------------------------------------------------


def _duplicates(world: World, code: code_world.World) -> dict[str, tuple[Any, dict[str, Any], str]]:
    sagemaker, name = world.sagemaker, unique("twice")
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.m5.large",
               "InitialInstanceCount": 1}  # fmt: skip
    feature = {"FeatureName": "id", "FeatureType": "String"}
    pipeline = code_world.pipeline(
        name, {"Source": [code_world.source_action()], "Hold": [code_world.approval_action()]}
    )
    return {
        "ResourceInUse: Training job names must be unique within an AWS account and region":
            (sagemaker.create_training_job, world.training_job(""), "TrainingJobName"),
        "ResourceInUse: Processing job names must be unique within an AWS account and region":
            (sagemaker.create_processing_job, {
                "ProcessingJobName": name, "RoleArn": ROLE, "ProcessingResources": CLUSTER,
                "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]},
            }, "ProcessingJobName"),
        "ValidationException: Cannot create already existing model":
            (sagemaker.create_model, {
                "ModelName": name, "PrimaryContainer": world.container(world.model_data("2")),
                "ExecutionRoleArn": ROLE}, "ModelName"),
        "ValidationException: Cannot create already existing endpoint configuration":
            (sagemaker.create_endpoint_config,
             {"EndpointConfigName": name, "ProductionVariants": [variant]}, "EndpointConfigName"),
        "ValidationException: Cannot create already existing endpoint":
            (sagemaker.create_endpoint,
             {"EndpointName": name, "EndpointConfigName": name}, "EndpointName"),
        "ResourceInUse: Resource Already Exists: FeatureGroup":
            (sagemaker.create_feature_group, {
                "FeatureGroupName": name, "RecordIdentifierFeatureName": "id",
                "EventTimeFeatureName": "at", "OnlineStoreConfig": {"EnableOnlineStore": True},
                "FeatureDefinitions": [feature, feature | {"FeatureName": "at"}],
            }, "FeatureGroupName"),
        "ValidationException: Pipeline names must be unique within an AWS account and region":
            (sagemaker.create_pipeline,
             {"PipelineName": name, "PipelineDefinition": FAIL, "RoleArn": ROLE}, "PipelineName"),
        "ValidationException: Model Package Group already exists":
            (sagemaker.create_model_package_group,
             {"ModelPackageGroupName": name}, "ModelPackageGroupName"),
        "PipelineNameInUseException: A pipeline with the name":
            (code.client("codepipeline").create_pipeline, {"pipeline": pipeline}, "name"),
        "ResourceAlreadyExistsException: Project already exists":
            (code.client("codebuild").create_project, {
                "name": name, "serviceRole": code_world.CODEBUILD_ROLE,
                "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2\n"},
                "artifacts": {"type": "NO_ARTIFACTS"},
                "environment": {"type": "LINUX_CONTAINER", "image": "x",
                                "computeType": "BUILD_GENERAL1_SMALL"},
            }, "name"),
        "InvalidRequestException: WorkGroup is already created":
            (world.aws.client("athena").create_work_group, {"Name": name}, "Name"),
    }  # fmt: skip


def test_a_name_is_given_once(world: World, code: code_world.World) -> None:
    for expected, (create, request, _) in _duplicates(world, code).items():
        create(**request)
        error, _, text = expected.partition(": ")
        assert refused(error, create, **request).startswith(text), expected


def test_a_name_is_given_once_even_at_the_same_time(world: World) -> None:
    request = world.training_job("")

    def create(_: int) -> str:
        try:
            return str(world.sagemaker.create_training_job(**request)["TrainingJobArn"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(create, range(6)))
    assert answers[:5] == ["ResourceInUse"] * 5
    assert answers[5].startswith("arn:")


# -- states --------------------------------------------------------------------------------------


def _transitions(job: dict[str, Any]) -> list[str]:
    return [each["Status"] for each in job["SecondaryStatusTransitions"]]


def _assert_monotone(job: dict[str, Any]) -> None:
    times = [
        time
        for each in job["SecondaryStatusTransitions"]
        for time in (each["StartTime"], each["EndTime"])
    ]
    assert times == sorted(times)
    assert job["CreationTime"] <= job["TrainingStartTime"] <= job["TrainingEndTime"]
    assert job["LastModifiedTime"] == job["TrainingEndTime"]


def test_a_training_job_goes_through_its_states(world: World) -> None:
    request = world.training_job("print('trained')")
    answer = world.sagemaker.create_training_job(**request)
    answer.pop("ResponseMetadata")
    assert list(answer) == ["TrainingJobArn"]
    assert describe(world, request["TrainingJobName"])["TrainingJobStatus"] == "InProgress"
    job = world.ended_training(request["TrainingJobName"])
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed"
    assert _transitions(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    _assert_monotone(job)


def test_a_stopped_training_job_may_save_its_model(world: World) -> None:
    request = world.training_job(SAVES)
    name = request["TrainingJobName"]
    world.sagemaker.create_training_job(**request)
    until(lambda: world.log(name), lambda lines: "ready" in lines)
    world.sagemaker.stop_training_job(TrainingJobName=name)
    # It may have ended by now, but it was Stopping.
    assert describe(world, name)["TrainingJobStatus"] in ("Stopping", "Stopped")
    job = world.ended_training(name)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"
    assert _transitions(job)[-2:] == ["Stopping", "Stopped"]
    _assert_monotone(job)
    assert world.read(f"trained/{name}/output/model.tar.gz")
    assert "in status Stopped" in refused(
        "ValidationException", world.sagemaker.stop_training_job, TrainingJobName=name
    )


def test_a_late_training_job_is_stopped_and_may_save_its_model(world: World) -> None:
    request = world.training_job(SAVES, StoppingCondition={"MaxRuntimeInSeconds": 2})
    world.sagemaker.create_training_job(**request)
    job = world.ended_training(request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Stopped"
    assert job["SecondaryStatus"] == "MaxRuntimeExceeded"
    assert world.read(f"trained/{request['TrainingJobName']}/output/model.tar.gz")


def test_an_endpoint_takes_no_orders_while_it_changes(world: World) -> None:
    config = world.configuration(world.container(world.model_data("2")))
    name, sagemaker = unique("busy"), world.sagemaker
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    busy = "Cannot update in-progress endpoint"
    assert refused("ValidationException", sagemaker.delete_endpoint, EndpointName=name).startswith(
        busy
    )
    until(
        lambda: sagemaker.describe_endpoint(EndpointName=name),
        lambda endpoint: endpoint["EndpointStatus"] == "InService",
    )
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    again = {"EndpointName": name, "EndpointConfigName": config}
    assert refused("ValidationException", sagemaker.update_endpoint, **again).startswith(busy)
    until(
        lambda: sagemaker.describe_endpoint(EndpointName=name),
        lambda endpoint: endpoint["EndpointStatus"] == "InService",
    )
    # Allowed on AWS as well: the endpoint keeps what it was given.
    sagemaker.delete_endpoint_config(EndpointConfigName=config)
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    assert name not in [
        each["EndpointName"] for each in sagemaker.list_endpoints(NameContains=name)["Endpoints"]
    ]


def test_only_an_execution_that_failed_is_retried(world: World) -> None:
    name = unique("retry")
    world.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=FAIL, RoleArn=ROLE)
    start = world.sagemaker.start_pipeline_execution(PipelineName=name)
    arn = {"PipelineExecutionArn": start["PipelineExecutionArn"]}
    until(
        lambda: world.sagemaker.describe_pipeline_execution(**arn),
        lambda execution: execution["PipelineExecutionStatus"] == "Failed",
    )
    refused("ConflictException", world.sagemaker.stop_pipeline_execution, **arn)
    world.sagemaker.retry_pipeline_execution(**arn)


def _phases(build: dict[str, Any]) -> dict[str, str]:
    times = [
        time
        for phase in build["phases"]
        for time in (phase["startTime"], phase.get("endTime"))
        if time
    ]
    assert times == sorted(times)
    return {phase["phaseType"]: phase.get("phaseStatus", "") for phase in build["phases"]}


def _buildspec(**commands: str) -> str:
    phases = {name: {"commands": [command]} for name, command in commands.items()}
    return json.dumps({"version": "0.2", "phases": phases}, indent=1)


@pytest.mark.parametrize(
    ("commands", "failed", "skipped"),
    [
        ({"build": "true"}, None, set()),
        ({"build": "false"}, "BUILD", set()),
        ({"pre_build": "false", "build": "true"}, "PRE_BUILD",
         {"BUILD", "POST_BUILD", "UPLOAD_ARTIFACTS"}),
    ],
    ids=["well", "build fails", "pre_build fails"],
)  # fmt: skip
def test_a_build_goes_through_its_phases(
    code: code_world.World, commands: dict[str, str], failed: str | None, skipped: set[str]
) -> None:
    name = unique("phases")
    code.create_project(name, _buildspec(**commands), "NO_SOURCE")
    build = code.build(name)
    phases = [
        "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD",
        "POST_BUILD", "UPLOAD_ARTIFACTS", "FINALIZING",
    ]  # fmt: skip
    expected = {
        phase: "FAILED" if phase == failed else "SUCCEEDED"
        for phase in phases
        if phase not in skipped
    }
    assert _phases(build) == expected | {"COMPLETED": ""}
    assert build["buildStatus"] == ("FAILED" if failed else "SUCCEEDED")


def test_a_query_waits_its_turn(world: World) -> None:
    athena = world.aws.client("athena")
    order = {"QUEUED": 0, "RUNNING": 1, "SUCCEEDED": 2}
    ids = [
        athena.start_query_execution(
            QueryString="SELECT count(*) FROM UNNEST(sequence(1, 10000)) AS t(x)",
            ResultConfiguration={"OutputLocation": world.uri("results/")},
        )["QueryExecutionId"]
        for _ in range(6)
    ]
    seen: dict[str, list[str]] = {each: [] for each in ids}
    while not all(states and states[-1] == "SUCCEEDED" for states in seen.values()):
        for query in athena.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"]:
            assert query["Status"]["State"] in order, query
            seen[query["QueryExecutionId"]].append(query["Status"]["State"])
    for states in seen.values():
        assert all(order[a] <= order[b] for a, b in itertools.pairwise(states))


# -- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"HyperParameters": {f"p{number}": "1" for number in range(101)}},
        {"HyperParameters": {"p": "x" * 2501}},
        {"HyperParameters": {"p" * 257: "x"}},
        {"Environment": {f"V{number}": "1" for number in range(101)}},
        {"Environment": {"V": "x" * 513}},
        {"Environment": {"not-a-name": "x"}},
        {"Tags": [{"Key": str(number), "Value": ""} for number in range(51)]},
    ],
    ids=["count", "value", "key", "variables", "variable", "name", "tags"],
)
def test_a_training_job_keeps_to_its_limits(world: World, more: dict[str, Any]) -> None:
    request = world.training_job("", **more)
    text = refused("ValidationException", world.sagemaker.create_training_job, **request)
    assert next(iter(more)).lower() in text.lower()


def test_tags_and_metadata_keep_to_their_limits(world: World) -> None:
    group = unique("limits")
    arn = world.sagemaker.create_model_package_group(ModelPackageGroupName=group)[
        "ModelPackageGroupArn"
    ]
    tags = [{"Key": str(number), "Value": ""} for number in range(50)]
    world.sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    extra = [{"Key": "one more", "Value": ""}]
    refused("ResourceLimitExceeded", world.sagemaker.add_tags, ResourceArn=arn, Tags=extra)
    package = world.package(group, world.model_data("2"))
    for start in (0, 40):
        metadata = {f"key{number}": "x" for number in range(start, start + 40)}
        request = {"ModelPackageArn": package, "CustomerMetadataProperties": metadata}
        if start == 0:
            world.sagemaker.update_model_package(**request)
        else:
            refused("ValidationException", world.sagemaker.update_model_package, **request)


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ("{", "not JSON"),
        ("{}", "no list of Steps"),
        ('{"Steps": []}', "Version"),
        ('{"Version": "2020-12-01", "Steps": []}', "no steps"),
        (FAIL.replace('"Stop"', '"not a name"'), "does not match"),
        (FAIL.replace('"Fail"', '"Lambda"'), "does not perform"),
        (FAIL + " " * 1048576, "1048576"),
    ],
    ids=["json", "empty", "version", "no steps", "name", "type", "size"],
)
def test_a_definition_must_be_one(world: World, definition: str, text: str) -> None:
    request = {"PipelineName": unique("p"), "PipelineDefinition": definition, "RoleArn": ROLE}
    assert text in refused("ValidationException", world.sagemaker.create_pipeline, **request)


def test_what_is_named_must_be_there_and_ours(world: World) -> None:
    create = world.sagemaker.create_model_package
    specification = {
        "Containers": [world.container(world.model_data("2"))],
        "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"],
    }  # fmt: skip
    refused(
        "ValidationException", create, ModelPackageGroupName="no-such-group",
        InferenceSpecification=specification,
    )  # fmt: skip
    name = unique("ours")
    arn = world.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=FAIL, RoleArn=ROLE)[
        "PipelineArn"
    ]
    execution = world.sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    stranger = world.aws.client("sagemaker", "dev")
    denied = "AccessDeniedException"
    refused(denied, stranger.describe_pipeline, PipelineName=arn)
    refused(denied, stranger.start_pipeline_execution, PipelineName=arn)
    for operation in ("describe", "stop", "retry"):
        method = getattr(stranger, f"{operation}_pipeline_execution")
        refused(denied, method, PipelineExecutionArn=execution)
    refused(denied, stranger.list_pipeline_execution_steps, PipelineExecutionArn=execution)


def test_pages_belong_to_their_query(world: World) -> None:
    stem = unique("page")
    for number in range(3):
        world.sagemaker.create_model_package_group(ModelPackageGroupName=f"{stem}-{number}")
    query = {"NameContains": stem, "SortBy": "Name", "SortOrder": "Descending", "MaxResults": 2}
    listed = world.sagemaker.list_model_package_groups
    first = listed(**query)
    second = listed(**query, NextToken=first["NextToken"])
    names = [
        each["ModelPackageGroupName"]
        for page in (first, second)
        for each in page["ModelPackageGroupSummaryList"]
    ]
    assert names == [f"{stem}-{number}" for number in (2, 1, 0)]
    other = query | {"NameContains": "else", "NextToken": first["NextToken"]}
    refused("ValidationException", listed, **other)
