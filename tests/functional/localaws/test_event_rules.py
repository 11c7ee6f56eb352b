"""EventBridge: what users put on a bus reaches the targets of the rules that match."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.event_world import Inbox, rule_to, topic_to, unique


@pytest.fixture
def events(aws):
    return aws.client("events")


@pytest.fixture
def inbox(aws):
    return Inbox(aws.client, unique("events"))


@pytest.fixture
def source():
    return unique("com.example")


def put(events, source, detail=None, **more):
    entry = {"Source": source, "DetailType": "t", "Detail": json.dumps(detail or {"n": 1}), **more}
    return events.put_events(Entries=[entry])


def test_an_event_arrives_whole_and_only_where_it_matches(events, inbox, source):
    rule_to(events, {"source": [source], "detail": {"n": [{"numeric": [">", 2]}]}}, inbox.arn)
    put(events, source, {"n": 1})
    put(events, source, {"n": 3}, Resources=["arn:x"])
    (event,) = inbox.count(1)
    assert event.pop("id")
    assert event.pop("time").endswith("Z")
    assert event == {
        "version": "0", "detail-type": "t", "source": source, "account": "111111111111",
        "region": "us-east-1", "resources": ["arn:x"], "detail": {"n": 3},
    }  # fmt: skip


def test_inputs_are_performed(aws, events, source):
    inboxes = [Inbox(aws.client, unique("events")) for _ in range(3)]
    rule = rule_to(events, {"source": [source]}, inboxes[0].arn, Input='{"always": "this"}')
    events.put_targets(
        Rule=rule,
        Targets=[
            {"Id": "2", "Arn": inboxes[1].arn, "InputPath": "$.detail"},
            {
                "Id": "3",
                "Arn": inboxes[2].arn,
                "InputTransformer": {
                    "InputPathsMap": {"n": "$.detail.n", "type": "$.detail-type"},
                    "InputTemplate": (
                        '{"said": "<type> number <n>", "n": <n>, "by": "<aws.events.rule-name>"}'
                    ),
                },
            },
        ],
    )  # fmt: skip
    put(events, source, {"n": 4})
    assert inboxes[0].count(1) == [{"always": "this"}]
    assert inboxes[1].count(1) == [{"n": 4}]
    assert inboxes[2].count(1) == [{"said": "t number 4", "n": 4, "by": rule}]
    named = events.list_rule_names_by_target(TargetArn=inboxes[1].arn)["RuleNames"]
    assert named == [rule]


def test_topics_and_fifo_queues(aws, events, inbox, source):
    rule_to(events, {"source": [source]}, topic_to(aws.client, inbox, unique("topic")))
    fifo = Inbox(
        aws.client, f"{unique('events')}.fifo", FifoQueue="true", ContentBasedDeduplication="true"
    )
    with pytest.raises(ClientError, match="SqsParameters must be specified"):
        rule_to(events, {"source": [source]}, fifo.arn)
    rule_to(events, {"source": [source]}, fifo.arn, SqsParameters={"MessageGroupId": "g"})
    put(events, source)
    assert inbox.count(1)[0]["source"] == source
    assert fifo.count(1)[0]["source"] == source
    assert fifo.messages[0]["Attributes"]["MessageGroupId"] == "g"


def test_an_event_goes_on_to_a_bus_of_another_account_that_admits_it(aws, events, source):
    dev = aws.client("events", "dev")
    inbox = Inbox(lambda service: aws.client(service, "dev"), unique("events"))
    bus = dev.create_event_bus(Name=unique("bus"))["EventBusArn"]
    name = bus.rpartition("/")[2]
    dev.put_rule(Name="all", EventBusName=name, EventPattern=json.dumps({"source": [source]}))
    dev.put_targets(Rule="all", EventBusName=name, Targets=[{"Id": "1", "Arn": inbox.arn}])
    letters = Inbox(aws.client, unique("events"))
    rule_to(events, {"source": [source]}, bus, DeadLetterConfig={"Arn": letters.arn})
    put(events, source, {"n": 1})
    assert letters.count(1)[0]["detail"] == {"n": 1}
    code = letters.messages[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"]
    assert code == "NO_PERMISSIONS"
    with pytest.raises(ClientError, match="not authorized to perform: events:PutEvents"):
        put(events, source, EventBusName=bus)
    dev.put_permission(
        EventBusName=name, Action="events:PutEvents", Principal="111111111111", StatementId="s"
    )
    put(events, source, {"n": 2})
    put(events, source, {"n": 3}, EventBusName=bus)
    arrived = inbox.count(2)
    assert sorted(event["detail"]["n"] for event in arrived) == [2, 3]
    assert {event["account"] for event in arrived} == {"111111111111"}
    assert json.loads(dev.describe_event_bus(Name=name)["Policy"])["Statement"][0]["Sid"] == "s"
    with pytest.raises(ClientError, match="since it has rules"):
        dev.delete_event_bus(Name=name)


def test_what_a_target_does_not_take_goes_to_the_dead_letters(aws, events, inbox, source):
    gone = inbox.arn.replace("events-", "gone-")
    rule = rule_to(
        events, {"source": [source]}, gone, DeadLetterConfig={"Arn": inbox.arn},
        InputPath="$.detail",
    )  # fmt: skip
    put(events, source, {"n": 7})
    assert inbox.count(1)[0]["detail"] == {"n": 7}
    attributes = {
        name: value["StringValue"] for name, value in inbox.messages[0]["MessageAttributes"].items()
    }
    assert attributes["RULE_ARN"].endswith(f":rule/{rule}")
    assert attributes["TARGET_ARN"] == gone
    # A service that no queue policy lets in is not told whether there is such a queue.
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"


def test_a_disabled_rule_matches_nothing(events, inbox, source):
    rule = rule_to(events, {"source": [source]}, inbox.arn)
    events.disable_rule(Name=rule)
    put(events, source, {"n": 1})
    rule_to(events, {"source": [source], "detail": {"n": [2]}}, inbox.arn)
    put(events, source, {"n": 2})
    inbox.count(1)
    events.enable_rule(Name=rule)
    put(events, source, {"n": 3})
    assert [event["detail"]["n"] for event in inbox.count(2)] == [2, 3]


def test_entries_are_answered_one_by_one(events):
    good = {"Source": "s", "DetailType": "t", "Detail": "{}"}
    answer = events.put_events(
        Entries=[
            good, good | {"Source": "aws.sagemaker"}, good | {"Detail": "{"},
            good | {"Detail": "[]"}, {"DetailType": "t", "Detail": "{}"},
        ]
    )  # fmt: skip
    assert answer["FailedEntryCount"] == 4
    assert [entry.get("ErrorCode") for entry in answer["Entries"]] == [
        None, "NotAuthorizedForSourceException", "MalformedDetail", "MalformedDetail",
        "InvalidArgument",
    ]  # fmt: skip


def test_patterns_can_be_tested(events):
    event = {
        "id": "1", "account": "1", "source": "s", "time": "2026-01-01T00:00:00Z", "region": "r",
        "resources": [], "detail-type": "t", "detail": {"a": "x"},
    }  # fmt: skip

    def test(pattern, subject=event):
        return events.test_event_pattern(
            EventPattern=json.dumps(pattern), Event=json.dumps(subject)
        )["Result"]

    assert test({"detail": {"a": [{"prefix": "x"}]}}) is True
    assert test({"detail": {"a": ["y"]}}) is False
    with pytest.raises(ClientError, match="it lacks account"):
        test({"source": ["s"]}, {name: v for name, v in event.items() if name != "account"})
    for refused in (test, lambda p: events.put_rule(Name="r", EventPattern=json.dumps(p))):
        with pytest.raises(events.exceptions.InvalidEventPatternException):
            refused({"source": "s"})


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:lambda:us-east-1:111111111111:function:f",
        "arn:aws:states:us-east-1:111111111111:stateMachine:m",
        "arn:aws:codepipeline:us-east-1:111111111111:p",
        "arn:aws:logs:us-east-1:111111111111:log-group:/aws/events/g",
        "nonsense",
    ],
)
def test_targets_that_are_not_performed_are_refused(events, arn):
    with pytest.raises(ClientError, match="does not perform a target like") as caught:
        rule_to(events, {"source": ["s"]}, arn)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_what_else_is_refused(events, inbox):
    with pytest.raises(ClientError, match="does not perform ScheduleExpression"):
        events.put_rule(Name="r", ScheduleExpression="rate(5 minutes)")
    with pytest.raises(ClientError, match="EventPattern or ScheduleExpression must be specified"):
        events.put_rule(Name="r")
    for target in (
        {"Input": "{", "InputPath": "$"}, {"Input": "{"}, {"InputPath": "x"},
        {"InputTransformer": {"InputTemplate": '{"a": <b>}'}},
        {"KinesisParameters": {"PartitionKeyPath": "$"}},
    ):  # fmt: skip
        with pytest.raises(ClientError, match="ValidationException"):
            rule_to(events, {"source": ["s"]}, inbox.arn, **target)
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.put_targets(Rule="nowhere", Targets=[{"Id": "1", "Arn": inbox.arn}])


def test_s3_does_not_pretend_to_tell_eventbridge(aws, inbox):
    s3, bucket = aws.client("s3"), unique("told")
    s3.create_bucket(Bucket=bucket)
    with pytest.raises(ClientError, match="does not perform EventBridgeConfiguration"):
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    queue = {"QueueArn": inbox.arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [queue]}
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    inbox.until(lambda bodies: any("Records" in body for body in bodies))


def test_rules_are_described_tagged_and_deleted(events, inbox):
    rule = rule_to(events, {"source": ["s"]}, inbox.arn)
    described = events.describe_rule(Name=rule)
    assert (described["State"], described["EventBusName"]) == ("ENABLED", "default")
    events.tag_resource(ResourceARN=described["Arn"], Tags=[{"Key": "a", "Value": "1"}])
    assert events.list_tags_for_resource(ResourceARN=described["Arn"])["Tags"]
    assert [r["Name"] for r in events.list_rules(NamePrefix=rule)["Rules"]] == [rule]
    assert events.list_targets_by_rule(Rule=rule)["Targets"] == [{"Id": "1", "Arn": inbox.arn}]
    with pytest.raises(ClientError, match="since it has targets"):
        events.delete_rule(Name=rule)
    removed = events.remove_targets(Rule=rule, Ids=["1", "2"])
    assert removed["FailedEntries"][0]["TargetId"] == "2"
    events.delete_rule(Name=rule)
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name=rule)
