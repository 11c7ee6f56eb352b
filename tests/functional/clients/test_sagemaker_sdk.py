"""The sagemaker SDK, unchanged: its Pipeline and FeatureGroup objects, each in a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.localaws.sagemaker_world import INFERENCE, tar_gz

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

HERE = Path(__file__).parent
JUDGE = """
import json, sys, time
path, score = sys.argv[1], float(sys.argv[2])
if score > 1:
    time.sleep(120)
with open(path, "w") as report:
    json.dump({"score": score}, report)
"""
TRAIN = f'''
import json, os, pathlib
report = json.loads(pathlib.Path(os.environ["SM_CHANNEL_REPORT"], "report.json").read_text())
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
(model / "factor.txt").write_text(str(report["score"]))
(model / "code").mkdir()
(model / "code" / "inference.py").write_text("""{INFERENCE}""")
'''


def told(script: str, environment: dict[str, str], *arguments: str) -> Any:
    """Run a script as a user of the SDK does, and return the JSON it printed.

    The SDK reports each call to its makers unless a configuration forbids it, and having one costs
    it 0.2 s at every look. No https leaves this process instead: its proxy is a closed port.
    """
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        env=os.environ | environment | {
            "SAGEMAKER_VALIDATE_ROLE": "false",  # iam:SimulatePrincipalPolicy is not performed
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
        },
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def pipeline(environment: dict[str, str], aws: EmbeddedAws, bucket: str) -> Any:
    s3, group = aws.client("s3"), f"sdk-{uuid.uuid4().hex[:8]}"
    s3.put_object(Bucket=bucket, Key="code/judge.py", Body=JUDGE)
    s3.put_object(Bucket=bucket, Key="code/sourcedir.tar.gz", Body=tar_gz({"train.py": TRAIN}))
    aws.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    return told("sagemaker_sdk_pipeline.py", environment, bucket, group)


def test_a_pipeline_is_made_once_and_then_changed(pipeline: Any) -> None:
    assert pipeline["created twice"] == "ValidationException"
    assert (pipeline["described"], pipeline["updated"]) == ("second", "third")
    assert pipeline["definition"] is True
    assert pipeline["tags"] == [{"Key": "k", "Value": "v"}]
    assert pipeline["without its parameter"] == "ValidationException"


def test_a_good_score_is_trained_and_registered(pipeline: Any) -> None:
    good = pipeline["good"]
    assert good["status"] == "Succeeded"
    assert {name: step["status"] for name, step in good["steps"].items()} == {
        "Judge": "Succeeded", "Gate": "Succeeded", "Train": "Succeeded",
        "Register": "Succeeded",
    }  # fmt: skip
    assert {"Name": "Score", "Value": "0.75"} in good["parameters"]
    assert pipeline["packages"] == 1


def test_a_low_score_fails_with_its_message(pipeline: Any) -> None:
    low = pipeline["low"]
    assert (pipeline["low waited"], low["status"]) == ("WaiterError", "Failed")
    assert low["steps"]["Refuse"]["status"] == "Failed"
    assert "score 0.25 is low" in low["steps"]["Refuse"]["why"]
    assert "Train" not in low["steps"]


def test_a_stopped_execution_stops(pipeline: Any) -> None:
    # The SDK's own wait() knows only Succeeded and Failed, and gives up.
    assert pipeline["stop waited"] == "WaiterError"
    assert pipeline["stopped"] == "Stopped"
    assert pipeline["executions"] == ["Failed", "Stopped", "Succeeded"]


def test_a_deleted_pipeline_is_gone(pipeline: Any) -> None:
    assert pipeline["after delete"] == "ResourceNotFound"


@pytest.fixture(scope="module")
def features(environment: dict[str, str], aws: EmbeddedAws, bucket: str) -> Any:
    return told("sagemaker_sdk_features.py", environment, bucket)


def test_a_frame_becomes_a_feature_group(features: Any) -> None:
    assert features["definitions"] == {"id": "String", "at": "Fractional", "n": "Integral"}
    assert features["status"] == "Created"
    assert features["failed rows"] == []
    assert (features["seventh"]["id"], features["seventh"]["n"]) == ("r7", "7")
    assert features["put"]["n"] == "70"


def test_the_offline_store_has_every_record_and_its_history(features: Any) -> None:
    rows = sorted((row["id"], row["n"]) for row in features["offline"])
    assert rows == sorted([(f"r{index}", index) for index in range(20)] + [("r7", 70)])
    assert not any(row["is_deleted"] for row in features["offline"])


def test_a_feature_group_grows_and_goes(features: Any) -> None:
    assert features["features"] == ["id", "at", "n", "more"]
    assert len(features["listed"]) == 1
    assert features["after delete"] == "ResourceNotFound"


def test_an_iceberg_group_and_its_tables_properties(
    environment: dict[str, str], bucket: str
) -> None:
    """The SDK looks after the table by pyiceberg, whose S3 client must be told the endpoint."""
    endpoint = {"PYICEBERG_CATALOG__GLUE__S3__ENDPOINT": environment["AWS_ENDPOINT_URL"]}
    seen = told("sagemaker_sdk_iceberg.py", environment | endpoint, bucket)
    assert seen["created with"]["write.target-file-size-bytes"] == "268435456"
    assert seen["failed rows"] == []
    assert [(row["id"], row["n"]) for row in seen["offline"]] == [
        (f"r{index}", index) for index in range(20)
    ]
    assert seen["updated to"]["history.expire.max-snapshot-age-ms"] == "86400000"
