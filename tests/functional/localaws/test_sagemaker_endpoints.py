"""Endpoints over HTTP: real processes answer, and broken versions never serve."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.services.sagemaker.hosting.fleet import fleet_of
from tests.functional.localaws.sagemaker_world import INFERENCE, World, unique, until


@pytest.fixture(scope="module")
def world(aws: Any) -> World:
    return World(aws)


def create(world: World, configuration: str, account: str = "experimentation") -> str:
    name = unique("endpoint")
    world.aws.client("sagemaker", account).create_endpoint(
        EndpointName=name, EndpointConfigName=configuration
    )
    return name


def in_service(world: World, name: str, account: str = "experimentation") -> dict[str, Any]:
    sagemaker = world.aws.client("sagemaker", account)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    return sagemaker.describe_endpoint(EndpointName=name)


def settled(world: World, name: str, account: str = "experimentation") -> dict[str, Any]:
    sagemaker = world.aws.client("sagemaker", account)
    return until(
        lambda: sagemaker.describe_endpoint(EndpointName=name),
        lambda endpoint: endpoint["EndpointStatus"] in ("InService", "Failed"),
    )


def ask(world: World, name: str, document: object, account: str = "experimentation") -> float:
    response = world.aws.client("sagemaker-runtime", account).invoke_endpoint(
        EndpointName=name, Body=json.dumps(document), ContentType="application/json"
    )
    assert response["ContentType"] == "application/json"
    return float(json.load(response["Body"])["prediction"])


def test_an_endpoint_answers_and_is_exchanged(world: World) -> None:
    first = world.configuration(world.container(world.model_data("2")))
    name = create(world, first)
    endpoint = in_service(world, name)
    assert endpoint["EndpointConfigName"] == first
    assert ask(world, name, {"n": 21}) == 42
    second = world.configuration(world.container(world.model_data("3")))
    world.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=second)
    with pytest.raises(ClientError, match="in-progress"):
        world.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=second)
    assert ask(world, name, {"n": 1}) in (2, 3), "one of the two serves at any time"
    assert settled(world, name)["EndpointConfigName"] == second
    assert ask(world, name, {"n": 1}) == 3
    world.sagemaker.delete_endpoint(EndpointName=name)
    with pytest.raises(ClientError, match="not found") as caught:
        ask(world, name, {"n": 1})
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_a_broken_version_never_serves(world: World) -> None:
    good = world.configuration(world.container(world.model_data("2")))
    name = create(world, good)
    in_service(world, name)
    for data in (
        world.model_data("2", inference="raise RuntimeError('cannot be imported')"),
        world.model_data("not a number"),
    ):
        bad = world.configuration(world.container(data))
        world.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=bad)
        endpoint = settled(world, name)
        assert endpoint["EndpointStatus"] == "InService"
        assert endpoint["EndpointConfigName"] == good
        assert "ping health check" in endpoint["FailureReason"]
        assert ask(world, name, {"n": 2}) == 4


def test_an_endpoint_that_never_came_up_says_why(world: World) -> None:
    name = create(world, world.configuration(world.container(world.model_data("not a number"))))
    endpoint = settled(world, name)
    assert endpoint["EndpointStatus"] == "Failed"
    assert "could not convert string to float" in endpoint["FailureReason"]


def test_the_callers_fault_is_told_from_the_models(world: World) -> None:
    inference = INFERENCE.replace("return data * model", "return {}[data]")
    name = create(world, world.configuration(world.container(world.model_data("2", inference))))
    in_service(world, name)
    for document, status, text in (({}, 400, "'n' is missing"), ({"n": 1}, 500, "KeyError: 1")):
        with pytest.raises(ClientError) as caught:
            ask(world, name, document)
        response = caught.value.response
        assert response["Error"]["Code"] == "ModelError"
        assert response["OriginalStatusCode"] == status
        assert text in response["OriginalMessage"]


def test_a_package_serves_elsewhere_only_once_approved(world: World) -> None:
    arn = world.package(world.shared_group(), world.model_data("5"))
    with pytest.raises(ClientError, match="PendingManualApproval"):
        world.configuration({"ModelPackageName": arn}, "dev")
    world.aws.client("sagemaker", "assets").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved"
    )
    with pytest.raises(ClientError, match="not authorized"):
        world.configuration({"ModelPackageName": arn}, "staging")
    configuration = world.configuration({"ModelPackageName": arn}, "dev")
    closed = create(world, configuration, "dev")
    assert "AccessDenied" in settled(world, closed, "dev")["FailureReason"]
    world.share("222222222222")
    name = create(world, configuration, "dev")
    in_service(world, name, "dev")
    assert ask(world, name, {"n": 2}, "dev") == 10


def test_a_process_that_died_is_started_again(world: World) -> None:
    name = create(world, world.configuration(world.container(world.model_data("2"))))
    arn = in_service(world, name)["EndpointArn"]
    host = fleet_of(world.aws.context).host(arn, patience=1)
    os.kill(host.process.pid, signal.SIGKILL)
    host.process.wait()
    assert ask(world, name, {"n": 3}) == 6


def test_what_is_not_performed_is_refused(world: World) -> None:
    model = world.configuration(world.container(world.model_data("2")))
    variant = {"VariantName": "all", "ModelName": model, "InstanceType": "ml.m5.large",
               "InitialInstanceCount": 1}  # fmt: skip
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": world.uri("capture"),
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    capture["DestinationS3Uri"] = "https://example.com/b"
    with pytest.raises(ClientError, match="does not perform data capture to other than"):
        world.sagemaker.create_endpoint_config(
            EndpointConfigName=unique("c"), ProductionVariants=[variant], DataCaptureConfig=capture
        )
