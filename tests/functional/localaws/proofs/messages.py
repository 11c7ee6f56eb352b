"""Proofs of SQS, SNS and CloudWatch's logs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.functional.localaws.proofs.prover import Prover

ACCOUNT = "777777777777"
QUEUE_ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"


def prove_sqs(do: Prover) -> None:
    at = {"QueueUrl": do("CreateQueue", QueueName="proof-queue")["QueueUrl"]}
    do("ListQueues", shows="proof-queue")
    do("GetQueueUrl", QueueName="proof-queue", shows=f"{ACCOUNT}/proof-queue")
    _messages(do, at)
    dead = do("CreateQueue", QueueName="proof-dead")["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": f"{QUEUE_ARN}proof-dead", "maxReceiveCount": 1})
    do("SetQueueAttributes", **at, Attributes={"RedrivePolicy": redrive})
    do("GetQueueAttributes", **at, AttributeNames=["All"], shows="proof-dead")
    do("ListDeadLetterSourceQueues", QueueUrl=dead, shows="proof-queue")
    do("TagQueue", **at, Tags={"k": "tagged-proof"})
    do("ListQueueTags", **at, shows="tagged-proof")
    do("UntagQueue", **at, TagKeys=["k"])
    do(
        "AddPermission",
        **at,
        Label="proof",
        AWSAccountIds=["888888888888"],
        Actions=["SendMessage"],
    )
    do("RemovePermission", **at, Label="proof")
    do("DeleteQueue", **at)


def _messages(do: Prover, at: dict[str, str]) -> None:
    do("SendMessage", **at, MessageBody="said-proof")
    entries = [{"Id": "1", "MessageBody": "second"}, {"Id": "2", "MessageBody": "third"}]
    do("SendMessageBatch", **at, Entries=entries)
    received = do("ReceiveMessage", **at, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["said-proof", "second", "third"]
    first, second, third = (message["ReceiptHandle"] for message in received)
    do("ChangeMessageVisibility", **at, ReceiptHandle=first, VisibilityTimeout=600)
    change = {"Id": "1", "ReceiptHandle": second, "VisibilityTimeout": 600}
    do("ChangeMessageVisibilityBatch", **at, Entries=[change])
    do("DeleteMessage", **at, ReceiptHandle=first)
    do("DeleteMessageBatch", **at, Entries=[{"Id": "1", "ReceiptHandle": third}])
    do("SendMessage", **at, MessageBody="purged")
    do("PurgeQueue", **at)


def _queue(do: Prover, name: str, service: str) -> str:
    queue = do.helping("sqs").create_queue(QueueName=name)["QueueUrl"]
    allow = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sqs:SendMessage", "Resource": f"{QUEUE_ARN}{name}"}]}  # fmt: skip
    do.helping("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(allow)})
    return str(queue)


def prove_sns(do: Prover) -> None:
    at = {"TopicArn": do("CreateTopic", Name="proof-topic")["TopicArn"]}
    do("ListTopics", shows="proof-topic")
    do("SetTopicAttributes", **at, AttributeName="DisplayName", AttributeValue="named-proof")
    do("GetTopicAttributes", **at, shows="named-proof")
    _subscriptions(do, at)
    resource = {"ResourceArn": at["TopicArn"]}
    do("TagResource", **resource, Tags=[{"Key": "k", "Value": "tagged-proof"}])
    do("ListTagsForResource", **resource, shows="tagged-proof")
    do("UntagResource", **resource, TagKeys=["k"])
    do("AddPermission", **at, Label="proof", AWSAccountId=["888888888888"], ActionName=["Publish"])
    do("RemovePermission", **at, Label="proof")
    do("DeleteTopic", **at)


def _subscriptions(do: Prover, at: dict[str, str]) -> None:
    queue = _queue(do, "proofs-sns", "sns")
    arn = do("Subscribe", **at, Protocol="sqs", Endpoint=f"{QUEUE_ARN}proofs-sns",
             ReturnSubscriptionArn=True)["SubscriptionArn"]  # fmt: skip
    do("ListSubscriptions", shows=arn)
    do("ListSubscriptionsByTopic", **at, shows=arn)
    raw = {"AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    do("SetSubscriptionAttributes", SubscriptionArn=arn, **raw)
    do("GetSubscriptionAttributes", SubscriptionArn=arn, shows="'RawMessageDelivery': 'true'")
    do("Publish", **at, Message="published")
    do("PublishBatch", **at, PublishBatchRequestEntries=[{"Id": "1", "Message": "batched"}])
    received = do.helping("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    assert [message["Body"] for message in received["Messages"]] == ["published", "batched"]
    do("Unsubscribe", SubscriptionArn=arn)


def prove_logs(do: Prover) -> None:
    group, stream = {"logGroupName": "/proofs"}, {"logStreamName": "proof-stream"}
    do("CreateLogGroup", **group)
    do("DescribeLogGroups", shows="/proofs")
    do("CreateLogStream", **group, **stream)
    do("DescribeLogStreams", **group, shows="proof-stream")
    event = {"timestamp": int(time.time() * 1000), "message": "said-proof"}
    do("PutLogEvents", **group, **stream, logEvents=[event])
    do("GetLogEvents", **group, **stream, shows="said-proof")
    do("FilterLogEvents", **group, filterPattern="said-proof", shows="said-proof")
    do("PutRetentionPolicy", **group, retentionInDays=7)
    do("DeleteRetentionPolicy", **group)
    do("TagLogGroup", **group, tags={"k": "tagged-proof"})
    do("ListTagsLogGroup", **group, shows="tagged-proof")
    do("UntagLogGroup", **group, tags=["k"])
    arn = {"resourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/proofs"}
    do("TagResource", **arn, tags={"k": "tagged-proof"})
    do("ListTagsForResource", **arn, shows="tagged-proof")
    do("UntagResource", **arn, tagKeys=["k"])
    do("DeleteLogStream", **group, **stream)
    do("DeleteLogGroup", **group)
