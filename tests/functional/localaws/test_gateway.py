"""The gateway over HTTP with boto3: what moto may answer, what is refused, and how errors look."""

from __future__ import annotations

import http.client
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from localaws.core import allowed
from localaws.core.routing import service_model


def test_objects_keep_content_metadata_and_versions(aws):
    s3 = aws.client("s3", "assets")
    s3.create_bucket(Bucket="gateway-objects")
    s3.put_bucket_versioning(
        Bucket="gateway-objects", VersioningConfiguration={"Status": "Enabled"}
    )
    key = "odd/ü %2F+name"
    versions = [
        s3.put_object(Bucket="gateway-objects", Key=key, Body=body, Metadata={"code_sha256": "a"})
        for body in (b"one", b"two")
    ]
    first = s3.get_object(Bucket="gateway-objects", Key=key, VersionId=versions[0]["VersionId"])
    latest = s3.get_object(Bucket="gateway-objects", Key=key)
    assert (first["Body"].read(), latest["Body"].read()) == (b"one", b"two")
    assert latest["Metadata"] == {"code_sha256": "a"}
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="gateway-objects", Key="absent")


def test_a_large_streamed_upload_arrives_whole_and_without_stalling(aws):
    # Multipart, aws-chunked with trailing checksums, and Expect: 100-continue, as boto3 sends them.
    s3 = aws.client("s3", "assets")
    s3.create_bucket(Bucket="gateway-large")
    content = bytes(range(256)) * 80_000
    began = time.monotonic()
    s3.upload_fileobj(io.BytesIO(content), "gateway-large", "large")
    s3.put_object(Bucket="gateway-large", Key="whole", Body=io.BytesIO(content))
    assert time.monotonic() - began < 10
    for key in ("large", "whole"):
        assert s3.get_object(Bucket="gateway-large", Key=key)["Body"].read() == content
    assert s3.get_object(Bucket="gateway-large", Key="whole", Range="bytes=1-2")["Body"].read() == (
        b"\x01\x02"
    )


def test_eight_threads_on_one_key_never_meet_a_server_error(aws):
    s3 = aws.client("s3", "assets")
    s3.create_bucket(Bucket="gateway-threads")
    statuses = []
    s3.meta.events.register(
        "after-call.s3", lambda http_response, **_: statuses.append(http_response.status_code)
    )

    def work(worker: int) -> None:
        for turn in range(25):
            s3.put_object(Bucket="gateway-threads", Key="same", Body=f"{worker}-{turn}".encode())
            s3.get_object(Bucket="gateway-threads", Key="same")["Body"].read()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(statuses) == 400
    assert set(statuses) == {200}


def test_providers_reach_other_services_as_any_client_does(aws):
    s3 = aws.context.client("s3", "555555555555")
    s3.create_bucket(Bucket="gateway-loopback")
    s3.upload_fileobj(io.BytesIO(b"x" * 20_000_000), "gateway-loopback", "k")
    assert s3.head_object(Bucket="gateway-loopback", Key="k")["ContentLength"] == 20_000_000
    received = io.BytesIO()
    s3.download_fileobj("gateway-loopback", "k", received)
    assert received.getvalue() == b"x" * 20_000_000
    with pytest.raises(ClientError, match="Not Found"):
        s3.head_object(Bucket="gateway-loopback", Key="absent")


def test_accounts_are_separate(aws):
    aws.client("ssm", "dev").put_parameter(Name="/gateway/only-dev", Value="1", Type="String")
    prod = aws.client("ssm", "prod")
    with pytest.raises(prod.exceptions.ParameterNotFound):
        prod.get_parameter(Name="/gateway/only-dev")


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("ec2", "describe_instances", {}),  # a service nobody performs, query protocol
        ("lambda", "list_functions", {}),  # rest-json
        ("dynamodb", "list_tables", {}),  # json
        ("sagemaker", "list_clusters", {}),  # a provider's service, not its operation
        ("glue", "start_job_run", {"JobName": "j"}),  # moto would say SUCCEEDED
        ("ssm", "send_command", {"DocumentName": "AWS-RunShellScript"}),  # likewise
        ("iam", "simulate_custom_policy", {"PolicyInputList": ["{}"], "ActionNames": ["s3:*"]}),
        ("s3", "get_bucket_replication", {"Bucket": "any"}),
    ],
)
def test_what_nobody_performs_is_named_and_refused_at_once(aws, service, operation, arguments):
    client = aws.client(service)
    name = client.meta.method_to_api_mapping[operation]
    began = time.monotonic()
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**arguments)
    assert time.monotonic() - began < 5  # a client that retried would still be waiting
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert answer["ResponseMetadata"].get("RetryAttempts", 0) == 0
    assert answer["Error"]["Code"] == "NotImplementedException"
    assert f"{service}:{name}" in answer["Error"]["Message"]


def test_the_allow_list_names_operations_that_exist():
    for service, names in allowed.ALLOWED.items():
        assert names <= set(service_model(service).operation_names), service


def test_a_request_is_validated_before_any_provider_sees_it(aws):
    sagemaker = aws.client("sagemaker")
    for arguments, said in [
        ({"EndpointName": "not_a_name"}, "regular expression pattern"),
        ({"EndpointName": "a" * 64}, "length less than or equal to 63"),
    ]:
        with pytest.raises(ClientError) as caught:
            sagemaker.describe_endpoint(**arguments)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
        assert said in str(caught.value)


def test_customer_metadata_is_limited_as_on_aws(aws):
    sagemaker = aws.client("sagemaker", "assets")
    arn = "arn:aws:sagemaker:us-east-1:555555555555:model-package/some-group/1"
    with pytest.raises(ClientError, match="regular expression pattern"):
        sagemaker.update_model_package(
            ModelPackageArn=arn, CustomerMetadataProperties={"gates": "failed, (twice)"}
        )


def test_a_receive_that_waits_holds_up_nobody(aws):
    sqs, s3 = aws.client("sqs"), aws.client("s3")
    queue = sqs.create_queue(QueueName="gateway-wait")["QueueUrl"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sqs.receive_message, QueueUrl=queue, WaitTimeSeconds=5)
        began = time.monotonic()
        s3.list_buckets()
        sqs.send_message(QueueUrl=queue, MessageBody="now")
        assert waiting.result()["Messages"][0]["Body"] == "now"
        assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 403), ({"Host": "rebound.example"}, 403)],
)
def test_unsigned_requests_and_other_host_names_are_refused(aws, headers, status):
    code, body = _get(aws, "/", headers)
    assert code == status
    assert body["__type"]


def test_a_failing_provider_answers_in_aws_shape(aws, monkeypatch):
    provider = aws.server._gateway._providers["sts"]

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(provider, "get_caller_identity", fail)
    with pytest.raises(ClientError) as caught:
        aws.client("sts").get_caller_identity()
    assert caught.value.response["Error"]["Code"] == "InternalFailure"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_health(aws):
    code, body = _get(aws, "/_localaws/health", {})
    assert (code, body["status"]) == (200, "ok")


def _get(aws, path, headers):
    connection = http.client.HTTPConnection(urlsplit(aws.endpoint_url).netloc, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())
