"""What the tests of alarms and events share: queues for what is sent, metrics of the past."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD = 10


def unique(stem: str) -> str:
    return f"{stem}-{uuid.uuid4().hex[:8]}"


def policy(services: list[str], resource: str, action: str) -> str:
    """Lets AWS's services send to a queue or topic, as AWS demands."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": [f"{name}.amazonaws.com" for name in services]},
        "Action": action,
        "Resource": resource,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Inbox:
    """A queue that EventBridge and SNS may send to, and what has arrived in it.

    ``client`` makes a client of a service, for example ``aws.client`` or ``process.client``.
    """

    def __init__(self, client: Callable[..., Any], name: str, **attributes: str) -> None:
        self.sqs = client("sqs")
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        self.sqs.set_queue_attributes(
            QueueUrl=self.url,
            Attributes={"Policy": policy(["events", "sns"], self.arn, "sqs:SendMessage")},
        )
        self.messages: list[dict[str, Any]] = []

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.messages]

    def poll(self) -> None:
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )  # fmt: skip
        for message in answer.get("Messages", []):
            self.messages.append(message)
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def until(self, done: Callable[[list[Any]], Any], seconds: float = 30.0) -> list[Any]:
        """Wait until what arrived satisfies; return all of it."""
        deadline = time.monotonic() + seconds
        while True:
            self.poll()
            if done(self.bodies):
                return self.bodies
            assert time.monotonic() < deadline, self.bodies
            time.sleep(0.03)

    def count(self, number: int) -> list[Any]:
        return self.until(lambda bodies: len(bodies) >= number)


def topic_to(client: Callable[..., Any], inbox: Inbox, name: str) -> str:
    """A topic that CloudWatch may publish to, subscribed by the inbox, raw."""
    sns = client("sns")
    topic: str = sns.create_topic(Name=name)["TopicArn"]
    sns.set_topic_attributes(
        TopicArn=topic,
        AttributeName="Policy",
        AttributeValue=policy(["cloudwatch", "events"], topic, "sns:Publish"),
    )
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=inbox.arn,
        Attributes={"RawMessageDelivery": "true"},
    )  # fmt: skip
    return topic


def rule_to(events: Any, pattern: dict[str, Any], arn: str, **target: Any) -> str:
    name = unique("rule")
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn, **target}])
    return name


def period_begin() -> float:
    """When the period of ten seconds began that is under way."""
    return time.time() // PERIOD * PERIOD


def put_past(
    cloudwatch: Any,
    namespace: str,
    values: list[float],
    name: str = "m",
    base: float | None = None,
) -> None:
    """Put a value into each of the last periods of ten seconds before ``base``, newest last."""
    base = period_begin() if base is None else base
    cloudwatch.put_metric_data(
        Namespace=namespace,
        MetricData=[
            {
                "MetricName": name,
                "Value": value,
                "StorageResolution": 1,
                "Timestamp": datetime.fromtimestamp(base - PERIOD * age + PERIOD / 2, UTC),
            }
            for age, value in zip(range(len(values), 0, -1), values, strict=True)
        ],
    )


def put_alarm(cloudwatch: Any, namespace: str, **more: Any) -> str:
    """An alarm on the sum of ``m``, 2 out of 3 periods of ten seconds above 5, unless said else."""
    name = str(more.pop("AlarmName", unique("alarm")))
    single = {} if "Metrics" in more else {
        "Namespace": namespace, "MetricName": "m", "Statistic": "Sum", "Period": PERIOD
    }  # fmt: skip
    cloudwatch.put_metric_alarm(
        **{
            "AlarmName": name, "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
        } | single | more,
    )  # fmt: skip
    return name


def state_of(cloudwatch: Any, name: str) -> str:
    found = cloudwatch.describe_alarms(
        AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    return str((found["MetricAlarms"] + found["CompositeAlarms"])[0]["StateValue"])


def until_state(cloudwatch: Any, name: str, state: str, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while (found := state_of(cloudwatch, name)) != state:
        assert time.monotonic() < deadline, found
        time.sleep(0.03)
