"""Client tokens over HTTP: same parameters, same answer and one effect; others, an error."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws import code_world, core_world
from tests.functional.localaws.roles import ensure_role, trust
from tests.functional.localaws.sagemaker_world import ROLE, World, unique, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SUCCEED = json.dumps(
    {"Version": "2020-12-01", "Steps": [{"Name": "Stop", "Type": "Fail",
     "Arguments": {"ErrorMessage": "on purpose"}}]}
)  # fmt: skip
BUILDSPEC = "version: 0.2\nphases:\n  build:\n    commands:\n      - echo built\n"


class Case(NamedTuple):
    """An operation, asked twice alike and once otherwise."""

    ask: Callable[..., dict[str, Any]]
    member: str
    same: dict[str, Any]
    other: dict[str, Any]
    code: str
    effects: Callable[[], int]


@pytest.fixture(scope="module")
def world(aws: Any) -> World:
    return World(aws)


@pytest.fixture(scope="module")
def code(aws: Any) -> code_world.World:
    world = code_world.World(aws.endpoint_url)
    world.prepare()
    world.create_project("client-tokens", BUILDSPEC, "NO_SOURCE")
    world.client("codepipeline").create_pipeline(
        pipeline=code_world.pipeline(
            "client-tokens",
            {"Source": [code_world.source_action()], "Hold": [code_world.approval_action()]},
            variables=[{"name": "X", "defaultValue": "1"}],
        )
    )
    return world


def _pipeline(world: World) -> str:
    name = unique("client-tokens")
    world.sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=SUCCEED, RoleArn=ROLE,
        ClientRequestToken=uuid.uuid4().hex,
    )  # fmt: skip
    return name


def _executions(world: World, name: str) -> list[dict[str, Any]]:
    answer = world.sagemaker.list_pipeline_executions(PipelineName=name)
    return answer["PipelineExecutionSummaries"]


def _failed_execution(world: World, name: str) -> str:
    arn = world.sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    _await_failure(world, arn)
    return arn


def _await_failure(world: World, arn: str) -> None:
    until(
        lambda: world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
        lambda execution: execution["PipelineExecutionStatus"] == "Failed",
    )


def create_model_package(world: World, code: code_world.World) -> Case:
    group = unique("client-tokens")
    world.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    container = world.container(world.model_data("2"))
    same = {
        "ModelPackageGroupName": group,
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    }
    listed = world.sagemaker.list_model_packages
    return Case(
        world.sagemaker.create_model_package, "ClientToken", same,
        same | {"ModelApprovalStatus": "Approved"}, "ConflictException",
        lambda: len(listed(ModelPackageGroupName=group)["ModelPackageSummaryList"]),
    )  # fmt: skip


def update_model_package(world: World, code: code_world.World) -> Case:
    group = unique("client-tokens")
    world.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arn = world.package(group, world.model_data("2"))
    modified = set()

    def effects() -> int:
        package = world.sagemaker.describe_model_package(ModelPackageName=arn)
        modified.add(package["LastModifiedTime"])
        return len(modified)

    same = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"}
    return Case(
        world.sagemaker.update_model_package, "ClientToken", same,
        same | {"ModelApprovalStatus": "Rejected"}, "ConflictException", effects,
    )  # fmt: skip


def create_pipeline(world: World, code: code_world.World) -> Case:
    name = unique("client-tokens")
    same = {"PipelineName": name, "PipelineDefinition": SUCCEED, "RoleArn": ROLE}
    return Case(
        world.sagemaker.create_pipeline, "ClientRequestToken", same,
        same | {"PipelineDescription": "another"}, "ConflictException",
        lambda: len(world.sagemaker.list_pipelines(PipelineNamePrefix=name)["PipelineSummaries"]),
    )  # fmt: skip


def delete_pipeline(world: World, code: code_world.World) -> Case:
    gone, other = _pipeline(world), _pipeline(world)
    return Case(
        world.sagemaker.delete_pipeline, "ClientRequestToken", {"PipelineName": gone},
        {"PipelineName": other}, "ConflictException",
        lambda: 2 - len(
            world.sagemaker.list_pipelines(PipelineNamePrefix=gone)["PipelineSummaries"]
            + world.sagemaker.list_pipelines(PipelineNamePrefix=other)["PipelineSummaries"]
        ),
    )  # fmt: skip


def start_pipeline_execution(world: World, code: code_world.World) -> Case:
    name = _pipeline(world)
    return Case(
        world.sagemaker.start_pipeline_execution, "ClientRequestToken", {"PipelineName": name},
        {"PipelineName": name, "PipelineExecutionDisplayName": "another"}, "ConflictException",
        lambda: len(_executions(world, name)),
    )  # fmt: skip


def retry_pipeline_execution(world: World, code: code_world.World) -> Case:
    arn = _failed_execution(world, _pipeline(world))

    def effects() -> int:
        _await_failure(world, arn)
        steps = world.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        return steps["PipelineExecutionSteps"][0]["AttemptCount"] - 1

    return Case(
        world.sagemaker.retry_pipeline_execution, "ClientRequestToken",
        {"PipelineExecutionArn": arn},
        {"PipelineExecutionArn": arn,
         "ParallelismConfiguration": {"MaxParallelExecutionSteps": 2}},
        "ConflictException", effects,
    )  # fmt: skip


def stop_pipeline_execution(world: World, code: code_world.World) -> Case:
    # Once it has ended, a stop with a fresh token is a conflict and one repeated is not.
    job = {
        "ProcessingResources": {"ClusterConfig": {
            "InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}},
        "AppSpecification": {"ImageUri": "x", "ContainerEntrypoint": ["sleep", "600"]},
        "RoleArn": ROLE,
    }  # fmt: skip
    definition = {"Version": "2020-12-01",
                  "Steps": [{"Name": "Wait", "Type": "Processing", "Arguments": job}]}  # fmt: skip
    name = unique("client-tokens")
    world.sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=ROLE
    )
    start = world.sagemaker.start_pipeline_execution
    arn, other = (start(PipelineName=name)["PipelineExecutionArn"] for _ in range(2))

    def effects() -> int:
        statuses = {each["PipelineExecutionArn"]: each for each in _executions(world, name)}
        return sum(
            statuses[each]["PipelineExecutionStatus"] != "Executing" for each in (arn, other)
        )

    return Case(
        world.sagemaker.stop_pipeline_execution, "ClientRequestToken",
        {"PipelineExecutionArn": arn}, {"PipelineExecutionArn": other}, "", effects,
    )  # fmt: skip


def start_query_execution(world: World, code: code_world.World) -> Case:
    athena = world.aws.client("athena")
    group = unique("client-tokens")
    athena.create_work_group(
        Name=group,
        Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{world.bucket}/results/"}},
    )
    same = {"QueryString": "SELECT 1", "WorkGroup": group}
    return Case(
        athena.start_query_execution, "ClientRequestToken", same,
        same | {"QueryString": "SELECT 2"}, "InvalidRequestException",
        lambda: len(athena.list_query_executions(WorkGroup=group)["QueryExecutionIds"]),
    )  # fmt: skip


def start_build(world: World, code: code_world.World) -> Case:
    codebuild = code.client("codebuild")
    listed = codebuild.list_builds_for_project

    def ask(**request: Any) -> dict[str, Any]:
        return {"id": codebuild.start_build(**request)["build"]["id"]}

    before = len(listed(projectName="client-tokens")["ids"])
    return Case(
        ask, "idempotencyToken", {"projectName": "client-tokens"},
        {"projectName": "client-tokens", "timeoutInMinutesOverride": 7}, "InvalidInputException",
        lambda: len(listed(projectName="client-tokens")["ids"]) - before,
    )  # fmt: skip


def start_codepipeline_execution(world: World, code: code_world.World) -> Case:
    codepipeline = code.client("codepipeline")
    listed = codepipeline.list_pipeline_executions
    before = len(listed(pipelineName="client-tokens")["pipelineExecutionSummaries"])
    return Case(
        codepipeline.start_pipeline_execution, "clientRequestToken", {"name": "client-tokens"},
        {"name": "client-tokens", "variables": [{"name": "X", "value": "2"}]},
        "ValidationException",
        lambda: len(listed(pipelineName="client-tokens")["pipelineExecutionSummaries"]) - before,
    )  # fmt: skip


CASES = [
    create_model_package, update_model_package, create_pipeline, delete_pipeline,
    start_pipeline_execution, retry_pipeline_execution, start_query_execution, start_build,
    start_codepipeline_execution,
]  # fmt: skip


def _ask(case: Case, token: str, request: dict[str, Any]) -> dict[str, Any]:
    answer = case.ask(**request, **{case.member: token})
    answer.pop("ResponseMetadata", None)
    return answer


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_one_token_is_one_effect(
    world: World, code: code_world.World, make: Callable[..., Case]
) -> None:
    case = make(world, code)
    token = uuid.uuid4().hex
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: _ask(case, token, case.same), range(6)))
    assert answers == [answers[0]] * 6
    assert case.effects() == 1
    assert _ask(case, token, case.same) == answers[0]
    with pytest.raises(ClientError) as caught:
        _ask(case, token, case.other)
    assert caught.value.response["Error"]["Code"] == case.code
    assert "other parameters" in caught.value.response["Error"]["Message"]
    assert case.effects() == 1


def test_a_stop_repeated_is_the_same_stop(world: World, code: code_world.World) -> None:
    case = stop_pipeline_execution(world, code)
    token = uuid.uuid4().hex
    first = _ask(case, token, case.same)
    until(
        lambda: world.sagemaker.describe_pipeline_execution(**case.same),
        lambda execution: execution["PipelineExecutionStatus"] == "Stopped",
    )
    assert _ask(case, token, case.same) == first
    with pytest.raises(ClientError) as caught:
        _ask(case, uuid.uuid4().hex, case.same)
    assert caught.value.response["Error"]["Code"] == "ConflictException"
    assert case.effects() == 1
    # Another execution is another thing to stop, whatever the token.
    _ask(case, token, case.other)


def test_tokens_are_known_after_a_kill(tmp_path: Path) -> None:
    token = uuid.uuid4().hex
    with core_world.running(tmp_path / "aws") as server:
        sagemaker = server.client("sagemaker")
        role = ensure_role(server.client("iam"), "p", trust("sagemaker"))
        sagemaker.create_pipeline(PipelineName="p", PipelineDefinition=SUCCEED, RoleArn=role)
        start = sagemaker.start_pipeline_execution
        first = start(PipelineName="p", ClientRequestToken=token)["PipelineExecutionArn"]
    with core_world.running(tmp_path / "aws") as server:
        sagemaker = server.client("sagemaker")
        start = sagemaker.start_pipeline_execution
        again = start(PipelineName="p", ClientRequestToken=token)["PipelineExecutionArn"]
        listed = sagemaker.list_pipeline_executions(PipelineName="p")
    assert again == first
    assert len(listed["PipelineExecutionSummaries"]) == 1
