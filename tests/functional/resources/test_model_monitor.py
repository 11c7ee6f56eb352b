"""Model Monitor over the wire: a schedule that really runs, what it finds, and a baseline's way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from decisions.baseline import Baseline, CategoricalBaseline, NumericBaseline
from decisions.model_monitor.exporting import constraints_of, statistics_of
from decisions.model_monitor.files import read, write
from decisions.model_monitor.shapes import Constraints, Statistics, Violation, Violations
from orchestration.baselines import Files, bring_in, take_out, undo
from resources.baseline_overrides import BaselineOverrides, baseline_uri
from resources.errors import Missing, Terminal
from resources.serving import champion_of
from sensors.drift_reports import compared_with
from sensors.model_monitor import model_monitor_reports
from tests.functional.localaws.roles import EVERYTHING, allow, ensure_role, policy, trust
from usecases.declaration import load_use_cases, use_case_roots
from usecases.fields import ModelMonitorSource

if TYPE_CHECKING:
    from pathlib import Path

    from orchestration.environments import Environment
    from resources.model_monitor import ModelMonitor
    from resources.platform import Platform
    from usecases.declaration import UseCase

#: A container of one's own, by AWS's contract: it finds everything through its environment.
ANALYZE = """
import csv, json, os, pathlib, sys
source, output = os.environ["dataset_source"], pathlib.Path(os.environ["output_path"])
statistics = json.loads(pathlib.Path(os.environ["baseline_statistics"]).read_text())
assert os.environ["start_time"] < os.environ["end_time"], os.environ
assert json.loads(os.environ["dataset_format"]) == {"Csv": {"Header": True}}
rows = list(csv.DictReader(pathlib.Path(source, "rows.csv").open()))
found = []
for feature in statistics["features"]:
    name, before = feature["name"], feature["numerical_statistics"]
    now = sum(float(row[name]) for row in rows) / len(rows)
    if abs(now - before["mean"]) > 2 * before["std_dev"]:
        found.append({
            "feature_name": name, "constraint_check_type": "baseline_drift_check",
            "description": f"Mean {now} against {before['mean']}."})
message = "Completed: Job completed successfully with no violations."
if found:
    (output / "constraint_violations.json").write_text(json.dumps({"violations": found}))
    message = f"CompletedWithViolations: {len(found)} violation(s)."
