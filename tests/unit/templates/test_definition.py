"""The compiled pipeline, against a committed definition. Refresh it on purpose:

PERENNIAL_REFRESH_GOLDEN=1 pytest tests/unit/templates
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.templates.compile import CompileError, compile_definition
from pipelines.templates.request import CompileRequest

GOLDEN = Path(__file__).parent / "golden" / "binary.json"
FIELDS: dict[str, Any] = {
    "pipeline_name": "flight-delay-train",
    "slug": "flight-delay",
    "region": "us-east-1",
    "role_arn": "arn:aws:iam::111111111111:role/perennial-sagemaker",
    "artifact_bucket": "perennial-artifacts-555555555555-us-east-1",
    "code_sha256": "a" * 64,
    "config_sha256": "b" * 64,
    "package_group_arn": "arn:aws:sagemaker:us-east-1:555555555555:model-package-group/f",
}


@pytest.fixture(scope="module")
def definition() -> str:
    return compile_definition(CompileRequest(**FIELDS))


def test_definition_is_the_committed_one(definition: str) -> None:
    """Also proves byte stability over processes: the committed one came from another."""
    if os.environ.get("PERENNIAL_REFRESH_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(definition)
    assert definition == GOLDEN.read_text()


def test_the_graph_is_wired_by_data(definition: str) -> None:
    steps = {step["Name"]: step for step in json.loads(definition)["Steps"]}
    assert list(steps) == ["Validate", "Prepare", "Train", "Evaluate", "Bias", "Judge", "Gate"]
    assert steps["Prepare"]["DependsOn"] == ["Validate"]
    assert "Steps.Prepare" in json.dumps(steps["Train"])
    for name in ("Evaluate", "Bias", "Judge"):
        assert "Steps.Train.ModelArtifacts.S3ModelArtifacts" in json.dumps(steps[name])
    assert "Steps.Evaluate" not in json.dumps(steps["Bias"])
    register = steps["Gate"]["Arguments"]["IfSteps"][0]["Arguments"]
    assert register["ModelApprovalStatus"] == "PendingManualApproval"
    assert register["ModelPackageGroupName"] == FIELDS["package_group_arn"]
    assert register["CustomerMetadataProperties"]["commit"] == {"Get": "Parameters.Commit"}


def test_a_template_that_fails_says_why() -> None:
    with pytest.raises(CompileError, match="nowhere"):
        compile_definition(CompileRequest(**FIELDS | {"region": "nowhere"}))


def test_the_hash_follows_what_the_definition_depends_on() -> None:
    request = CompileRequest(**FIELDS)
    assert request.inputs_sha256 == CompileRequest(**FIELDS).inputs_sha256
    other = CompileRequest(**FIELDS | {"code_sha256": "c" * 64})
    assert other.inputs_sha256 != request.inputs_sha256


def test_asking_for_the_hash_does_not_import_the_sdk() -> None:
    code = (
        "import sys; import pipelines.templates.compile, pipelines.templates.code_bundle;"
        "print({'sagemaker', 'boto3'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert done.stdout.strip() == "set()"
