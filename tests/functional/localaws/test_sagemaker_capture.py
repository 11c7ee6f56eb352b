"""Data capture of endpoints: AWS's lines in S3, exactly those asked for, none lost at an end."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.core_world import Process
from tests.functional.localaws.roles import allow, ensure_role, trust
from tests.functional.localaws.sagemaker_world import World, unique, until
from tests.functional.localaws.test_sagemaker_restart import Account

if TYPE_CHECKING:
    from pathlib import Path

JSON = {"CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]}}
BOTH = [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]


@pytest.fixture(scope="module")
def world(aws: Any) -> World:
    return World(aws)


def serve(world: World, *, role: str | None = None, **capture: Any) -> str:
    """Start an endpoint that doubles and captures; return its name."""
    name = unique("caught")
    config = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": world.uri(f"captures/{name}"),
        "CaptureOptions": BOTH,
    } | capture
    world.sagemaker.create_model(
        ModelName=name,
        PrimaryContainer=world.container(world.model_data("2")),
        ExecutionRoleArn=role or world.role(),
    )
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.m5.large",
               "InitialInstanceCount": 1}  # fmt: skip
    world.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant], DataCaptureConfig=config
    )
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    until(
        lambda: world.sagemaker.describe_endpoint(EndpointName=name),
        lambda found: found["EndpointStatus"] == "InService",
    )
    return name


def ask(world: World, name: str, n: int, **more: Any) -> None:
    body = json.dumps({"n": n}).encode()
    request = {"EndpointName": name, "Body": body, "ContentType": "application/json"} | more
    world.aws.client("sagemaker-runtime").invoke_endpoint(**request)


def files(world: World, name: str) -> list[str]:
    listed = world.s3.list_objects_v2(Bucket=world.bucket, Prefix=f"captures/{name}/")
    return [each["Key"] for each in listed.get("Contents", [])]


def lines(world: World, name: str) -> list[dict[str, Any]]:
    text = b"".join(world.read(key) for key in files(world, name)).decode()
    return [json.loads(line) for line in text.splitlines()]


def captured(world: World, name: str, count: int) -> list[dict[str, Any]]:
    return until(lambda: lines(world, name), lambda found: len(found) >= count, seconds=15)


def test_each_request_becomes_a_line_as_aws_writes_it(world: World) -> None:
    name = serve(world, **JSON)
    ask(world, name, 21, InferenceId="event-1", CustomAttributes="event_time=2013-06-01T00:00:00")
    ask(world, name, 4)
    first, second = sorted(
        captured(world, name, 2), key=lambda line: line["captureData"]["endpointInput"]["data"]
    )
    assert first["captureData"] == {
        "endpointInput": {"observedContentType": "application/json", "mode": "INPUT",
                          "data": '{"n": 21}', "encoding": "JSON"},
        "endpointOutput": {"observedContentType": "application/json", "mode": "OUTPUT",
                           "data": '{"prediction": 42.0}', "encoding": "JSON"},
    }  # fmt: skip
    assert first["eventVersion"] == "0"
    metadata = first["eventMetadata"]
    assert metadata["inferenceId"] == "event-1"
    assert metadata["customAttributes"] == ["event_time=2013-06-01T00:00:00"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["inferenceTime"])
    assert "inferenceId" not in second["eventMetadata"]
    assert metadata["eventId"] != second["eventMetadata"]["eventId"]
    hour = metadata["inferenceTime"][:13].replace("-", "/").replace("T", "/")
    assert all(re.fullmatch(rf"captures/{name}/{name}/all/{hour}/[-0-9a-f]+\.jsonl", key)
               for key in files(world, name))  # fmt: skip


def test_what_no_header_names_is_base64_and_one_direction_is_one(world: World) -> None:
    name = serve(world, CaptureOptions=[{"CaptureMode": "Input"}])
    ask(world, name, 1)
    data = captured(world, name, 1)[0]["captureData"]
    assert list(data) == ["endpointInput"]
    assert data["endpointInput"]["encoding"] == "BASE64"
    assert base64.b64decode(data["endpointInput"]["data"]) == b'{"n": 1}'


def test_sampling_and_status(world: World) -> None:
    some = serve(world, InitialSamplingPercentage=50, **JSON)
    never = serve(world, InitialSamplingPercentage=0)
    off = serve(world, EnableCapture=False)
    for n in range(60):
        ask(world, some, n)
    ask(world, never, 1)
    ask(world, off, 1)
    last = serve(world, **JSON)
    ask(world, last, 1)
    captured(world, last, 1)  # what came before it is written by now
    assert 10 < len(lines(world, some)) < 50
    assert not lines(world, never)
    assert not lines(world, off)
    said = world.sagemaker.describe_endpoint(EndpointName=some)["DataCaptureConfig"]
    assert said == {"EnableCapture": True, "CaptureStatus": "Started", "KmsKeyId": "",
                    "CurrentSamplingPercentage": 50,
                    "DestinationS3Uri": world.uri(f"captures/{some}")}  # fmt: skip
    stopped = world.sagemaker.describe_endpoint(EndpointName=off)["DataCaptureConfig"]
    assert (stopped["EnableCapture"], stopped["CaptureStatus"]) == (False, "Stopped")


def test_a_refused_request_is_not_captured(world: World) -> None:
    name = serve(world, **JSON)
    with pytest.raises(ClientError, match="'n' is missing"):
        ask(world, name, 0, Body=b"{}")
    ask(world, name, 7)
    assert [line["captureData"]["endpointInput"]["data"] for line in captured(world, name, 1)] == [
        '{"n": 7}'
    ]


def test_capture_needs_the_execution_roles_leave_and_waits_for_it(world: World) -> None:
    iam = world.aws.client("iam")
    read = allow(["s3:GetObject", "s3:ListBucket"], "*")
    role = ensure_role(iam, unique("reads"), trust("sagemaker"), may=[read])
    name = serve(world, role=role, **JSON)
    ask(world, name, 5, InferenceId="patient")
    other = serve(world, **JSON)
    ask(world, other, 1)
    captured(world, other, 1)
    assert not files(world, name), "the endpoint's role may not write"
    write = allow("s3:PutObject", f"arn:aws:s3:::{world.bucket}/captures/*")
    ensure_role(iam, role.rpartition("/")[2], trust("sagemaker"), may=[read, write])
    assert captured(world, name, 1)[0]["eventMetadata"]["inferenceId"] == "patient"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_no_end_of_the_server_loses_an_event(tmp_path: Path, end: str) -> None:
    process = Process(tmp_path / "aws")
    try:
        world = World(Account(process))
        name = serve(world, **JSON)
        for n in range(20):
            ask(world, name, n, InferenceId=f"event-{n}")
    finally:
        getattr(process, end)()
    process = Process(tmp_path / "aws")
    try:
        world.s3 = Account(process).client("s3")
        if end == "kill":
            captured(world, name, 20)
        ids = {line["eventMetadata"]["inferenceId"] for line in lines(world, name)}
        assert ids == {f"event-{n}" for n in range(20)}
    finally:
        process.stop()