pathlib.Path(sys.argv[1]).write_text(message)
"""


def before() -> Baseline:
    ages = NumericBaseline(
        edges=(25.0, 35.0), counts=(2, 4, 2), missing=0, rows=8,
        minimum=20.0, maximum=40.0, total=240.0, squares=7500.0,
    )  # fmt: skip
    return Baseline(
        features={"people.age": ages},
        window_from=datetime.fromisoformat("2026-01-01"),
        window_through=datetime.fromisoformat("2026-02-01"),
    )


@pytest.fixture(scope="session")
def bucket(environment: Environment, platform: Platform) -> str:
    """A bucket of the account that serves; its policy lets the orchestrator read."""
    name = f"monitor-{uuid.uuid4().hex[:8]}"
    s3 = environment.admin_client("s3", "prod")
    s3.create_bucket(Bucket=name)
    who = f"arn:aws:iam::{environment.accounts['prod']}:role/perennial-orchestrator"
    places = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    grant = allow(["s3:GetObject", "s3:ListBucket"], places, Principal={"AWS": who})
    s3.put_bucket_policy(Bucket=name, Policy=policy(grant))
    s3.put_object(Bucket=name, Key="data/analyze.py", Body=ANALYZE)
    s3.put_object(
        Bucket=name, Key="baseline/statistics.json", Body=write(statistics_of(before(), "people"))
    )
    s3.put_object(
        Bucket=name, Key="baseline/constraints.json", Body=write(constraints_of(before(), "people"))
    )
    return name


def schedule(environment: Environment, bucket: str, **change: Any) -> dict[str, Any]:
    """A request for a schedule that runs once, now."""
    role = ensure_role(
        environment.admin_client("iam", "prod"), "monitors", trust("sagemaker"), may=EVERYTHING
    )
    definition = {
        "BaselineConfig": {
            "StatisticsResource": {"S3Uri": f"s3://{bucket}/baseline/statistics.json"},
            "ConstraintsResource": {"S3Uri": f"s3://{bucket}/baseline/constraints.json"},
        },
        "MonitoringInputs": [
            {
                "BatchTransformInput": {
                    "DataCapturedDestinationS3Uri": f"s3://{bucket}/data",
                    "DatasetFormat": {"Csv": {"Header": True}},
                    "LocalPath": "/opt/ml/processing/data",
                }
            }
        ],
        "MonitoringOutputConfig": {
            "MonitoringOutputs": [
                {
                    "S3Output": {
                        "S3Uri": f"s3://{bucket}/reports/{uuid.uuid4().hex[:6]}",
                        "LocalPath": "/opt/ml/processing/result",
                    }
                }
            ]
        },
        "MonitoringResources": {
            "ClusterConfig": {
                "InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5,
            }
        },
        "MonitoringAppSpecification": {
            "ImageUri": "555555555555.dkr.ecr.us-east-1.amazonaws.com/monitor:1",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/data/analyze.py"],
            "ContainerArguments": ["/opt/ml/output/message"],
        },
        "RoleArn": role,
    }  # fmt: skip
    return {
        "MonitoringScheduleName": f"hourly-{uuid.uuid4().hex[:8]}",
        "MonitoringScheduleConfig": {
            "ScheduleConfig": {"ScheduleExpression": "NOW"},
            "MonitoringType": "DataQuality",
            "MonitoringJobDefinition": {**definition, **change},
        },
    }


def ended(monitor: ModelMonitor, name: str) -> Any:
    until = time.monotonic() + 60
    while (found := monitor.newest_ended(name)) is None:
        assert time.monotonic() < until
        time.sleep(0.1)
    return found


def run(environment: Environment, bucket: str, ages: list[float], **change: Any) -> str:
    body = "age\n" + "".join(f"{age}\n" for age in ages)
    environment.admin_client("s3", "prod").put_object(Bucket=bucket, Key="data/rows.csv", Body=body)
    request = schedule(environment, bucket, **change)
    environment.admin_client("sagemaker", "prod").create_monitoring_schedule(**request)
    return str(request["MonitoringScheduleName"])


@pytest.fixture
def use_case() -> UseCase:
    (found,) = [each for each in load_use_cases(*use_case_roots({})) if each.name == "flight_delay"]
    return found


def watching(use_case: UseCase, name: str) -> UseCase:
    monitors = use_case.monitors.model_copy(
        update={"model_monitor": ModelMonitorSource(schedule=name)}
    )
    return use_case.model_copy(update={"monitors": monitors})


def test_a_drift_that_a_schedule_finds_reaches_the_governor(
    environment: Environment, platform: Platform, bucket: str, use_case: UseCase
) -> None:
    name = run(environment, bucket, [70.0, 71.0])
    last = ended(platform.model_monitor, name)
    assert last.status == "CompletedWithViolations"
    assert last.why == "CompletedWithViolations: 1 violation(s)."
    drift, quality = model_monitor_reports(platform, watching(use_case, name))
    assert (drift.verdict, quality.verdict) == ("drifted", "stable")
    assert "age (baseline_drift_check): Mean 70.5 against 30.0" in drift.why
    assert drift.window_through is not None
    assert abs((datetime.now(UTC).replace(tzinfo=None) - drift.window_through).seconds) < 120
    assert model_monitor_reports(platform, use_case) == ()


def test_nothing_found_a_failure_and_a_stop_are_told_apart(
    environment: Environment, platform: Platform, bucket: str, use_case: UseCase
) -> None:
    sagemaker = environment.admin_client("sagemaker", "prod")
    sound = run(environment, bucket, [29.0, 31.0])
    ended(platform.model_monitor, sound)
    assert {
        each.verdict for each in model_monitor_reports(platform, watching(use_case, sound))
    } == {"stable"}
    failing = run(
        environment, bucket, [1.0],
        MonitoringAppSpecification={
            "ImageUri": "i", "ContainerEntrypoint": ["python3", "-c", "raise SystemExit('no rows')"]
        },
    )  # fmt: skip
    assert ended(platform.model_monitor, failing).status == "Failed"
    for report in model_monitor_reports(platform, watching(use_case, failing)):
        assert report.verdict == "cannot_tell"
        assert "no rows" in report.why
    sagemaker.stop_monitoring_schedule(MonitoringScheduleName=sound)
    for report in model_monitor_reports(platform, watching(use_case, sound)):
        assert report.verdict == "cannot_tell"
        assert "is Stopped" in report.why
    with pytest.raises(Missing):
        model_monitor_reports(platform, watching(use_case, "never-made"))


def test_schedules_are_listed_described_and_deleted(
    environment: Environment, platform: Platform, bucket: str
) -> None:
    sagemaker = environment.admin_client("sagemaker", "prod")
    name = run(environment, bucket, [30.0])
    ended(platform.model_monitor, name)
    found = sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)
    assert found["LastMonitoringExecutionSummary"]["MonitoringExecutionStatus"] == "Completed"
    with pytest.raises(ClientError, match="ResourceInUse"):
        sagemaker.create_monitoring_schedule(
            **{**schedule(environment, bucket), "MonitoringScheduleName": name}
        )
    (one,) = sagemaker.list_monitoring_schedules(NameContains=name)["MonitoringScheduleSummaries"]
    assert one["MonitoringScheduleArn"] == found["MonitoringScheduleArn"]
    newest = sagemaker.list_monitoring_executions(MaxResults=1)
    assert newest["MonitoringExecutionSummaries"][0]["MonitoringScheduleName"] == name
    sagemaker.delete_monitoring_schedule(MonitoringScheduleName=name)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"MonitoringAppSpecification": {"ImageUri": "aws/analyzer"}}, "own analyzer"),
        (
            {"MonitoringInputs": [{"EndpointInput": {"EndpointName": "e", "LocalPath": "/x"}}]},
            "EndpointInput",
        ),
        (
            {
                "MonitoringOutputConfig": {
                    "MonitoringOutputs": [
                        {"S3Output": {"S3Uri": "s3://bucket/reports", "LocalPath": "/elsewhere"}}
                    ]
                }
            },
            "must lie below /opt/ml/processing",
        ),
    ],
)
def test_what_cannot_run_here_is_refused_at_once(
    environment: Environment, bucket: str, change: dict[str, Any], said: str
) -> None:
    sagemaker = environment.admin_client("sagemaker", "prod")
    request = schedule(environment, bucket, **change)
    with pytest.raises(ClientError, match=said):
        sagemaker.create_monitoring_schedule(**request)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sagemaker.describe_monitoring_schedule(
            MonitoringScheduleName=request["MonitoringScheduleName"]
        )
    hourly = schedule(environment, bucket)
    hourly["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"] = "cron(0 * ? * * *)"
    with pytest.raises(ClientError, match="periodic"):
        sagemaker.create_monitoring_schedule(**hourly)


@pytest.fixture(scope="session")
def imported(environment: Environment, platform: Platform) -> UseCase:
    """A use case with a champion that says only where its own baseline is."""
    (base,) = [each for each in load_use_cases(*use_case_roots({})) if each.name == "flight_delay"]
    use_case = base.model_copy(update={"name": "monitored_delay"})
    assets = environment.admin_client("sagemaker", "assets")
    group = platform.names.package_group_arn(use_case.name).rpartition("/")[2]
    assets.create_model_package_group(ModelPackageGroupName=group)
    own = f"baselines/{use_case.name}/own.json"
    platform.artifacts.put(own, before().model_dump_json().encode())
    platform.artifacts.put("m.tar.gz", b"a model")
    assets.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties={
            "gates": "passed",
            "model_sha256": "0" * 64,
            "drift_baseline_uri": platform.artifacts.uri(own),
            "trained_from": "2013-01-01T00:00:00",
            "trained_through": "2013-03-01T00:00:00",
        },
        InferenceSpecification={
            "Containers": [{"Image": "i", "ModelDataUrl": platform.artifacts.uri("m.tar.gz")}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )
    return use_case


def flights() -> Baseline:
    """A baseline of two columns that flight_delay really watches."""
    carrier = CategoricalBaseline(values={"AA": 3, "UA": 5}, other=0, missing=0, rows=8)
    distance = before().features["people.age"]
    return Baseline(
        features={"flights.carrier": carrier, "flights.distance": distance},
        window_from=datetime.fromisoformat("2013-01-01"),
        window_through=datetime.fromisoformat("2013-03-01"),
    )


def test_an_imported_baseline_is_compared_with_until_it_is_undone(
    environment: Environment, platform: Platform, imported: UseCase, bucket: str, tmp_path: Path
) -> None:
    s3 = environment.admin_client("s3", "prod")
    s3.put_object(
        Bucket=bucket, Key="old/statistics.json", Body=write(statistics_of(flights(), "flights"))
    )
    uri = f"s3://{bucket}/old/statistics.json"
    watched = imported.monitors.drift.tables["flights"]
    assert {"carrier", "distance"} <= set(watched), "the test's columns are watched"
    found, override = bring_in(platform, imported, [Files(uri)], by="tester")
    assert found.baseline == flights()
    assert set(found.left_out) == {
        f"{table}.{column}"
        for table, columns in imported.monitors.drift.tables.items()
        for column in columns
    } - set(flights().features)
    own = platform.artifacts.uri(f"baselines/{imported.name}/own.json")
    champion = champion_of(platform.registry(imported.name).packages())
    assert compared_with(platform, imported, champion) == override.uri  # as the drift sensor asks
    assert baseline_uri(platform.artifacts, imported.name, 2, own) == own  # the next brings its own
    stored = Baseline.model_validate_json(platform.artifacts.read_uri(override.uri))
    assert stored == flights()
    bring_in(platform, imported, [Files(f"flights={uri}")], by="tester")  # the same: no second step
    (statistics, constraints) = take_out(platform, imported, tmp_path)
    whole = statistics_of(flights(), "flights", integral={"flights.distance"})
    assert read(Statistics, statistics.read_text(), "s") == whole
    assert read(Constraints, constraints.read_text(), "c").features[0].name == "carrier"
    gone, now = undo(platform, imported)
    assert (gone.uri, now) == (override.uri, own)
    assert compared_with(platform, imported, champion) == own
    with pytest.raises(Terminal, match="nothing to undo"):
        undo(platform, imported)


def test_a_bad_file_changes_nothing(
    environment: Environment, platform: Platform, imported: UseCase, bucket: str, tmp_path: Path
) -> None:
    torn = tmp_path / "statistics.json"
    torn.write_text(write(statistics_of(flights(), "flights"))[:200])
    with pytest.raises(Terminal, match=r"statistics.json is no JSON .*cut off"):
        bring_in(platform, imported, [Files(str(torn))], by="tester")
    with pytest.raises(Terminal, match="cannot be read: No such file"):
        bring_in(platform, imported, [Files(str(tmp_path / "none.json"))], by="tester")
    with pytest.raises(Missing, match=r"nowhere\.json does not exist"):
        bring_in(platform, imported, [Files(f"s3://{bucket}/nowhere.json")], by="tester")
    with pytest.raises(Terminal, match="not one watched column"):
        bring_in(
            platform, imported, [Files(f"s3://{bucket}/baseline/statistics.json")], by="tester"
        )
    assert BaselineOverrides(platform.artifacts, imported.name).of(1) is None
    platform.artifacts.put(f"baselines/{imported.name}/overrides.json", b'[{"uri": "x"}]')
    with pytest.raises(Terminal, match=r"is no list of baseline overrides; .*Mend it, or delete"):
        baseline_uri(platform.artifacts, imported.name, 1, None)
    platform.artifacts.delete_prefix(f"baselines/{imported.name}/overrides.json")


def test_sagemakers_own_classes_read_what_is_written(
    environment: Environment, platform: Platform, bucket: str
) -> None:
    broken = Violations(
        violations=(Violation(feature_name="age", constraint_check_type="data_type_check"),)
    )
    environment.admin_client("s3", "prod").put_object(
        Bucket=bucket, Key="baseline/constraint_violations.json", Body=write(broken)
    )
    # Importing the SDK changes logging and boto3's default session: not in this process.
    script = """
