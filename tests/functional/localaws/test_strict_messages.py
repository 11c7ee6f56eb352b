"""SQS, SNS, CloudWatch Logs and IAM: duplicates, limits, and what is not accepted."""

from __future__ import annotations

import json
import time

import pytest

from tests.functional.localaws.strict_world import refused

KIB = 1024


@pytest.fixture(scope="module")
def sqs(aws):
    return aws.client("sqs")


def _fifo(sqs, name):
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]


def test_a_queue_has_one_set_of_attributes(sqs):
    wanted = {"VisibilityTimeout": "10"}
    url = sqs.create_queue(QueueName="strict-once", Attributes=wanted)["QueueUrl"]
    assert sqs.create_queue(QueueName="strict-once", Attributes=wanted)["QueueUrl"] == url
    with refused("QueueAlreadyExists", 400):
        sqs.create_queue(QueueName="strict-once", Attributes={"VisibilityTimeout": "11"})


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("VisibilityTimeout", "43201", "InvalidAttributeValue"),
        ("DelaySeconds", "901", "InvalidAttributeValue"),
        ("MaximumMessageSize", "1023", "InvalidAttributeValue"),
        ("MaximumMessageSize", "1048577", "InvalidAttributeValue"),
        ("MessageRetentionPeriod", "59", "InvalidAttributeValue"),
        ("MessageRetentionPeriod", "1209601", "InvalidAttributeValue"),
        ("ReceiveMessageWaitTimeSeconds", "21", "InvalidAttributeValue"),
        ("NoSuchAttribute", "1", "ValidationException"),
    ],
)
def test_queue_attributes_have_bounds(sqs, name, value, code):
    with refused(code, 400):
        sqs.create_queue(QueueName=f"strict-{name}-{value}", Attributes={name: value})
    url = sqs.create_queue(QueueName="strict-bounds")["QueueUrl"]
    with refused(code, 400):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: value})


def test_queue_names(sqs):
    for name in ("with space", "a" * 81, "dots.in.it"):
        with refused("InvalidParameterValue", 400):
            sqs.create_queue(QueueName=name)
    with refused("InvalidParameterValue", 400):
        sqs.create_queue(QueueName="strict-fifo", Attributes={"FifoQueue": "true"})


def test_messages_have_limits(sqs):
    url = sqs.create_queue(QueueName="strict-limits")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1024 * KIB)
    with refused("InvalidParameterValue", 400):
        sqs.send_message(QueueUrl=url, MessageBody="x" * (1024 * KIB + 1))
    with refused("InvalidParameterValue", 400):
        sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=901)
    with refused("InvalidMessageContents", 400):
        sqs.send_message(QueueUrl=url, MessageBody="\x01")
    entries = [{"Id": str(n), "MessageBody": "x"} for n in range(11)]
    with refused("AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400):
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    with refused("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400):
        sqs.send_message_batch(QueueUrl=url, Entries=[entries[0], entries[0]])
    with refused("AWS.SimpleQueueService.EmptyBatchRequest", 400):
        sqs.send_message_batch(QueueUrl=url, Entries=[])
    with refused("AWS.SimpleQueueService.BatchRequestTooLong", 400):
        large = [entry | {"MessageBody": "x" * 600 * KIB} for entry in entries[:2]]
        sqs.send_message_batch(QueueUrl=url, Entries=large)
    with refused("InvalidParameterValue", 400):
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11)
    with refused("InvalidParameterValue", 400):
        sqs.receive_message(QueueUrl=url, WaitTimeSeconds=21)


def test_a_smaller_limit_of_the_queue_holds(sqs):
    small = {"MaximumMessageSize": "1024"}
    url = sqs.create_queue(QueueName="strict-small", Attributes=small)["QueueUrl"]
    with refused("InvalidParameterValue", 400):
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1025)


