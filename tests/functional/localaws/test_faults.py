"""Faults on order, seen by plain boto3: each effect, what botocore makes of it, and determinism."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from resources.errors import Transient
from resources.model_registry import ModelRegistry
from tests.functional.faults import Faults, ordered
from tests.functional.localaws import core_world
from tests.functional.localaws.core_world import client, trusting
from tests.functional.localaws.sagemaker_world import World, unique

SESSION = boto3.session.Session()  # reads botocore's models once for all clients


def once(aws, service, *, account="111111111111", attempts=1, read_timeout=60):
    """A client that tries so often."""
    return SESSION.client(
        service,
        aws_access_key_id=f"LOCALAWS{account}",
        aws_secret_access_key="unchecked",
        region_name="us-east-1",
        endpoint_url=aws.endpoint_url,
        config=Config(
            s3={"addressing_style": "path"},
            retries={"mode": "standard", "total_max_attempts": attempts},
            read_timeout=read_timeout,
            max_pool_connections=40,
        ),
    )


def code_and_status(operation, /, **request):
    with pytest.raises(ClientError) as caught:
        operation(**request)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture(scope="module")
def bucket(aws):
    name = unique("faults")
    aws.client("s3").create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize(
    ("service", "operation", "request_", "expected"),
    [
        ("sagemaker", "list_models", {}, ("ThrottlingException", 400)),
        ("athena", "list_work_groups", {}, ("ThrottlingException", 400)),
        (
            "athena",
            "start_query_execution",
            {"QueryString": "SELECT 1"},
            ("TooManyRequestsException", 400),
        ),
        ("s3", "list_buckets", {}, ("SlowDown", 503)),
        ("sts", "get_caller_identity", {}, ("Throttling", 400)),
        ("ssm", "get_parameter", {"Name": "/a"}, ("ThrottlingException", 400)),
    ],
)
def test_throttling_has_the_services_own_code_and_is_retried(
    aws, service, operation, request_, expected
):
    rule = {"service": service, "effect": "throttle"}
    with ordered(aws.endpoint_url, rule):
        assert code_and_status(getattr(once(aws, service), operation), **request_) == expected
    with ordered(aws.endpoint_url, rule | {"first": 1}) as faults:
        # The second attempt reaches the service, which may well refuse the request itself.
        with contextlib.suppress(ClientError):
            getattr(once(aws, service, attempts=2), operation)(**request_)
        assert faults.counters() == {"rule-1": (2, 1)}


def test_a_lost_response_took_effect_and_botocore_asks_again(aws, bucket):
    queue = aws.client("sqs").create_queue(QueueName=unique("faults"))["QueueUrl"]
    sqs = once(aws, "sqs", attempts=3)
    rule = {"service": "sqs", "operation": "SendMessage", "first": 1, "effect": "lose_response"}
    with ordered(aws.endpoint_url, rule) as faults:
        answer = sqs.send_message(QueueUrl=queue, MessageBody="twice")
        assert answer["ResponseMetadata"]["RetryAttempts"] == 1
        assert [each["lost"] for each in faults.injected()] == ["HTTP 200"]
    # SendMessage knows no token: here the retry really makes a second message.
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [each["Body"] for each in received] == ["twice", "twice"]


def test_a_connection_dropped_before_has_no_effect(aws, bucket):
    s3 = once(aws, "s3")
    rule = {"operation": "PutObject", "parameters": {"Key": "dropped/*"}, "effect": "drop_before"}
    with ordered(aws.endpoint_url, rule):
        with pytest.raises(ConnectionClosedError):
            s3.put_object(Bucket=bucket, Key="dropped/a", Body=b"x")
        s3.put_object(Bucket=bucket, Key="other", Body=b"x")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=bucket, Key="dropped/a")


def test_a_timeout_is_silent_and_holds_up_nobody(aws, bucket):
    rule = {"service": "s3", "operation": "HeadBucket", "effect": {"kind": "timeout", "seconds": 3}}
    with ordered(aws.endpoint_url, rule), ThreadPoolExecutor(40) as pool:
        s3 = once(aws, "s3", read_timeout=1)
        began = time.monotonic()
        waiting = [pool.submit(s3.head_bucket, Bucket=bucket) for _ in range(40)]
        time.sleep(0.5)
        aws.client("sts").get_caller_identity()  # 40 silent calls, 32 threads: still answered
        assert time.monotonic() - began < 2.5
        assert {type(each.exception()) for each in waiting} == {ReadTimeoutError}
    with ordered(aws.endpoint_url, rule | {"effect": {"kind": "timeout", "seconds": 0.3}}):
        began = time.monotonic()
        with pytest.raises(ConnectionClosedError):
            once(aws, "s3").head_bucket(Bucket=bucket)
        assert 0.25 < time.monotonic() - began < 2


def test_a_delay_answers_late(aws):
    rule = {"service": "sts", "effect": {"kind": "delay", "seconds": 0.4}}
    with ordered(aws.endpoint_url, rule):
        began = time.monotonic()
        once(aws, "sts").get_caller_identity()
        assert time.monotonic() - began >= 0.4


def test_an_error_is_the_operations_own_and_nothing_else_is_accepted(aws):
    ssm = once(aws, "ssm")
    rule = {"service": "ssm", "operation": "GetParameter"}
    effect = {"kind": "error", "code": "ParameterVersionNotFound", "message": "none such"}
    expected = pytest.raises(ssm.exceptions.ParameterVersionNotFound, match="none such")
    with ordered(aws.endpoint_url, rule | {"effect": effect}), expected:
        ssm.get_parameter(Name="/a")
    with pytest.raises(ValueError, match="a code that ssm:GetParameter can answer, not 'Nope'"):
        Faults(aws.endpoint_url).set(rule | {"effect": {"kind": "error", "code": "Nope"}})


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (503, "ServiceUnavailable")])
@pytest.mark.parametrize("performed", [True, False])
def test_a_server_error_before_or_after_the_effect(aws, bucket, status, code, performed):
    s3, key = once(aws, "s3"), unique("server-error")
    effect = {"kind": "server_error", "status": status, "performed": performed}
    with ordered(aws.endpoint_url, {"operation": "PutObject", "effect": effect}):
        assert code_and_status(s3.put_object, Bucket=bucket, Key=key) == (code, status)
    assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == int(performed)


def test_credentials_expire_until_the_role_is_assumed_anew(aws):
    aws.client("iam", "dev").create_role(
        RoleName="faults-expiring", AssumeRolePolicyDocument=trusting("111111111111", None)
    )

    def assume():
        return aws.client("sts").assume_role(
            RoleArn="arn:aws:iam::222222222222:role/faults-expiring", RoleSessionName="drill"
        )["Credentials"]

    old = assume()
    rule = {"caller": "*assumed-role/faults-expiring/*", "calls": [1]}
    with ordered(aws.endpoint_url, rule | {"effect": "expire_credentials"}):
        for service, code in (("ssm", "ExpiredTokenException"), ("sts", "ExpiredToken")):
            session = client(aws.endpoint_url, service, old)
            ask = session.get_caller_identity if service == "sts" else session.describe_parameters
            assert code_and_status(ask) == (code, 403)
        renewed = client(aws.endpoint_url, "sts", assume())
        assert renewed.get_caller_identity()["Account"] == "222222222222"
        aws.client("sts").get_caller_identity()  # who has no session, has none that expires
    assert client(aws.endpoint_url, "sts", old).get_caller_identity()["Account"] == "222222222222"


def test_a_stale_read_hides_the_newest_write(aws):
    ssm = once(aws, "ssm")
    name, other = f"/{unique('stale')}", f"/{unique('other')}"

    def value(of):
        return ssm.get_parameter(Name=of)["Parameter"]["Value"]

    stale = {"service": "ssm", "effect": {"kind": "stale", "seconds": 60, "calls": 2}}
    with ordered(aws.endpoint_url, stale) as faults:
        ssm.put_parameter(Name=name, Value="1", Type="String")
        assert code_and_status(ssm.get_parameter, Name=name) == ("ParameterNotFound", 400)
        assert code_and_status(ssm.get_parameter, Name=name) == ("ParameterNotFound", 400)
        assert value(name) == "1"
        ssm.put_parameter(Name=name, Value="2", Type="String", Overwrite=True)
        ssm.put_parameter(Name=other, Value="x", Type="String")  # concerns another name
        assert [value(name) for _ in range(3)] == ["1", "1", "2"]
        assert faults.counters()["rule-1"][1] == 4
        assert {each["effect"] for each in faults.injected()} == {"stale"}


def test_a_package_just_made_is_not_found_for_a_while(aws):
    world = World(aws)
    data = world.model_data("2")
    assets = once(aws, "sagemaker", account="555555555555")
    group = world.shared_group()
    rule = {"operation": "DescribeModelPackage", "effect": {"kind": "stale", "seconds": 0.5}}
    with ordered(aws.endpoint_url, rule):
        arn = world.package(group, data)
        with pytest.raises(ClientError, match="does not exist"):
            assets.describe_model_package(ModelPackageName=arn)
        time.sleep(0.6)
        assert assets.describe_model_package(ModelPackageName=arn)["ModelPackageArn"] == arn


def test_batches_fail_in_part(aws):
    sqs, events = aws.client("sqs"), aws.client("events")
    queue = sqs.create_queue(QueueName=unique("partial"))["QueueUrl"]
    entries = [{"Id": str(n), "MessageBody": str(n)} for n in range(6)]
    some = {"kind": "partial", "fraction": 0.5}
    rules = [{"operation": name, "effect": some} for name in ("SendMessageBatch", "PutEvents")]
    with ordered(aws.endpoint_url, *rules, seed=3):
        answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        put = events.put_events(
            Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"} for _ in range(4)]
        )
    failed = {each["Id"] for each in answer["Failed"]}
    assert len(failed) == 3
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert {each["Body"] for each in received} == {str(n) for n in range(6)} - failed
    assert put["FailedEntryCount"] == 2
    assert [("ErrorCode" in each, "EventId" in each) for each in put["Entries"]].count(
        (True, False)
    ) == 2
    assert len(put["Entries"]) == 4


def outcomes(aws, seed, count_by="order", threads=1):
    """Which of 60 distinct calls got a fault."""
    sts = once(aws, "ssm")
    names = [f"/determinism/{n}" for n in range(60)]
    rule = {"operation": "GetParameter", "probability": 0.3, "count_by": count_by}

    def faulted(name):
        return code_and_status(sts.get_parameter, Name=name)[0] == "InternalFailure"

    order = ordered(aws.endpoint_url, rule | {"effect": "server_error"}, seed=seed)
    with order, ThreadPoolExecutor(threads) as pool:
        return list(pool.map(faulted, names))


def test_the_same_seed_and_calls_give_the_same_faults(aws):
    first = outcomes(aws, seed=1)
    assert outcomes(aws, seed=1) == first
    assert outcomes(aws, seed=2) != first
    assert 5 < sum(first) < 35
    # Counted in order, eight threads share the same number of faults; by request, the same ones.
    assert sum(outcomes(aws, seed=1, threads=8)) == sum(first)
    alone = outcomes(aws, seed=1, count_by="request")
    assert outcomes(aws, seed=1, count_by="request", threads=8) == alone


def test_conditions_choose_calls(aws):
    rules = [
        {"name": "third", "calls": [3], "effect": "server_error"},
        {"name": "even", "every": 2, "limit": 2, "effect": "server_error"},
    ]
    sts = once(aws, "sts")
    with ordered(aws.endpoint_url, *({"service": "sts"} | rule for rule in rules)) as faults:
        for _ in range(8):
            with contextlib.suppress(ClientError):
                sts.get_caller_identity()
        assert [(each["rule"], each["number"]) for each in faults.injected()] == [
            ("even", 2),
            ("third", 3),
            ("even", 4),
        ]
    with ordered(aws.endpoint_url, {"service": "sts", "account": "2*", "effect": "throttle"}):
        sts.get_caller_identity()
    with ordered(aws.endpoint_url, {"service": "sts", "after": 60, "effect": "throttle"}):
        sts.get_caller_identity()


def test_our_services_own_calls_are_faulted_only_on_request(aws):
    own = aws.context.client("ssm", "111111111111")
    rule = {"service": "ssm", "effect": {"kind": "error", "code": "AccessDeniedException"}}
    with ordered(aws.endpoint_url, rule):
        own.describe_parameters()
    with ordered(aws.endpoint_url, rule | {"internal": True}):
        assert code_and_status(own.describe_parameters)[0] == "AccessDeniedException"
    lost = {"service": "ssm", "internal": True, "first": 1, "effect": "lose_response"}
    with ordered(aws.endpoint_url, lost):
        assert own.describe_parameters()["ResponseMetadata"]["RetryAttempts"] == 1


def test_web_pages_cannot_order_faults(aws):
    faults = Faults(aws.endpoint_url)
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
        assert faults.ask("PUT", b"rules: []", **headers)[0] == 403
        assert faults.ask("GET", **headers)[0] == 403
    assert faults.ask("GET", Host="rebound.example")[0] == 403
    assert faults.ask("POST", b"{}")[0] == 405
    assert faults.ask("GET") == (200, {"plan": None})


def test_a_plan_given_at_start_is_in_force_and_a_broken_one_refused(tmp_path):
    plan = tmp_path / "plan.yaml"
    plan.write_text("seed: 1\nrules:\n- service: sts\n  calls: [1]\n  effect: server_error\n")
    process = core_world.Process(tmp_path / "state", 0, "--faults", str(plan))
    try:
        answer = process.client("sts").get_caller_identity()
        assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    finally:
        process.stop()
    plan.write_text("rules:\n- service: sts\n  efect: server_error\n")
    said = core_world.refused(tmp_path / "state", 0, "--faults", str(plan))
    assert f"{plan}:3: plan.rules[0].efect: expected one of the fields" in said


# Drills of the project's own doors.


def test_registering_with_a_lost_response_makes_one_package(aws):
    world = World(aws)
    group = world.shared_group()
    rule = {"operation": "CreateModelPackage", "first": 2, "effect": "lose_response"}
    with ordered(aws.endpoint_url, rule) as faults:
        arn = world.package(group, world.model_data("2"))
        assert faults.counters()["rule-1"] == (3, 2)
    listed = aws.client("sagemaker", "assets").list_model_packages(ModelPackageGroupName=group)
    assert [each["ModelPackageArn"] for each in listed["ModelPackageSummaryList"]] == [arn]


def test_an_approval_survives_lost_responses_and_a_second_try(aws):
    world = World(aws)
    group = world.shared_group()
    arn = world.package(group, world.model_data("2"))
    registry = ModelRegistry(once(aws, "sagemaker", account="555555555555", attempts=3), group)
    rule = {"operation": "UpdateModelPackage", "first": 3, "effect": "lose_response"}
    with ordered(aws.endpoint_url, rule):
        with pytest.raises(Transient):
            registry.approve(arn, "Ada", "good")
        # It took effect; trying again finds so and changes nothing.
        assert registry.approve(arn, "Ada", "good") is False
    assert registry.describe(arn).approval == "Approved"
