"""Processing and training jobs over HTTP: the given script really runs, and ends are told apart."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.sagemaker_world import (
    CLUSTER,
    IMAGE,
    ROLE,
    World,
    sink,
    source,
    tar_gz,
    unique,
    until,
)

TRANSFORM = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--input"); parser.add_argument("--output"); parser.add_argument("--link")
given = parser.parse_args()
text = "".join(path.read_text() for path in sorted(pathlib.Path(given.input).rglob("*.txt")))
target = pathlib.Path(given.output, "deep"); target.mkdir()
(target / "upper.txt").write_text(text.upper() + os.environ["SUFFIX"] + given.link)
print("transformed", len(text), "characters")
"""

TRAIN = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--max_depth", type=int); parser.add_argument("-k")
given = parser.parse_args()
rows = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "data.txt").read_text().split()
assert json.loads(os.environ["SM_HPS"])["max_depth"] == given.max_depth
folder = pathlib.Path(os.environ["SM_INPUT_CONFIG_DIR"])
config = json.loads((folder / "hyperparameters.json").read_text())
assert config["max_depth"] == "5", config
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(f"{len(rows)} {given.k}")
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "notes.txt").write_text("notes")
print("auc=0.5;"); print("auc=0.875;")
"""


@pytest.fixture(scope="module")
def world(aws: Any) -> World:
    return World(aws)


def test_processing_transforms_what_lies_in_s3(world: World) -> None:
    world.put("in/a.txt", "hello ")
    world.put("in/b/c.txt", "world ")
    output = world.uri("out/transform")
    name = world.processing_job(
        TRANSFORM,
        inputs=[source("data", world.uri("in"))],
        arguments=[
            "--input", "/opt/ml/processing/input/data",
            "--output", "/opt/ml/processing/output/text",
            "--link", "s3://bucket/opt/ml",
        ],
        ProcessingOutputConfig=sink("text", output),
        Environment={"SUFFIX": "!"},
    )  # fmt: skip
    job = world.ended_processing(name)
    assert job["ProcessingJobStatus"] == "Completed", job
    assert world.read("out/transform/deep/upper.txt") == b"HELLO WORLD !s3://bucket/opt/ml"
    assert job["ProcessingEndTime"] >= job["ProcessingStartTime"] >= job["CreationTime"]
    logs = world.aws.client("logs").get_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamName=f"{name}/algo-1"
    )
    assert [event["message"] for event in logs["events"]] == ["transformed 12 characters"]
    summaries = world.sagemaker.list_processing_jobs(NameContains=name, StatusEquals="Completed")
    assert [each["ProcessingJobName"] for each in summaries["ProcessingJobSummaries"]] == [name]


def test_a_failing_script_says_why(world: World) -> None:
    job = world.ended_processing(world.processing_job("raise RuntimeError('no rows at all')"))
    assert job["ProcessingJobStatus"] == "Failed"
    assert "no rows at all" in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 1")


def test_a_missing_input_is_a_client_error(world: World) -> None:
    name = world.processing_job("", inputs=[source("data", world.uri("nothing/here"))])
    job = world.ended_processing(name)
    assert job["ProcessingJobStatus"] == "Failed"
    assert "No S3 objects found" in job["FailureReason"]


def test_a_job_can_be_stopped_and_its_name_is_taken(world: World) -> None:
    name = world.processing_job("import time; time.sleep(600)")
    until(
        lambda: world.sagemaker.describe_processing_job(ProcessingJobName=name),
        lambda job: "ProcessingStartTime" in job,
    )
    world.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert world.ended_processing(name)["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ClientError) as caught:
        world.sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=ROLE,
            ProcessingResources=CLUSTER,
            AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]},
        )
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    with pytest.raises(ClientError, match="is in status Stopped"):
        world.sagemaker.stop_processing_job(ProcessingJobName=name)


def test_a_job_that_takes_too_long_is_stopped(world: World) -> None:
    name = world.processing_job(
        "import time; time.sleep(600)", StoppingCondition={"MaxRuntimeInSeconds": 1}
    )
    job = world.ended_processing(name)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds" in job["ExitMessage"]


def test_what_is_not_performed_is_refused_by_name(world: World) -> None:
    piped = source("data", world.uri("in"))
    piped["S3Input"]["S3InputMode"] = "Pipe"
    with pytest.raises(ClientError, match=r"ProcessingInputs\[data\]\.S3InputMode Pipe"):
        world.processing_job("", inputs=[piped])
    outside = source("data", world.uri("in"))
    outside["S3Input"]["LocalPath"] = "/opt/ml/processing/../../etc"
    with pytest.raises(ClientError, match="must lie below /opt/ml/processing/"):
        world.processing_job("", inputs=[outside])


def training_job(world: World, script: str | None, **more: Any) -> str:
    name = unique("train")
    hyperparameters = {"max_depth": "5", "k": "v"}
    if script is not None:
        archive = world.put(f"source/{name}.tar.gz", tar_gz({"train.py": script}))
        hyperparameters |= {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": archive,
        }
    world.put("train/data.txt", "1 2 3")
    world.sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "auc", "Regex": "auc=([0-9.]+);"}],
        },
        HyperParameters=hyperparameters,
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": world.uri("train/")}
                },
            }
        ],
        OutputDataConfig={"S3OutputPath": world.uri("models")},
        ResourceConfig=CLUSTER["ClusterConfig"],
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        **more,
    )
    return name


def test_training_in_script_mode_makes_a_model(world: World) -> None:
    name = training_job(world, TRAIN)
    job = world.ended_training(name)
    assert job["TrainingJobStatus"] == "Completed", job
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert artifact == world.uri(f"models/{name}/output/model.tar.gz")
    body = world.read(f"models/{name}/output/model.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.getnames() == ["model.txt"]
        assert archive.extractfile("model.txt").read() == b"3 v"
    assert world.read(f"models/{name}/output/output.tar.gz")
    (metric,) = job["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("auc", 0.875)
    statuses = [each["Status"] for each in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["BillableTimeInSeconds"] >= 1
    again = world.ended_training(training_job(world, TRAIN))["ModelArtifacts"]["S3ModelArtifacts"]
    key = again.removeprefix(f"s3://{world.bucket}/")
    assert world.read(key) == body, "equal models must make equal archives"


def test_the_failure_file_is_the_failure_reason(world: World) -> None:
    script = """
import os, pathlib, sys
pathlib.Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("too few rows")
sys.exit(3)
"""
    job = world.ended_training(training_job(world, script))
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: too few rows, exit code: 3"


def test_an_image_alone_is_not_pretended_to_run(world: World) -> None:
    job = world.ended_training(training_job(world, None))
    assert job["TrainingJobStatus"] == "Failed"
    assert "containers do not run" in job["FailureReason"]
