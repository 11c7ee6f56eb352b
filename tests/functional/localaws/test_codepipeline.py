"""CodePipeline over HTTP: executions really carry artifacts, variables and approvals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.code_world import (
    BUCKET,
    World,
    action,
    approval_action,
    build_action,
    pipeline,
    source_action,
    until,
)

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

BUILD = """
version: 0.2
env: {exported-variables: [GREETING]}
phases:
  build:
    commands:
      - mkdir out && echo "$WHO $EXECUTION" > out/letter
      - GREETING="hello $WHO"
artifacts: {files: [letter], base-directory: out}
"""
CHECK = """
version: 0.2
phases:
  build:
    commands:
      - test "$GREETING" = "hello world"
      - grep world letter
"""
MEND = """
version: 0.2
phases:
  build:
    commands:
      - aws_is_mended() { python3 mended.py; }
      - aws_is_mended
"""
MENDED = """
import boto3
boto3.client("s3").head_object(Bucket="code-world", Key="mended")
"""


@pytest.fixture(scope="module")
def world(aws: EmbeddedAws) -> World:
    return prepared(World(aws.endpoint_url))


def prepared(world: World) -> World:
    world.prepare()
    world.put_source({"mended.py": MENDED})
    world.create_project("build", BUILD)
    world.create_project("check", CHECK)
    world.create_project("mend", MEND)
    return world


def start(world: World, name: str, **request: Any) -> str:
    answer = world.client("codepipeline").start_pipeline_execution(name=name, **request)
    return answer["pipelineExecutionId"]


def approve(world: World, name: str, stage: str, status: str = "Approved") -> None:
    token = world.pending_approval(name, stage)["token"]
    world.client("codepipeline").put_approval_result(
        pipelineName=name,
        stageName=stage,
        actionName="Approve",
        result={"summary": "seen", "status": status},
        token=token,
    )


def actions_of(world: World, name: str, execution_id: str) -> dict[str, dict[str, Any]]:
    pages = world.client("codepipeline").get_paginator("list_action_executions")
    found = pages.paginate(
        pipelineName=name,
        filter={"pipelineExecutionId": execution_id},
        PaginationConfig={"PageSize": 2},
    )
    # Newest first: the oldest must not overwrite what a retry did.
    details = [detail for page in found for detail in page["actionExecutionDetails"]]
    return {detail["actionName"]: detail for detail in reversed(details)}


def test_source_builds_and_approval_go_through(world: World) -> None:
    world.client("codepipeline").create_pipeline(
        pipeline=pipeline(
            "whole",
            {
                "Source": [source_action()],
                "Build": [
                    build_action(
                        "Make",
                        "build",
                        namespace="Made",
                        outputArtifacts=[{"name": "Letter"}],
                        variables={
                            "WHO": "#{variables.Who}",
                            "EXECUTION": "#{codepipeline.PipelineExecutionId}",
                        },
                    )
                ],
                "Check": [
                    approval_action(),
                    build_action(
                        "Read",
                        "check",
                        runOrder=2,
                        inputArtifacts=[{"name": "Letter"}],
                        variables={"GREETING": "#{Made.GREETING}"},
                    ),
                ],
            },
            variables=[{"name": "Who"}],
        )
    )
    execution_id = start(world, "whole", variables=[{"name": "Who", "value": "world"}])
    approve(world, "whole", "Check")
    execution = world.execution("whole", execution_id, "Succeeded", "Failed")
    done = actions_of(world, "whole", execution_id)
    assert execution["status"] == "Succeeded", done
    assert execution["variables"] == [{"name": "Who", "resolvedValue": "world"}]
    assert set(done) == {"Source", "Make", "Approve", "Read"}
    assert done["Make"]["output"]["outputVariables"] == {"GREETING": "hello world"}
    resolved = done["Make"]["input"]["resolvedConfiguration"]["EnvironmentVariables"]
    assert execution_id in resolved
    assert done["Source"]["output"]["outputVariables"]["ObjectKey"] == "source.zip"


def test_a_failing_command_fails_the_stage_and_a_retry_mends_it(world: World) -> None:
    world.client("codepipeline").create_pipeline(
        pipeline=pipeline(
            "mending", {"Source": [source_action()], "Do": [build_action("Mend", "mend")]}
        )
    )
    execution_id = start(world, "mending")
    world.execution("mending", execution_id, "Failed")
    error = actions_of(world, "mending", execution_id)["Mend"]["output"]["executionResult"]
    message = error["errorDetails"]["message"]
    assert "aws_is_mended" in message
    assert "Not Found" in message
    world.client("s3").put_object(Bucket=BUCKET, Key="mended", Body=b"")
    codepipeline = world.client("codepipeline")
    codepipeline.retry_stage_execution(
        pipelineName="mending",
        stageName="Do",
        pipelineExecutionId=execution_id,
        retryMode="FAILED_ACTIONS",
    )
    world.execution("mending", execution_id, "Succeeded")
    with pytest.raises(ClientError, match="StageNotRetryableException"):
        codepipeline.retry_stage_execution(
            pipelineName="mending",
            stageName="Do",
            pipelineExecutionId=execution_id,
            retryMode="FAILED_ACTIONS",
        )


def gated(world: World, name: str, **more: Any) -> None:
    """A pipeline with an approval before its last stage."""
    world.client("codepipeline").create_pipeline(
        pipeline=pipeline(
            name,
            {
                "Source": [source_action()],
                "Gate": [approval_action()],
                "Last": [approval_action()],
            },
            **more,
        )
    )


def test_a_token_starts_one_execution(world: World) -> None:
    gated(world, "tokens", variables=[{"name": "X", "defaultValue": "0"}])
    given = {"clientRequestToken": "digest-1", "variables": [{"name": "X", "value": "1"}]}
    ids = {start(world, "tokens", **given) for _ in range(3)}
    assert len(ids) == 1
    with pytest.raises(ClientError, match="other parameters"):
        start(world, "tokens", **(given | {"variables": [{"name": "X", "value": "2"}]}))


def test_a_waiting_execution_is_superseded_by_a_newer_one(world: World) -> None:
    gated(world, "newest")
    first = start(world, "newest")
    world.pending_approval("newest", "Gate")
    second, third = start(world, "newest"), start(world, "newest")
    world.execution("newest", second, "Superseded")
    approve(world, "newest", "Gate")  # the first, which stands in the stage, was not touched

    def third_stands_in_the_gate() -> bool | None:
        state = world.client("codepipeline").get_pipeline_state(name="newest")
        latest = state["stageStates"][1]["latestExecution"]["pipelineExecutionId"]
        return latest == third or None

    until(third_stands_in_the_gate)
    approve(world, "newest", "Last")
    assert world.execution("newest", first, "Succeeded")


def test_queued_executions_all_run_in_order(world: World) -> None:
    gated(world, "queue", executionMode="QUEUED")
    ids = [start(world, "queue") for _ in range(3)]
    for execution_id in ids:
        approve(world, "queue", "Gate")
        approve(world, "queue", "Last")
        world.execution("queue", execution_id, "Succeeded")


def test_rejection_stop_and_tokens_of_the_past(world: World) -> None:
    gated(world, "rejecting")
    rejected = start(world, "rejecting")
    token = world.pending_approval("rejecting", "Gate")["token"]
    approve(world, "rejecting", "Gate", "Rejected")
    world.execution("rejecting", rejected, "Failed")
    stopped = start(world, "rejecting")
    world.pending_approval("rejecting", "Gate")
    with pytest.raises(ClientError, match="ApprovalAlreadyCompletedException"):
        world.client("codepipeline").put_approval_result(
            pipelineName="rejecting",
            stageName="Gate",
            actionName="Approve",
            result={"summary": "", "status": "Approved"},
            token=token,
        )
    world.client("codepipeline").stop_pipeline_execution(
        pipelineName="rejecting", pipelineExecutionId=stopped, abandon=True, reason="enough"
    )
    world.execution("rejecting", stopped, "Stopped")
    assert actions_of(world, "rejecting", stopped)["Approve"]["status"] == "Abandoned"


def test_a_disabled_transition_holds(world: World) -> None:
    gated(world, "held")
    where = {"pipelineName": "held", "stageName": "Gate", "transitionType": "Inbound"}
    codepipeline = world.client("codepipeline")
    codepipeline.disable_stage_transition(**where, reason="freeze")
    execution_id = start(world, "held")

    def waits() -> bool | None:
        gate = codepipeline.get_pipeline_state(name="held")["stageStates"][1]
        inbound = gate.get("inboundExecution", {})
        return inbound.get("pipelineExecutionId") == execution_id or None

    until(waits)
    codepipeline.enable_stage_transition(**where)
    world.pending_approval("held", "Gate")


def test_what_cannot_be_performed_is_refused_at_creation(world: World) -> None:
    def create(stages: dict[str, Any], **more: Any) -> None:
        world.client("codepipeline").create_pipeline(pipeline=pipeline("no", stages, **more))

    source = {"Source": [source_action()]}
    with pytest.raises(ClientError, match=r"InvalidActionDeclaration.*Deploy/ECS"):
        create(source | {"Deploy": [action("Go", "Deploy/ECS", {"ClusterName": "c"})]})
    with pytest.raises(ClientError, match="is not produced by an earlier action"):
        create(source | {"B": [build_action("B", "build", inputArtifacts=[{"name": "Nothing"}])]})
    with pytest.raises(ClientError, match=r"#\{variables.Nope\}"):
        create(source | {"B": [build_action("B", "build", variables={"A": "#{variables.Nope}"})]})
    with pytest.raises(ClientError, match="PARALLEL"):
        create(source | {"B": [approval_action()]}, executionMode="PARALLEL")
