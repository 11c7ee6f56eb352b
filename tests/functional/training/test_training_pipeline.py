"""The compiled pipeline performed by the embedded AWS: real jobs, a real model, a real package."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest

from pipelines.templates.code_bundle import build_bundle
from pipelines.templates.compile import compile_definition
from pipelines.templates.request import CompileRequest
from tests.functional.localaws.roles import EVERYTHING, ensure_role, trust
from tests.unit.steps import world

if TYPE_CHECKING:
    from pathlib import Path

ROLE = "arn:aws:iam::111111111111:role/training-tests"
STEPS = ["Validate", "Prepare", "Train", "Evaluate", "Bias", "Judge", "Gate", "Register"]


class Factory:
    """Buckets, a package group and pipelines of this module's own."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.suffix = uuid.uuid4().hex[:8]
        self.sagemaker = aws.client("sagemaker")
        self.registry = aws.client("sagemaker", "assets")
        self.artifacts = self._bucket("assets", "artifacts")
        self.lake = self._bucket("experimentation", "lake")
        self.group_arn = self._group(f"flights-{self.suffix}")
        self.bundle = build_bundle()
        for key, body in self.bundle.objects():
            self.put(key, body)
        self.put("champions/none/none.json", b"{}")
        ensure_role(aws.client("iam"), "training-tests", trust("sagemaker"), may=EVERYTHING)

    def _bucket(self, account: str, stem: str) -> str:
        name = f"training-{stem}-{self.suffix}"
        self.aws.client("s3", account).create_bucket(Bucket=name)
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
                    "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
                    "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
                }
            ],
        }
        self.aws.client("s3", account).put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
        return name

    def _group(self, name: str) -> str:
        arn = self.registry.create_model_package_group(ModelPackageGroupName=name)[
            "ModelPackageGroupArn"
        ]
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
            "Action": ["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"],
            "Resource": [arn, f"{arn.replace('package-group', 'package')}/*"],
        }
        self.registry.put_model_package_group_policy(
            ModelPackageGroupName=name,
            ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        return arn

    def put(self, key: str, body: bytes) -> None:
        self.aws.client("s3", "assets").put_object(Bucket=self.artifacts, Key=key, Body=body)

    def read(self, uri: str) -> Any:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body = self.aws.client("s3", "assets").get_object(Bucket=bucket, Key=key)["Body"].read()
        return json.loads(body)

    def pipeline(self, **changes: Any) -> str:
        """Compile and create the pipeline for a configuration."""
        config = json.dumps(world.config(**changes), sort_keys=True).encode()
        digest = hashlib.sha256(config).hexdigest()
        self.put(f"configs/{digest}/config.json", config)
        name = f"train-{self.suffix}-{digest[:6]}"
        request = CompileRequest(
            pipeline_name=name,
            slug="flight-delay",
            region="us-east-1",
            role_arn=ROLE,
            artifact_bucket=self.artifacts,
            code_sha256=self.bundle.sha256,
            config_sha256=digest,
            package_group_arn=self.group_arn,
        )
        self.sagemaker.create_pipeline(
            PipelineName=name, PipelineDefinition=compile_definition(request), RoleArn=ROLE
        )
        return name

    def training_set(self, folder: Path, columns: dict[str, Any]) -> tuple[str, str]:
        """Upload a training set and give its address and digest."""
        digest = world.write_set(folder, columns)
        prefix = f"training-sets/flight_delay/{digest}"
        for path in folder.rglob("*"):
            if path.is_file():
                key = f"{prefix}/{path.relative_to(folder).as_posix()}"
                self.aws.client("s3").upload_file(str(path), self.lake, key)
        return f"s3://{self.lake}/{prefix}", digest

    def run(
        self,
        pipeline: str,
        training_set: tuple[str, str],
        champion: tuple[str, str] | None = None,
    ) -> dict[str, Any]:
        """Start an execution, wait for its end and describe it with its steps."""
        champion_uri, champion_arn = champion or (f"s3://{self.artifacts}/champions/none", "none")
        given = {
            "TrainingSetUri": training_set[0],
            "TrainingSetSha256": training_set[1],
            "ChampionUri": champion_uri,
            "ChampionPackageArn": champion_arn,
            "TrainedFrom": "2013-01-01T00:00:00",
            "TrainedThrough": "2013-01-31T00:00:00",
            "DriftBaselineUri": f"s3://{self.artifacts}/baselines/flight_delay/none.json",
            "Commit": "c0ffee",
            "DagsterRunId": "run-1",
        }
        arn = self.sagemaker.start_pipeline_execution(
            PipelineName=pipeline,
            ClientRequestToken=uuid.uuid4().hex,
            PipelineParameters=[{"Name": name, "Value": value} for name, value in given.items()],
        )["PipelineExecutionArn"]
        deadline = time.monotonic() + 120
        while True:
            found = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            if found["PipelineExecutionStatus"] not in {"Executing", "Stopping"}:
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)
        steps = self.sagemaker.list_pipeline_execution_steps(
            PipelineExecutionArn=arn, SortOrder="Ascending"
        )["PipelineExecutionSteps"]
        return found | {"Steps": {step["StepName"]: step for step in steps}}

    def packages(self) -> list[dict[str, Any]]:
        listed = self.registry.list_model_packages(ModelPackageGroupName=self.group_arn)
        return [
            self.registry.describe_model_package(ModelPackageName=each["ModelPackageArn"])
            for each in listed["ModelPackageSummaryList"]
        ]


