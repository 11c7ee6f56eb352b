"""What jobs, builds and endpoints may not do here, and archives that are not let in."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from tests.functional.localaws import code_world
from tests.functional.localaws.sagemaker_world import (
    CLUSTER,
    IMAGE,
    ROLE,
    World,
    source,
    tar_gz,
    unique,
    until,
)

BUILDSPEC = "version: 0.2\nphases:\n  build:\n    commands: [cat link]\n"


@pytest.fixture(scope="module")
def world(aws: Any) -> World:
    return World(aws)


@pytest.fixture(scope="module")
def code(aws: Any) -> code_world.World:
    world = code_world.World(aws.endpoint_url)
    world.prepare()
    return world


def test_a_job_sees_nothing_of_the_server(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_CANARY", "seen")  # this process is the server
    script = (
        "import os\n"
        "print(sorted(os.environ)); print(os.getcwd()); print(os.listdir('/proc/self/fd'))\n"
    )
    job = world.ended_processing(world.processing_job(script))
    assert job["ProcessingJobStatus"] == "Completed", job
    names, folder, files = world.log(job["ProcessingJobName"]).splitlines()
    assert "PERENNIAL_CANARY" not in names
    assert job["ProcessingJobName"] in folder
    assert len(json.loads(files.replace("'", '"'))) == 4  # stdio, and the listing's own


def test_a_job_that_takes_too_much_memory_fails_and_says_so(world: World) -> None:
    name = world.processing_job("bytearray(16 * 1024**3)")
    job = world.ended_processing(name)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ")
    assert "MemoryError" in job["FailureReason"]


def test_a_command_that_is_not_there_is_the_jobs_own_fault(world: World) -> None:
    name = unique("job")
    world.sagemaker.create_processing_job(
        ProcessingJobName=name, RoleArn=ROLE, ProcessingResources=CLUSTER,
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["no-such-program"]},
    )  # fmt: skip
    job = world.ended_processing(name)
    assert job["FailureReason"].startswith("AlgorithmError: ")
    assert "no-such-program" in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 127")


def test_a_source_archive_that_climbs_is_not_extracted(world: World) -> None:
    bad = world.put("bad/sourcedir.tar.gz", tar_gz({"train.py": "", "../../escaped.py": ""}))
    parameters = {"sagemaker_program": "train.py", "sagemaker_submit_directory": bad}
    request = world.training_job("", HyperParameters=parameters)
    world.sagemaker.create_training_job(**request)
    job = world.ended_training(request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Failed"
    assert "plain relative name" in job["FailureReason"]
    assert not list(world.aws.context.state.rglob("escaped.py"))


def test_a_model_archive_that_climbs_is_not_served(world: World) -> None:
    bad = world.put("bad/model.tar.gz", tar_gz({"code/inference.py": "", "/escaped.py": ""}))
    name = unique("bad")
    config = world.configuration(world.container(bad))
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    endpoint = until(
        lambda: world.sagemaker.describe_endpoint(EndpointName=name),
        lambda found: found["EndpointStatus"] != "Creating",
    )
    assert endpoint["EndpointStatus"] == "Failed"
    assert "plain relative name" in endpoint["FailureReason"]


def test_a_source_zip_with_a_link_is_not_built(code: code_world.World) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("buildspec.yml", BUILDSPEC)
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    key = f"{unique('bad')}.zip"
    code.client("s3").put_object(Bucket=code_world.BUCKET, Key=key, Body=body.getvalue())
    name = unique("pipe")
    code.create_project(name, "buildspec.yml")
    origin = code_world.source_action()
    origin["configuration"]["S3ObjectKey"] = key
    code.client("codepipeline").create_pipeline(
        pipeline=code_world.pipeline(
            name, {"Source": [origin], "Build": [code_world.build_action("Build", name)]}
        )
    )
    start = code.client("codepipeline").start_pipeline_execution(name=name)
    code.execution(name, start["pipelineExecutionId"], "Failed")
    ids = code.client("codebuild").list_builds_for_project(projectName=name)["ids"]
    build = code.client("codebuild").batch_get_builds(ids=ids)["builds"][0]
    phases = {phase["phaseType"]: phase.get("phaseStatus") for phase in build["phases"]}
    assert phases["DOWNLOAD_SOURCE"] == "FAILED"
    assert "neither a file nor a folder" in json.dumps(build["phases"], default=str)


GREEDY = """
def model_fn(model_dir):
    return bytearray(16 * 1024**3)
"""


def test_a_model_that_takes_too_much_memory_does_not_come_into_service(world: World) -> None:
    name = unique("greedy")
    config = world.configuration(world.container(world.model_data("2", GREEDY)))
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    endpoint = until(
        lambda: world.sagemaker.describe_endpoint(EndpointName=name),
        lambda found: found["EndpointStatus"] != "Creating",
    )
    assert endpoint["EndpointStatus"] == "Failed"
    assert "MemoryError" in endpoint["FailureReason"]


def test_a_build_that_takes_too_much_memory_fails(code: code_world.World) -> None:
    name = unique("greedy")
    buildspec = BUILDSPEC.replace("cat link", "python -c 'bytearray(16 * 1024**3)'")
    code.create_project(name, buildspec, "NO_SOURCE")
    build = code.build(name)
    assert build["buildStatus"] == "FAILED"
    assert "MemoryError" in json.dumps(build["phases"], default=str)


def test_keys_that_cannot_be_files_fail_the_job_not_the_server(world: World) -> None:
    world.put("clash/a", "file")
    world.put("clash/a/b", "below it")
    job = world.ended_processing(
        world.processing_job("", inputs=[source("data", world.uri("clash/"))])
    )
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "file and folder at once" in job["FailureReason"]
