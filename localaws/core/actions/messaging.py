"""SNS's topics and SQS's queues.

Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
and https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
"""

from __future__ import annotations

from localaws.core.actions.needs import Asked, Need, Rule, anywhere, for_all

_ON_TOPIC = """
    AddPermission ConfirmSubscription DeleteTopic GetTopicAttributes ListSubscriptionsByTopic
    Publish RemovePermission SetTopicAttributes Subscribe
"""
_TOPICLESS = """
    GetSubscriptionAttributes ListSubscriptions ListTopics SetSubscriptionAttributes Unsubscribe
"""
_ON_QUEUE = """
    AddPermission ChangeMessageVisibility DeleteMessage DeleteQueue GetQueueAttributes
    ListDeadLetterSourceQueues ListQueueTags PurgeQueue ReceiveMessage RemovePermission SendMessage
    SetQueueAttributes TagQueue UntagQueue
"""
#: Operations on several messages need the permission for one.
_BATCHES = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
    "SendMessageBatch": "SendMessage",
}


def _topic(action: str = "") -> Rule:
    def rule(asked: Asked) -> list[Need]:
        given = asked.parameters
        arn = given.get("TopicArn") or given.get("TargetArn") or given.get("ResourceArn") or "*"
        values = {
            # What the policy that SNS gives a new topic asks for.
            "aws:SourceOwner": asked.account_id,
            **({"sns:Protocol": given["Protocol"]} if given.get("Protocol") else {}),
            **({"sns:Endpoint": given["Endpoint"]} if given.get("Endpoint") else {}),
        }
        return [
            Need(action or f"sns:{asked.operation}", arn, values, ("sns:Protocol", "sns:Endpoint"))
        ]

    return rule


def _new_topic(asked: Asked) -> list[Need]:
    arn = asked.arn("sns", asked.parameters["Name"])
    return [Need("sns:CreateTopic", arn, makes=True)]


def _queue(action: str = "") -> Rule:
    def rule(asked: Asked) -> list[Need]:
        account, name = str(asked.parameters["QueueUrl"]).split("/")[-2:]
        arn = f"arn:aws:sqs:{asked.region}:{account}:{name}"
        return [Need(action or f"sqs:{asked.operation}", arn)]

    return rule


def _named_queue(asked: Asked) -> list[Need]:
    account = asked.parameters.get("QueueOwnerAWSAccountId") or asked.account_id
    arn = f"arn:aws:sqs:{asked.region}:{account}:{asked.parameters['QueueName']}"
    return [Need(f"sqs:{asked.operation}", arn, makes=asked.operation == "CreateQueue")]


SNS: dict[str, Rule] = {
    **for_all(_ON_TOPIC, _topic()),
    "PublishBatch": _topic("sns:Publish"),
    "CreateTopic": _new_topic,
    **for_all("TagResource UntagResource ListTagsForResource", _topic()),
    **{name: anywhere(f"sns:{name}") for name in _TOPICLESS.split()},
}
SQS: dict[str, Rule] = {
    **for_all(_ON_QUEUE, _queue()),
    **{name: _queue(f"sqs:{action}") for name, action in _BATCHES.items()},
    **for_all("CreateQueue GetQueueUrl", _named_queue),
    "ListQueues": anywhere("sqs:ListQueues"),
}
