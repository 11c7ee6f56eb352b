"""The release pipeline as data."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest

from localaws.services.codebuild import buildspec
from localaws.services.codepipeline import declaration
from pipelines.release import (
    Fleet,
    ReleaseStage,
    codebuild_projects,
    release_pipeline_definition,
    source_bundle,
    source_sha256,
)
from pipelines.release.bundle import order, smoke
from pipelines.release.definition import VARIABLES, Capture


def definition(*, approval: bool = True) -> dict:
    accounts = {"dev": "2" * 12, "staging": "3" * 12, "prod": "4" * 12}
    return release_pipeline_definition(
        name="flight-delay-release",
        role_arn="arn:aws:iam::555555555555:role/perennial-codepipeline",
        artifact_bucket="perennial-artifacts-555555555555-us-east-1",
        source_key="releases/flight-delay/source.zip",
        stages=[
            ReleaseStage(
                name,
                account,
                f"arn:aws:iam::{account}:role/perennial-sagemaker",
                f"arn:aws:iam::{account}:role/perennial-deploy",
                approval=approval and name == "prod",
                capture=Capture(
                    f"s3://perennial-captures-{account}-ap-southeast-1/" + "a" * 48, 100
                ),
            )
            for name, account in accounts.items()
        ],
        fleet=Fleet("ml.m5.xlarge", 2),
    )


def actions(pipeline: dict) -> dict[str, list[str]]:
    return {
        stage["name"]: [
            action["name"] for action in sorted(stage["actions"], key=lambda a: a["runOrder"])
        ]
        for stage in pipeline["stages"]
    }


def test_each_stage_deploys_and_then_asks() -> None:
    assert actions(definition()) == {
        "Source": ["Source"],
        "Dev": ["Deploy", "Smoke"],
        "Staging": ["Deploy", "Smoke"],
        "Prod": ["Approve", "Deploy", "Smoke"],
    }
    assert actions(definition(approval=False))["Prod"] == ["Deploy", "Smoke"]


def test_codepipeline_would_take_it() -> None:
    # The embedded service checks as AWS does, the limit of 1000 characters included.
    pipeline = definition()
    declaration.check(declaration.normalized(pipeline))
    assert declaration.normalized(pipeline) == pipeline


def test_no_value_can_be_left_out_of_a_start() -> None:
    declared = definition()["variables"]
    assert {variable["name"] for variable in declared} == set(VARIABLES)
    assert not any("defaultValue" in variable for variable in declared)
    used = set(re.findall(r"#\{variables\.(\w+)\}", json.dumps(definition())))
    assert used == set(VARIABLES)


def test_every_variable_the_scripts_read_is_given() -> None:
    with zipfile.ZipFile(io.BytesIO(source_bundle())) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    read = {
        script: set(re.findall(r'required\(\w+(?:\.environ)?, "(\w+)"\)', texts[script]))
        for script in ("bundle/order.py", "bundle/deploy.py", "bundle/smoke.py")
    }
    for stage in definition()["stages"][1:]:
        given = {
            action["name"]: {
                pair["name"] for pair in json.loads(action["configuration"]["EnvironmentVariables"])
            }
            for action in stage["actions"]
            if action["name"] != "Approve"
        }
        assert given["Deploy"] == read["bundle/order.py"] | read["bundle/deploy.py"]
        assert given["Smoke"] == read["bundle/order.py"] | read["bundle/smoke.py"]


def test_the_source_is_the_same_bytes_every_time_and_complete() -> None:
    assert source_bundle() == source_bundle()
    assert len(source_sha256()) == 64
    with zipfile.ZipFile(io.BytesIO(source_bundle())) as archive:
        names = set(archive.namelist())
        for project in codebuild_projects(role_arn="arn:aws:iam::555555555555:role/b"):
            path = project["source"]["buildspec"]
            spec = buildspec.parse(archive.read(path).decode())
            for command in spec.phases["build"].commands:
                for module in re.findall(r"-m (\S+)", command):
                    assert module.replace(".", "/") + ".py" in names


@pytest.mark.parametrize(
    ("answered", "expected", "agree"),
    [
        ([0.5, 0.25], [0.5, 0.25], True),
        ([0.5 + 9e-7], [0.5], True),
        ([0.5 + 2e-6], [0.5], False),
        ([0.5], [0.5, 0.25], False),
        ([float("nan")], [0.5], False),
        ([0.5], [float("nan")], False),
    ],
)
def test_predictions_agree_within_the_tolerance_or_the_release_ends(
    answered: list[float],
    expected: list[float],
    *,
    agree: bool,
) -> None:
    if agree:
        smoke.compare(answered, expected)
    else:
        with pytest.raises(order.Refused):
            smoke.compare(answered, expected)
