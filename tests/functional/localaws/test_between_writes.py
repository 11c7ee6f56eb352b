"""kill -9 between any two writes: what our providers find then fits together.

One server plays a scenario and keeps its documents as they were before each write; each of these
moments is opened as the next server would.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from localaws.core.store import Store
from tests.functional.localaws.code_world import (
    World,
    approval_action,
    build_action,
    pipeline,
    source_action,
    until,
)
from tests.functional.localaws.core_world import ROOT
from tests.functional.localaws.roles import EVERYTHING, ensure_role, trust

if TYPE_CHECKING:
    from collections.abc import Iterator

WATCHED = ROOT / "tests" / "functional" / "localaws" / "watched_server.py"
ACCOUNT = "555555555555"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/between-writes"
TAGS = [{"Key": "made-of", "Value": "inputs"}]
BUILDSPEC = (
    "version: 0.2\nphases: {build: {commands: [echo made > made]}}\nartifacts: {files: [made]}\n"
)
REFUSAL = {
    "Version": "2020-12-01",
    "Parameters": [],
    "Steps": [{"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "as told"}}],
}


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Store]]:
    """The documents before each write of a server that did a little of everything."""
    folder = tmp_path_factory.mktemp("watched")
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, str(WATCHED), "--port", "0", "--state", str(folder / "aws")],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        line = process.stdout.readline()
        assert line, (folder / "log").read_text()
        world = World(line.split()[-1])
        release(world)
        training(world)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    stores = [Store(each / "documents.sqlite") for each in sorted((folder / "moments").iterdir())]
    yield stores
    for store in stores:
        store.close()


def release(world: World) -> None:
    """A pipeline of a source, a build with an artifact, and an approval, to its end."""
    world.prepare()
    world.put_source({"file": ""})
    world.create_project("make", BUILDSPEC)
    codepipeline = world.client("codepipeline")
    stages = {
        "Source": [source_action()],
        "Make": [build_action("Make", "make", outputArtifacts=[{"name": "Made"}])],
        "Gate": [approval_action()],
    }
    codepipeline.create_pipeline(pipeline=pipeline("release", stages))
    started = codepipeline.start_pipeline_execution(name="release", clientRequestToken="plan")
    token = world.pending_approval("release", "Gate")["token"]
    codepipeline.put_approval_result(
        pipelineName="release", stageName="Gate", actionName="Approve", token=token,
        result={"summary": "seen", "status": "Approved"},
    )  # fmt: skip
    world.execution("release", started["pipelineExecutionId"], "Succeeded")


def training(world: World) -> None:
    """What SageMaker makes with tags, and an execution that fails, is retried and fails again."""
    sagemaker = world.client("sagemaker")
    ensure_role(world.client("iam"), "between-writes", trust("sagemaker"), may=EVERYTHING)
    sagemaker.create_model_package_group(ModelPackageGroupName="made", Tags=TAGS)
    sagemaker.create_model(
        ModelName="made", PrimaryContainer={"Image": "image"}, ExecutionRoleArn=ROLE, Tags=TAGS
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName="made", Tags=TAGS,
        ProductionVariants=[{"VariantName": "all", "ModelName": "made"}],
    )  # fmt: skip
    sagemaker.create_pipeline(
        PipelineName="made", PipelineDefinition=json.dumps(REFUSAL), RoleArn=ROLE, Tags=TAGS,
        ClientRequestToken="t" * 32,
    )  # fmt: skip
    arn = sagemaker.start_pipeline_execution(PipelineName="made")["PipelineExecutionArn"]
    until(lambda: failed(sagemaker, arn))
    sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="r" * 32)
    until(lambda: failed(sagemaker, arn))
    sagemaker.delete_endpoint_config(EndpointConfigName="made")
    sagemaker.delete_model(ModelName="made")


def failed(sagemaker: Any, arn: str) -> bool | None:
    found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    return found["PipelineExecutionStatus"] == "Failed" or None


def documents(store: Store, kind: str) -> dict[str, dict[str, Any]]:
    return dict(store.table(kind).scan())


def test_there_are_many_moments(moments: list[Store]) -> None:
    assert len(moments) > 40


def test_an_attempt_is_known_to_its_execution(moments: list[Store]) -> None:
    for store in moments:
        executions = documents(store, "codepipeline/execution")
        known = {
            f"{key}/{action}"
            for key, execution in executions.items()
            for stage in execution["stages"].values()
            for action in stage["actions"].values()
        }
        assert set(documents(store, "codepipeline/action")) == known


def test_what_has_succeeded_has_its_artifacts(moments: list[Store]) -> None:
    for store in moments:
        executions = documents(store, "codepipeline/execution")
        for key, action in documents(store, "codepipeline/action").items():
            declared = {each["name"] for each in action["declared"].get("outputArtifacts", [])}
            if action["status"] == "Succeeded":
                assert declared <= set(executions[key.rpartition("/")[0]]["artifacts"])


def test_a_build_knows_where_to_before_it_is_asked_for(moments: list[Store]) -> None:
    """Else it would be asked for elsewhere, with the same token, after a restart."""
    for store in moments:
        builds = documents(store, "codebuild/build")
        making = [
            action
            for action in documents(store, "codepipeline/action").values()
            if action["declared"]["name"] == "Make"
        ]
        assert all("produced" in action for action in making) or not builds


def test_a_started_execution_has_its_token(moments: list[Store]) -> None:
    for store in moments:
        executions = {e["id"] for e in documents(store, "codepipeline/execution").values()}
        tokens = {
            known["answer"]["pipelineExecutionId"]
            for key, known in documents(store, "core/client-token").items()
            if key.startswith("codepipeline/StartPipelineExecution/")
        }
        assert executions == tokens


def test_a_pipeline_has_its_version(moments: list[Store]) -> None:
    for store in moments:
        assert len(documents(store, "codepipeline/pipeline")) == len(
            documents(store, "codepipeline/version")
        )


@pytest.mark.parametrize("kind", ["model-package-group", "model", "endpoint-config", "pipeline"])
def test_tags_are_there_as_long_as_what_they_tell_of(moments: list[Store], kind: str) -> None:
    seen = False
    for store in moments:
        made = set(documents(store, f"sagemaker/{kind}"))
        tagged = {
            key for key in documents(store, "sagemaker/tags") if key.split(":")[5] == f"{kind}/made"
        }
        assert len(made) == len(tagged)
        seen = seen or bool(made)
    assert seen


def test_a_retried_execution_has_no_failed_step(moments: list[Store]) -> None:
    for store in moments:
        steps = documents(store, "sagemaker/pipeline-step").values()
        for execution in documents(store, "sagemaker/pipeline-execution").values():
            if execution["PipelineExecutionStatus"] == "Executing" and execution["_Attempt"] > 1:
                assert all(step["AttemptCount"] == execution["_Attempt"] for step in steps)