def test_visibility(sqs):
    url = sqs.create_queue(QueueName="strict-visibility")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    with refused("InvalidParameterValue", 400):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43201)
    with refused("ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="nonsense")
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "x"


def test_a_fifo_queue_takes_a_message_once_and_in_order(sqs):
    url = _fifo(sqs, "strict-order")
    with refused("MissingParameter", 400):
        sqs.send_message(QueueUrl=url, MessageBody="a")
    for body in ("a", "b", "a"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [each["Body"] for each in got] == ["a", "b"]
    # The group waits for the messages in flight.
    sqs.send_message(QueueUrl=url, MessageBody="c", MessageGroupId="g")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    plain = sqs.create_queue(
        QueueName="strict-undeduplicated.fifo", Attributes={"FifoQueue": "true"}
    )["QueueUrl"]
    with refused("InvalidParameterValue", 400):
        sqs.send_message(QueueUrl=plain, MessageBody="a", MessageGroupId="g")


def test_what_is_received_too_often_goes_to_the_dead_letters(sqs):
    dead = sqs.create_queue(QueueName="strict-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": "1"}
    url = sqs.create_queue(
        QueueName="strict-redriven",
        Attributes={"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "0"},
    )["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert sqs.receive_message(QueueUrl=url)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert sqs.receive_message(QueueUrl=dead)["Messages"][0]["Body"] == "x"
    missing = policy | {"deadLetterTargetArn": arn["QueueArn"] + "-absent"}
    with refused("InvalidParameterValue", 400):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(missing)})


@pytest.fixture(scope="module")
def sns(aws):
    return aws.client("sns")


def test_a_topic_has_one_set_of_attributes(sns):
    arn = sns.create_topic(Name="strict", Attributes={"DisplayName": "a"})["TopicArn"]
    assert sns.create_topic(Name="strict", Attributes={"DisplayName": "a"})["TopicArn"] == arn
    with refused("InvalidParameter", 400):
        sns.create_topic(Name="strict", Attributes={"DisplayName": "b"})
    for name in ("with space", "a" * 257, "dots.in.it", ""):
        with refused("InvalidParameter", 400):
            sns.create_topic(Name=name)


def test_publications_have_limits(sns):
    arn = sns.create_topic(Name="strict-limits")["TopicArn"]
    sns.publish(TopicArn=arn, Message="x" * 256 * KIB)
    with refused("InvalidParameter", 400):
        sns.publish(TopicArn=arn, Message="x" * (256 * KIB + 1))
    with refused("InvalidParameter", 400):
        sns.publish(TopicArn=arn, Message="")
    with refused("InvalidParameter", 400):
        sns.publish(TopicArn=arn, Message="x", Subject="s" * 101)
    with refused("NotFound", 404):
        sns.publish(TopicArn=f"{arn}-absent", Message="x")
    with refused("InvalidParameter", 400):
        sns.publish(TopicArn=arn, Message="{}", MessageStructure="json")


def test_subscriptions_are_of_a_known_protocol_and_idempotent(sns, sqs):
    arn = sns.create_topic(Name="strict-subscribed")["TopicArn"]
    url = sqs.create_queue(QueueName="strict-subscriber")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    ask = {"TopicArn": arn, "Protocol": "sqs", "Endpoint": queue["QueueArn"]}
    assert sns.subscribe(**ask)["SubscriptionArn"] == sns.subscribe(**ask)["SubscriptionArn"]
    with refused("InvalidParameter", 400):
        sns.subscribe(TopicArn=arn, Protocol="pigeon", Endpoint="x")
    with refused("InvalidParameter", 400):
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint="not-an-arn")


def test_a_fifo_topic_demands_a_group(sns):
    arn = sns.create_topic(Name="strict.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    with refused("InvalidParameter", 400):
        sns.publish(TopicArn=arn, Message="x")
    with refused("InvalidParameter", 400):
        sns.publish(TopicArn=arn, Message="x", MessageGroupId="g")


@pytest.fixture(scope="module")
def logs(aws):
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/strict")
    logs.create_log_stream(logGroupName="/strict", logStreamName="s")
    return logs


def _put(logs, *events, **where):
    named = {"logGroupName": "/strict", "logStreamName": "s"} | where
    return logs.put_log_events(
        **named, logEvents=[{"timestamp": t, "message": m} for t, m in events]
    )


def test_log_groups_and_streams_exist_once(logs):
    with refused("ResourceAlreadyExistsException", 400):
        logs.create_log_group(logGroupName="/strict")
    with refused("ResourceAlreadyExistsException", 400):
        logs.create_log_stream(logGroupName="/strict", logStreamName="s")
    now = int(time.time() * 1000)
    for absent in ({"logGroupName": "/absent"}, {"logStreamName": "absent"}):
        with refused("ResourceNotFoundException", 400):
            _put(logs, (now, "x"), **absent)
    with refused("InvalidParameterException", 400):
        logs.put_retention_policy(logGroupName="/strict", retentionInDays=2)


def test_log_events_are_in_order_and_of_their_time(logs):
    now, day = int(time.time() * 1000), 86_400_000
    with refused("InvalidParameterException", 400):
        _put(logs, (now, "later"), (now - 1, "earlier"))
    with refused("InvalidParameterException", 400):
        _put(logs, (now - day, "a"), (now, "b"), (now + 1, "c"))
    told = _put(logs, (now - 15 * day, "old"), (now - 15 * day + 1, "old"))
    assert told["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"] == 2
    told = _put(logs, (now, "now"), (now + 3 * 3_600_000, "future"))
    assert told["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"] == 1
    found = logs.get_log_events(logGroupName="/strict", logStreamName="s")["events"]
    assert [event["message"] for event in found] == ["now"]


def test_log_events_have_a_size(logs):
    now = int(time.time() * 1000)
    with refused("InvalidParameterException", 400):
        _put(logs, (now, "x" * 1024 * KIB))


@pytest.fixture(scope="module")
def iam(aws):
    return aws.client("iam")


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def _policy(size: int = 0, **changed) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | changed
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return text.replace('"*"', json.dumps("arn:aws:s3:::" + "x" * size)) if size else text


def test_roles_exist_once_and_are_deleted_empty(iam):
    iam.create_role(RoleName="strict", AssumeRolePolicyDocument=TRUST)
    with refused("EntityAlreadyExists", 409):
        iam.create_role(RoleName="strict", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="strict", PolicyName="inline", PolicyDocument=_policy())
    with refused("DeleteConflict", 409):
        iam.delete_role(RoleName="strict")
    iam.delete_role_policy(RoleName="strict", PolicyName="inline")
    arn = iam.create_policy(PolicyName="strict", PolicyDocument=_policy())["Policy"]["Arn"]
    with refused("EntityAlreadyExists", 409):
        iam.create_policy(PolicyName="strict", PolicyDocument=_policy())
    iam.attach_role_policy(RoleName="strict", PolicyArn=arn)
    for delete in (
        lambda: iam.delete_role(RoleName="strict"),
        lambda: iam.delete_policy(PolicyArn=arn),
    ):
        with refused("DeleteConflict", 409):
            delete()
    iam.detach_role_policy(RoleName="strict", PolicyArn=arn)
    iam.create_instance_profile(InstanceProfileName="strict")
    iam.add_role_to_instance_profile(InstanceProfileName="strict", RoleName="strict")
    with refused("DeleteConflict", 409):
        iam.delete_role(RoleName="strict")
    iam.remove_role_from_instance_profile(InstanceProfileName="strict", RoleName="strict")
    iam.delete_role(RoleName="strict")
    with refused("NoSuchEntity", 404):
        iam.delete_role(RoleName="strict")


def test_policies_are_policies(iam):
    iam.create_role(RoleName="strict-policies", AssumeRolePolicyDocument=TRUST)
    for document in (
        "{",
        "[]",
        _policy(Effect="Maybe"),
        _policy(Action="no-colon"),
        _policy(Resource="not-an-arn"),
        _policy(Principal="*"),
        _policy().replace("2012-10-17", "2024-01-01"),
    ):
        with refused("MalformedPolicyDocument", 400):
            iam.put_role_policy(RoleName="strict-policies", PolicyName="p", PolicyDocument=document)
        with refused("MalformedPolicyDocument", 400):
            iam.create_policy(PolicyName="strict-malformed", PolicyDocument=document)
    for trust in ("{", "{}", _policy()):
        with refused("MalformedPolicyDocument", 400):
            iam.create_role(RoleName="strict-untrusted", AssumeRolePolicyDocument=trust)


def test_quotas_of_iam(iam):
    iam.create_role(RoleName="strict-quotas", AssumeRolePolicyDocument=TRUST)
    with refused("ValidationError", 400):
        iam.create_role(RoleName="r" * 65, AssumeRolePolicyDocument=TRUST)
    with refused("LimitExceeded", 409):
        iam.create_policy(PolicyName="strict-large", PolicyDocument=_policy(6144))
    with refused("LimitExceeded", 409):
        iam.put_role_policy(
            RoleName="strict-quotas", PolicyName="large", PolicyDocument=_policy(10_240)
        )
    # Inline policies count together, and white space does not count.
    iam.put_role_policy(RoleName="strict-quotas", PolicyName="a", PolicyDocument=_policy(9_000))
    padded = _policy().replace(" ", " " * 3000)
    iam.put_role_policy(RoleName="strict-quotas", PolicyName="b", PolicyDocument=padded)
    with refused("LimitExceeded", 409):
        iam.put_role_policy(RoleName="strict-quotas", PolicyName="c", PolicyDocument=_policy(2_000))
    for number in range(11):
        arn = iam.create_policy(PolicyName=f"strict-{number}", PolicyDocument=_policy())
        attach = {"RoleName": "strict-quotas", "PolicyArn": arn["Policy"]["Arn"]}
        if number < 10:
            iam.attach_role_policy(**attach)
    with refused("LimitExceeded", 409):
        iam.attach_role_policy(**attach)
