"""Pipelines over HTTP: what the SDK compiles runs, both ways through its condition."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.sagemaker_world import (
    CLUSTER,
    IMAGE,
    INFERENCE,
    ROLE,
    World,
    tar_gz,
    unique,
    until,
)

JUDGE = """
import json, pathlib, sys
target, score, rows = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
report = {"scores": [{"value": score}], "rows": rows, "trusted": True}
pathlib.Path(target).write_text(json.dumps(report))
"""
TRAIN = f"""
import json, os, pathlib
report = json.loads(pathlib.Path(os.environ["SM_CHANNEL_REPORT"], "report.json").read_text())
model = pathlib.Path(os.environ["SM_MODEL_DIR"]); (model / "code").mkdir()
(model / "factor.txt").write_text(str(report["rows"]))
(model / "code" / "inference.py").write_text({INFERENCE!r})
"""


@pytest.fixture(scope="module")
def world(aws: Any) -> World:
    return World(aws)


@pytest.fixture(scope="module")
def group(world: World) -> str:
    return world.shared_group()


@pytest.fixture(scope="module")
def pipeline(world: World, group: str) -> str:
    """The pipeline of sagemaker_compile.py, its code in place."""
    world.put("pipeline-code/judge.py", JUDGE)
    world.put("pipeline-code/sourcedir.tar.gz", tar_gz({"train.py": TRAIN}))
    script = Path(__file__).with_name("sagemaker_compile.py")
    definition = subprocess.run(
        [sys.executable, str(script), world.bucket, group],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    name = unique("compiled")
    create(world, name, definition)
    return name


def create(world: World, name: str, definition: str) -> str:
    return world.sagemaker.create_pipeline(
        PipelineName=name,
        PipelineDefinition=definition,
        RoleArn=ROLE,
        ClientRequestToken=unique("t" * 32),
    )["PipelineArn"]


def start(world: World, name: str, token: str | None = None, **parameters: str) -> str:
    return world.sagemaker.start_pipeline_execution(
        PipelineName=name,
        PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
        ClientRequestToken=token or unique("t" * 32),
    )["PipelineExecutionArn"]


def ended(world: World, arn: str) -> dict[str, Any]:
    return until(
        lambda: world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
        lambda execution: execution["PipelineExecutionStatus"] not in ("Executing", "Stopping"),
    )


def steps(world: World, arn: str) -> dict[str, Any]:
    paginator = world.sagemaker.get_paginator("list_pipeline_execution_steps")
    pages = paginator.paginate(
        PipelineExecutionArn=arn, SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    return {step["StepName"]: step for page in pages for step in page["PipelineExecutionSteps"]}


def test_a_good_score_registers_in_the_other_account(
    world: World, pipeline: str, group: str
) -> None:
    arn = start(world, pipeline, Score="0.75", Rows="7")
    execution = ended(world, arn)
    performed = steps(world, arn)
    assert execution["PipelineExecutionStatus"] == "Succeeded", performed
    assert (next(iter(performed)), list(performed)[-1]) == ("Judge", "Register")
    assert set(performed) == {"Judge", "Train", "Gate", "Register"}
    assert performed["Gate"]["Metadata"]["Condition"]["Outcome"] == "True"
    job = performed["Judge"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    assert job.startswith(f"pipelines-{arn[-12:]}-Judge-")
    package_arn = performed["Register"]["Metadata"]["RegisterModel"]["Arn"]
    assert package_arn.startswith("arn:aws:sagemaker:us-east-1:555555555555:model-package/")
    assets = world.aws.client("sagemaker", "assets")
    package = assets.describe_model_package(ModelPackageName=package_arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["CustomerMetadataProperties"] == {"kind": "plain", "execution": arn[-12:]}
    (container,) = package["InferenceSpecification"]["Containers"]
    training = performed["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    assert container["ModelDataUrl"] == world.uri(f"trained/{training}/output/model.tar.gz")
    values = world.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert {each["Name"]: each["Value"] for each in values["PipelineParameters"]} == {
        "Score": "0.75", "Minimum": "0.5", "Rows": "7", "Kind": "plain",
    }  # fmt: skip


def test_a_bad_score_fails_with_the_pipelines_words(world: World, pipeline: str) -> None:
    arn = start(world, pipeline, Score="0.25")
    execution = ended(world, arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == "Step failure: One or multiple steps failed."
    performed = steps(world, arn)
    assert performed["Gate"]["Metadata"]["Condition"]["Outcome"] == "False"
    assert performed["Refuse"]["Metadata"]["Fail"]["ErrorMessage"] == "score 0.25 is below 0.5"
    assert performed["Refuse"]["FailureReason"] == "score 0.25 is below 0.5"
    assert "Register" not in performed


def test_a_token_starts_once(world: World, pipeline: str) -> None:
    token = unique("t" * 32)
    first = start(world, pipeline, token, Score="0.25")
    assert start(world, pipeline, token, Score="0.25") == first
    ended(world, first)
    assert start(world, pipeline, token, Score="0.25") == first
    listed = world.sagemaker.list_pipeline_executions(PipelineName=pipeline, MaxResults=1)
    assert listed["PipelineExecutionSummaries"][0]["PipelineExecutionArn"] == first


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({}, "'Score' has no default"),
        ({"Score": "1", "Unknown": "1"}, "Unknown parameters"),
        ({"Score": "much"}, "is no Float"),
        ({"Score": "1", "Kind": "strange"}, "allowed are"),
    ],
)
def test_parameters_are_checked(
    world: World, pipeline: str, parameters: dict[str, str], text: str
) -> None:
    with pytest.raises(ClientError, match=text) as caught:
        start(world, pipeline, **parameters)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def processing(name: str, command: str, needs: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "Processing",
        "DependsOn": list(needs),
        "Arguments": {
            "ProcessingResources": CLUSTER,
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["/bin/sh", "-c", command],
            },
            "RoleArn": ROLE,
        },
    }


def define(*parts: dict[str, Any]) -> str:
    return json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": list(parts)})


def test_a_failed_step_lets_its_neighbours_finish_and_a_retry_goes_on(world: World) -> None:
    name = unique("neighbours")
    create(
        world,
        name,
        define(
            processing("Slow", "sleep 1"),
            processing("Broken", "echo no luck; exit 4"),
            processing("Never", "true", needs=("Slow", "Broken")),
        ),
    )
    arn = start(world, name)
    assert ended(world, arn)["PipelineExecutionStatus"] == "Failed"
    performed = steps(world, arn)
    assert {key: step["StepStatus"] for key, step in performed.items()} == {
        "Slow": "Succeeded", "Broken": "Failed",
    }  # fmt: skip
    assert performed["Broken"]["FailureReason"] == "AlgorithmError: no luck, exit code: 4"
    slow = performed["Slow"]
    assert slow["StartTime"] <= performed["Broken"]["EndTime"], "both ran at the same time"
    world.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert ended(world, arn)["PipelineExecutionStatus"] == "Failed"
    again = steps(world, arn)
    assert again["Slow"] == slow, "what succeeded is not done again"
    assert again["Broken"]["Metadata"] != performed["Broken"]["Metadata"]


def test_a_stop_ends_the_jobs_under_way(world: World) -> None:
    name = unique("stopped")
    create(world, name, define(processing("Long", "sleep 600")))
    arn = start(world, name)
    until(lambda: steps(world, arn), lambda found: found.get("Long", {}).get("Metadata"))
    world.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert ended(world, arn)["PipelineExecutionStatus"] == "Stopped"
    assert steps(world, arn)["Long"]["StepStatus"] == "Stopped"
    world.sagemaker.delete_pipeline(PipelineName=name)
    with pytest.raises(ClientError) as caught:
        world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert caught.value.response["Error"]["Code"] == "ResourceNotFound"


def test_register_fails_closed_without_the_groups_leave(world: World) -> None:
    assets = world.aws.client("sagemaker", "assets")
    closed = assets.create_model_package_group(ModelPackageGroupName=unique("closed"))
    register = {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": closed["ModelPackageGroupArn"],
            "InferenceSpecification": {"Containers": [world.container(world.model_data("1"))]},
        },
    }
    name = unique("closed")
    create(world, name, define(register))
    arn = start(world, name)
    assert ended(world, arn)["PipelineExecutionStatus"] == "Failed"
    assert "AccessDeniedException" in steps(world, arn)["Register"]["FailureReason"]


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ("{", "not JSON"),
        (define({"Name": "Tune", "Type": "Tuning"}), "step 'Tune' is of type 'Tuning'"),
        (define(processing("A", "true"), processing("A", "true")), "two steps have the name 'A'"),
        (define(processing("A", "true", needs=("B",))), "unknown step 'B'"),
        (
            define(processing("A", "true", needs=("B",)), processing("B", "true", needs=("A",))),
            "depend on one another",
        ),
        (
            define({"Name": "F", "Type": "Fail",
                    "Arguments": {"ErrorMessage": {"Get": "Parameters.None"}}}),
            "unknown 'Parameters.None'",
        ),
    ],
)  # fmt: skip
def test_what_cannot_run_is_not_created(world: World, definition: str, text: str) -> None:
    with pytest.raises(ClientError, match=text) as caught:
        create(world, unique("wrong"), definition)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