@pytest.fixture(scope="module")
def factory(aws: Any) -> Factory:
    return Factory(aws)


@pytest.fixture(scope="module")
def pipeline(factory: Factory) -> str:
    return factory.pipeline()


@pytest.fixture(scope="module")
def trained(
    factory: Factory, pipeline: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first execution, and the package that it registered."""
    data = factory.training_set(tmp_path_factory.mktemp("set"), world.rows())
    execution = factory.run(pipeline, data)
    assert execution["PipelineExecutionStatus"] == "Succeeded", execution
    (package,) = factory.packages()
    return execution, package


def test_a_good_set_is_registered_in_the_assets_account(
    factory: Factory, trained: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    execution, package = trained
    assert set(execution["Steps"]) == set(STEPS)
    assert ":555555555555:" in package["ModelPackageArn"]
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    metadata = package["CustomerMetadataProperties"]
    execution_id = execution["PipelineExecutionArn"].rpartition("/")[2]
    run_uri = f"s3://{factory.artifacts}/runs/flight-delay/{execution_id}"
    assert metadata["run_uri"] == run_uri
    assert metadata["code_sha256"] == factory.bundle.sha256
    assert metadata["commit"] == "c0ffee"
    quality = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert quality == f"{run_uri}/evaluate/evaluation.json"
    evaluation, gates = factory.read(quality), factory.read(f"{run_uri}/judge/gate_report.json")
    assert gates["passed"] is True
    model_data = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    bucket, _, key = model_data.removeprefix("s3://").partition("/")
    body = factory.aws.client("s3", "assets").get_object(Bucket=bucket, Key=key)["Body"].read()
    digest = hashlib.sha256(body).hexdigest()
    assert gates["model_sha256"] == evaluation["model_sha256"] == digest


def test_training_metrics_are_read_from_the_log(
    factory: Factory, trained: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    arn = trained[0]["Steps"]["Train"]["Metadata"]["TrainingJob"]["Arn"]
    job = factory.sagemaker.describe_training_job(TrainingJobName=arn.rpartition("/")[2])
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert 0.6 < metrics["validation_auc"] < 1.0


def test_the_registered_model_answers_the_probe(
    factory: Factory, trained: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    package = trained[1]
    name = f"probe-{factory.suffix}"
    container = package["InferenceSpecification"]["Containers"][0]
    keys = ("Image", "ModelDataUrl", "Environment")
    factory.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={key: container[key] for key in keys},
    )
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.m5.large"}
    factory.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant | {"InitialInstanceCount": 1}]
    )
    factory.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    factory.sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    run_uri = package["CustomerMetadataProperties"]["run_uri"]
    probe = factory.read(f"{run_uri}/evaluate/probe.json")
    runtime = factory.aws.client("sagemaker-runtime")

    def ask(instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = runtime.invoke_endpoint(
            EndpointName=name,
            ContentType=probe["content_type"],
            Body=json.dumps({"instances": instances}),
        )
        return json.loads(answer["Body"].read())["predictions"]

    answers = [each["probability"] for each in ask(probe["instances"])]
    assert answers == pytest.approx(probe["expected"], abs=1e-6)
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        ask([{"carrier": "UA"}])
    assert refused.value.response["OriginalStatusCode"] == 400
    assert "lacks the feature 'hour'" in str(refused.value)
    factory.sagemaker.delete_endpoint(EndpointName=name)


def test_a_challenger_meets_the_champion_and_both_are_in_the_report(
    factory: Factory,
    pipeline: str,
    trained: tuple[dict[str, Any], dict[str, Any]],
    tmp_path: Path,
) -> None:
    champion = trained[1]
    container = champion["InferenceSpecification"]["Containers"][0]
    folder = container["ModelDataUrl"].removesuffix("/model.tar.gz")
    data = factory.training_set(tmp_path, world.rows(seed=3))
    execution = factory.run(pipeline, data, (folder, champion["ModelPackageArn"]))
    assert execution["PipelineExecutionStatus"] == "Succeeded", execution
    newest = max(factory.packages(), key=lambda package: package["ModelPackageVersion"])
    report = factory.read(newest["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])
    assert report["champion_package_arn"] == champion["ModelPackageArn"]
    assert report["champion"]["rows"] == report["challenger"]["rows"]


def test_a_single_class_label_fails_before_training(
    factory: Factory, pipeline: str, tmp_path: Path
) -> None:
    before = len(factory.packages())
    columns = world.rows() | {"arr_delayed": [0] * 3000}
    execution = factory.run(pipeline, factory.training_set(tmp_path, columns))
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "Train" not in execution["Steps"]
    reason = execution["Steps"]["Validate"]["FailureReason"]
    assert "label arr_delayed has a single class: 0 in every row" in reason
    assert "build the training set again" in reason
    assert len(factory.packages()) == before


def test_a_refused_model_is_not_registered(factory: Factory, tmp_path: Path) -> None:
    before = len(factory.packages())
    strict = factory.pipeline(gates=[{"gate": "performance", "minimum_auc": 0.99}])
    execution = factory.run(strict, factory.training_set(tmp_path, world.rows()))
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "Register" not in execution["Steps"]
    assert (
        "The gates refused this model; see s3://" in execution["Steps"]["Refuse"]["FailureReason"]
    )
    assert len(factory.packages()) == before