import json, sys
import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.model_monitor.monitoring_files import (
    Constraints, ConstraintViolations, Statistics)
session = Session(boto_session=boto3.Session(), default_bucket=sys.argv[1])
kinds = {"statistics": Statistics, "constraints": Constraints,
         "constraint_violations": ConstraintViolations}
found = {name: kind.from_s3_uri(f"s3://{sys.argv[1]}/baseline/{name}.json",
                                sagemaker_session=session) for name, kind in kinds.items()}
found["constraints"].set_monitoring(enable_monitoring=False)
found["constraints"].set_monitoring(enable_monitoring=False, feature_name="age")
print(json.dumps({name: each.body_dict for name, each in found.items()}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, bucket],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "AWS_ENDPOINT_URL": environment.aws.endpoint_url or "",
            "AWS_DEFAULT_REGION": environment.aws.region,
            "AWS_ACCESS_KEY_ID": f"LOCALAWS{environment.accounts['prod']}",
            "AWS_SECRET_ACCESS_KEY": "unchecked",
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["statistics"] == json.loads(write(statistics_of(before(), "people")))
    assert found["constraint_violations"] == json.loads(write(broken))
    assert found["constraints"]["monitoring_config"]["evaluate_constraints"] == "Disabled"
    assert found["constraints"]["features"][0]["completeness"] == 1.0
