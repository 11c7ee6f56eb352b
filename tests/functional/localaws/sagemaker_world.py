"""What the SageMaker tests share: buckets, scripts of the standard library, packages, waiting."""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from typing import TYPE_CHECKING, Any

from tests.functional.localaws.roles import EVERYTHING, allow, ensure_role, policy, trust

if TYPE_CHECKING:
    from collections.abc import Callable

ROLE = "arn:aws:iam::111111111111:role/sagemaker-world"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
CLUSTER = {
    "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
}
ENDED = {"Completed", "Failed", "Stopped", "Succeeded"}
GROUP_ACTIONS = [
    "sagemaker:DescribeModelPackage",
    "sagemaker:DescribeModelPackageGroup",
    "sagemaker:ListModelPackages",
    "sagemaker:CreateModelPackage",
    "sagemaker:CreateModel",
]

#: A "model" is a number; asking it with n answers n times that number.
INFERENCE = """
import json, pathlib
def model_fn(model_dir):
    return float(pathlib.Path(model_dir, "factor.txt").read_text())
def input_fn(body, content_type):
    given = json.loads(body)
    if "n" not in given:
        raise ValueError("the feature 'n' is missing")
    return given["n"]
def predict_fn(data, model):
    return data * model
def output_fn(prediction, accept):
    return json.dumps({"prediction": prediction}), accept
"""


def unique(stem: str) -> str:
    return f"{stem}-{uuid.uuid4().hex[:8]}"


def tar_gz(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content.encode())
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()


def until(read: Callable[[], Any], done: Callable[[Any], bool], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not done(value := read()):
        assert time.monotonic() < deadline, f"still {value}"
        time.sleep(0.05)
    return value


class World:
    """A bucket of its own in the experimentation account."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")
        self.s3 = aws.client("s3")
        self.bucket = unique("sm-test")
        self.s3.create_bucket(Bucket=self.bucket)
        self.role()

    def role(self, account: str = "experimentation") -> str:
        """The role that jobs and endpoints of an account act as; it may do everything there."""
        iam = self.aws.client("iam", account)
        return ensure_role(iam, "sagemaker-world", trust("sagemaker"), may=EVERYTHING)

    def share(self, *accounts: str) -> None:
        """Let other accounts read the bucket."""
        grant = allow(
            ["s3:GetObject", "s3:ListBucket"],
            [f"arn:aws:s3:::{self.bucket}", f"arn:aws:s3:::{self.bucket}/*"],
            Principal={"AWS": [f"arn:aws:iam::{each}:root" for each in accounts]},
        )
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=policy(grant))

    def put(self, key: str, body: str | bytes) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def processing_job(self, script: str, **more: Any) -> str:
        name = unique("job")
        self.put(f"code/{name}/main.py", script)
        self.sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=ROLE,
            ProcessingResources=CLUSTER,
            AppSpecification={
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/main.py"],
                "ContainerArguments": more.pop("arguments", ["--none"]),
            },
            ProcessingInputs=[
                source("code", self.uri(f"code/{name}/")),
                *more.pop("inputs", []),
            ],
            **more,
        )
        return name

    def ended_processing(self, name: str) -> dict[str, Any]:
        return until(
            lambda: self.sagemaker.describe_processing_job(ProcessingJobName=name),
            lambda job: job["ProcessingJobStatus"] in ENDED,
        )

    def ended_training(self, name: str) -> dict[str, Any]:
        return until(
            lambda: self.sagemaker.describe_training_job(TrainingJobName=name),
            lambda job: job["TrainingJobStatus"] in ENDED,
        )

    def training_job(self, script: str, **more: Any) -> dict[str, Any]:
        """A request for a job that runs a script; nothing is started yet."""
        name = unique("train")
        archive = self.put(f"code/{name}/sourcedir.tar.gz", tar_gz({"train.py": script}))
        return {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "OutputDataConfig": {"S3OutputPath": self.uri("trained")},
            "ResourceConfig": CLUSTER["ClusterConfig"],
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "HyperParameters": {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": archive,
            },
        } | more

    def log(self, name: str) -> str:
        """A job's log as the server keeps it; in CloudWatch there is nothing before its end."""
        found = list(self.aws.context.state.rglob(f"{name}/*/algo-1.log"))
        return found[0].read_text() if found else ""

    def model_data(self, factor: str, inference: str = INFERENCE) -> str:
        files = {"factor.txt": factor, "code/inference.py": inference}
        return self.put(f"models/{unique('m')}/model.tar.gz", tar_gz(files))

    def container(self, model_data: str) -> dict[str, Any]:
        return {
            "Image": IMAGE,
            "ModelDataUrl": model_data,
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        }

    def configuration(self, container: dict[str, Any], account: str = "experimentation") -> str:
        sagemaker = self.aws.client("sagemaker", account)
        name = unique("serve")
        sagemaker.create_model(
            ModelName=name, PrimaryContainer=container, ExecutionRoleArn=self.role(account)
        )
        sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": "all",
                    "ModelName": name,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                }
            ],
        )
        return name

    def shared_group(self) -> str:
        """A package group in the assets account, open to experimentation and dev."""
        assets = self.aws.client("sagemaker", "assets")
        name = unique("group")
        arn = assets.create_model_package_group(ModelPackageGroupName=name)["ModelPackageGroupArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Others",
                    "Effect": "Allow",
                    "Principal": {
                        "AWS": [
                            "arn:aws:iam::111111111111:root",
                            "arn:aws:iam::222222222222:root",
                        ]
                    },
                    "Action": GROUP_ACTIONS,
                    "Resource": [arn, f"{arn.replace('package-group', 'package')}/*"],
                }
            ],
        }
        assets.put_model_package_group_policy(
            ModelPackageGroupName=name, ResourcePolicy=json.dumps(policy)
        )
        return arn

    def package(
        self, group: str, model_data: str, account: str = "experimentation", **more: Any
    ) -> str:
        return self.aws.client("sagemaker", account).create_model_package(
            ModelPackageGroupName=group,
            InferenceSpecification={
                "Containers": [self.container(model_data)],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            **more,
        )["ModelPackageArn"]


def source(name: str, uri: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        },
    }


def sink(name: str, uri: str) -> dict[str, Any]:
    return {
        "Outputs": [
            {
                "OutputName": name,
                "S3Output": {
                    "S3Uri": uri,
                    "LocalPath": f"/opt/ml/processing/output/{name}",
                    "S3UploadMode": "EndOfJob",
                },
            }
        ]
    }
