"""boto3's waiters, each seen to succeed and to give up, of every operation performed here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError, WaiterError

from localaws.core.allowed import SERVICES, is_allowed
from localaws.services import PROVIDERS
from tests.functional.localaws.sagemaker_world import (
    CLUSTER,
    IMAGE,
    ROLE,
    World,
    tar_gz,
    unique,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.conftest import EmbeddedAws

TRUST = '{"Version": "2012-10-17", "Statement": []}'
POLICY = """{"Version": "2012-10-17",
 "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}"""
#: (service, waiter): what test below shows it.
SHOWN = {
    "s3": {"BucketExists", "BucketNotExists", "ObjectExists", "ObjectNotExists"},
    "iam": {"RoleExists", "PolicyExists", "UserExists", "InstanceProfileExists"},
    "sagemaker": {
        "EndpointInService", "EndpointDeleted", "TrainingJobCompletedOrStopped",
        "ProcessingJobCompletedOrStopped",
    },
    "cloudwatch": {"AlarmExists"},
}  # fmt: skip
#: Waiters on an operation that is performed, for things that cannot be made here.
NOT_MADE_HERE = {
    ("cloudwatch", "CompositeAlarmExists"),
    ("cloudwatch", "LogAlarmExists"),
    ("cloudwatch", "AlarmMuteRuleExists"),
}


def performed_waiters() -> Iterator[tuple[str, str]]:
    session = botocore.session.get_session()
    providers = {}
    for dotted in PROVIDERS:
        module, _, name = dotted.partition(":")
        provider = getattr(importlib.import_module(module), name)
        providers[provider.service] = provider
    for service in sorted({*SERVICES, *providers}):
        try:
            model = session.get_waiter_model(service)
        except (UnknownServiceError, ValueError):
            continue
        for name in model.waiter_names:
            operation = model.get_waiter(name).operation
            if hasattr(providers.get(service), xform_name(operation)) or is_allowed(
                service, operation
            ):
                yield service, name


def test_no_waiter_is_forgotten() -> None:
    shown = {(service, name) for service, names in SHOWN.items() for name in names}
    assert set(performed_waiters()) - shown - NOT_MADE_HERE == set()


def wait(client: Any, waiter: str, seconds: float = 60, **request: Any) -> None:
    pause = 0.1
    client.get_waiter(waiter).wait(
        **request, WaiterConfig={"Delay": pause, "MaxAttempts": max(int(seconds / pause), 1)}
    )


def gives_up(client: Any, waiter: str, seconds: float = 0.1, **request: Any) -> str:
    with pytest.raises(WaiterError) as caught:
        wait(client, waiter, seconds, **request)
    return str(caught.value)


@pytest.fixture(scope="module")
def world(aws: EmbeddedAws) -> World:
    return World(aws)


def test_buckets_and_objects(aws: EmbeddedAws) -> None:
    s3, bucket = aws.client("s3"), unique("waited")
    gives_up(s3, "bucket_exists", Bucket=bucket)
    wait(s3, "bucket_not_exists", Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    wait(s3, "bucket_exists", Bucket=bucket)
    gives_up(s3, "bucket_not_exists", Bucket=bucket)
    gives_up(s3, "object_exists", Bucket=bucket, Key="k")
    wait(s3, "object_not_exists", Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    wait(s3, "object_exists", Bucket=bucket, Key="k")
    gives_up(s3, "object_not_exists", Bucket=bucket, Key="k")


def test_what_iam_has(aws: EmbeddedAws) -> None:
    iam, name = aws.client("iam"), unique("waited")
    policy = f"arn:aws:iam::111111111111:policy/{name}"
    asked = {
        "role_exists": {"RoleName": name}, "policy_exists": {"PolicyArn": policy},
        "user_exists": {"UserName": name}, "instance_profile_exists": {"InstanceProfileName": name},
    }  # fmt: skip
    for waiter, request in asked.items():
        gives_up(iam, waiter, **request)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.create_policy(PolicyName=name, PolicyDocument=POLICY)
    iam.create_user(UserName=name)
    iam.create_instance_profile(InstanceProfileName=name)
    for waiter, request in asked.items():
        wait(iam, waiter, **request)


def test_alarms(aws: EmbeddedAws) -> None:
    if ("cloudwatch", "AlarmExists") not in set(performed_waiters()):
        pytest.skip("DescribeAlarms is not performed")
    cloudwatch, name = aws.client("cloudwatch"), unique("waited")
    gives_up(cloudwatch, "alarm_exists", AlarmNames=[name])
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="n", MetricName="m", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    wait(cloudwatch, "alarm_exists", AlarmNames=[name])


def test_processing_jobs(world: World) -> None:
    waiter = "processing_job_completed_or_stopped"
    wait(world.sagemaker, waiter, ProcessingJobName=world.processing_job("pass"))
    slow = world.processing_job("import time; time.sleep(60)")
    world.sagemaker.stop_processing_job(ProcessingJobName=slow)
    wait(world.sagemaker, waiter, ProcessingJobName=slow)
    failed = world.processing_job("raise SystemExit(3)")
    assert '"Failed"' in gives_up(world.sagemaker, waiter, 60, ProcessingJobName=failed)
    assert "ValidationException" in gives_up(world.sagemaker, waiter, ProcessingJobName="none")


def training_job(world: World, script: str) -> str:
    name = unique("waited")
    archive = world.put(f"{name}.tar.gz", tar_gz({"train.py": script}))
    world.sagemaker.create_training_job(
        TrainingJobName=name, RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": "train.py", "sagemaker_submit_directory": archive,
        },
        OutputDataConfig={"S3OutputPath": world.uri("models")},
        ResourceConfig=CLUSTER["ClusterConfig"], StoppingCondition={"MaxRuntimeInSeconds": 60},
    )  # fmt: skip
    return name


def test_training_jobs(world: World) -> None:
    waiter = "training_job_completed_or_stopped"
    wait(world.sagemaker, waiter, TrainingJobName=training_job(world, "pass"))
    failed = training_job(world, "raise SystemExit(3)")
    assert '"Failed"' in gives_up(world.sagemaker, waiter, 60, TrainingJobName=failed)
    assert "ValidationException" in gives_up(world.sagemaker, waiter, TrainingJobName="none")


def endpoint(world: World, model: str) -> str:
    name = unique("waited")
    configuration = world.configuration(world.container(world.model_data(model)))
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=configuration)
    return name


def test_endpoints(world: World) -> None:
    name, broken = endpoint(world, "2"), endpoint(world, "not a number")
    wait(world.sagemaker, "endpoint_in_service", EndpointName=name)
    said = gives_up(world.sagemaker, "endpoint_in_service", 60, EndpointName=broken)
    assert '"Failed"' in said
    assert "ValidationException" in gives_up(
        world.sagemaker, "endpoint_in_service", EndpointName="none"
    )
    assert '"Failed"' in gives_up(world.sagemaker, "endpoint_deleted", 60, EndpointName=broken)
    gives_up(world.sagemaker, "endpoint_deleted", EndpointName=name)
    for made in (name, broken):
        world.sagemaker.delete_endpoint(EndpointName=made)
        wait(world.sagemaker, "endpoint_deleted", EndpointName=made)
