"""CodeBuild over HTTP: what a buildspec says is really done, and what goes wrong is said."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.code_world import ASSETS, BUCKET, World

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws


@pytest.fixture(scope="module")
def world(aws: EmbeddedAws) -> World:
    world = World(aws.endpoint_url)
    world.prepare()
    return world


def buildspec(build: list[str], **more: Any) -> str:
    import yaml

    return yaml.safe_dump({"version": 0.2, "phases": {"build": {"commands": build}}} | more)


def phase(build: dict[str, Any], name: str) -> dict[str, Any]:
    return next(p for p in build["phases"] if p["phaseType"] == name)


def test_environment_and_folder_carry_over_between_phases(world: World) -> None:
    text = """
version: 0.2
env:
  variables: {GREETING: hello}
  exported-variables: [RESULT, WHO]
phases:
  pre_build:
    commands:
      - NAME=world
      - mkdir below && cd below
  build:
    commands:
      - RESULT="$GREETING $NAME from $(basename $PWD), $GIVEN"
      - WHO=$(python3 -c 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])')
"""
    world.create_project("carry", text, "NO_SOURCE")
    build = world.build(
        "carry", environmentVariablesOverride=[{"name": "GIVEN", "value": "given 'at' start"}]
    )
    assert build["buildStatus"] == "SUCCEEDED", build["phases"]
    exported = {v["name"]: v["value"] for v in build["exportedEnvironmentVariables"]}
    assert exported["RESULT"] == "hello world from below, given 'at' start"
    assert exported["WHO"].startswith(f"arn:aws:sts::{ASSETS}:assumed-role/code-world-build/")


def test_a_failing_command_is_named_and_its_output_shown(world: World) -> None:
    world.create_project(
        "failing",
        buildspec(["echo fine", "echo 'disk is full' >&2; exit 7", "echo never"]),
        "NO_SOURCE",
    )
    build = world.build("failing")
    assert build["buildStatus"] == "FAILED"
    message = phase(build, "BUILD")["contexts"][0]["message"]
    assert "exit 7" in message
    assert "exit status 7" in message
    assert message.endswith("disk is full")
    log = world.client("logs").get_log_events(
        logGroupName="/aws/codebuild/failing", logStreamName=build["id"].split(":")[1]
    )
    lines = [event["message"] for event in log["events"]]
    assert "fine" in lines
    assert "never" not in lines


def test_source_and_artifacts_go_through_s3(world: World) -> None:
    world.put_source(
        {
            "buildspec.yml": buildspec(
                ["python make.py > out/answer.txt"], artifacts={"files": ["out/*"]}
            ),
            "make.py": "print(6 * 7)",
            "out/kept": "",
        }
    )
    world.client("codebuild").create_project(
        name="zips",
        source={"type": "S3", "location": f"{BUCKET}/source.zip"},
        artifacts={"type": "S3", "location": BUCKET, "name": "result.zip", "packaging": "ZIP"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=f"arn:aws:iam::{ASSETS}:role/code-world-build",
    )
    build = world.build("zips")
    assert build["buildStatus"] == "SUCCEEDED", build["phases"]
    import io
    import zipfile

    body = world.client("s3").get_object(Bucket=BUCKET, Key="result.zip")["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.read("out/answer.txt") == b"42\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 0.2\nphases:\n  build:\n    commands: ['echo a: b', echo a: b]\n", "quotes"),
        ("version: 0.1\nphases: {}\n", "version"),
        ("version: 0.2\nreports: {a: b}\nphases:\n  build: {commands: ['true']}\n", "reports"),
    ],
)
def test_a_buildspec_that_cannot_be_performed_fails_the_build(
    world: World, text: str, expected: str
) -> None:
    build = _build_inline(world, text)
    assert build["buildStatus"] == "FAILED"
    context = phase(build, "DOWNLOAD_SOURCE")["contexts"][0]
    assert context["statusCode"] == "YAML_FILE_ERROR"
    assert expected in context["message"]


def _build_inline(world: World, text: str, **request: Any) -> dict[str, Any]:
    names = world.client("codebuild").list_projects()["projects"]
    if "inline" not in names:
        world.create_project("inline", buildspec(["true"]), "NO_SOURCE")
    return world.build("inline", buildspecOverride=text, **request)


def test_without_its_role_a_build_fails_saying_so(world: World) -> None:
    role = f"arn:aws:iam::{ASSETS}:role/nobody"
    build = _build_inline(world, buildspec(["true"]), serviceRoleOverride=role)
    assert build["buildStatus"] == "FAILED"
    assert role in phase(build, "PROVISIONING")["contexts"][0]["message"]


def test_stop_kills_the_command(world: World) -> None:
    world.create_project("slow", buildspec(["sleep 600"]), "NO_SOURCE")
    codebuild = world.client("codebuild")
    build_id = codebuild.start_build(projectName="slow")["build"]["id"]
    began = time.monotonic()
    stopped = codebuild.stop_build(id=build_id)["build"]
    assert stopped["buildStatus"] == "STOPPED"
    assert time.monotonic() - began < 10


def test_a_token_starts_one_build(world: World) -> None:
    world.create_project("once", buildspec(["true"]), "NO_SOURCE")
    codebuild = world.client("codebuild")
    ids = {
        codebuild.start_build(projectName="once", idempotencyToken="t")["build"]["id"]
        for _ in range(3)
    }
    assert len(ids) == 1
    with pytest.raises(ClientError, match="other parameters"):
        codebuild.start_build(
            projectName="once",
            idempotencyToken="t",
            environmentVariablesOverride=[{"name": "A", "value": "b"}],
        )
