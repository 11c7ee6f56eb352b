"""CloudWatch Logs: groups and streams. In policies a group's ARN ends in ``:*``.

Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
and https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
"""

from __future__ import annotations

from localaws.core.actions.needs import Asked, Need, Rule, for_all, on, on_arn

_ON_GROUP = """
    CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DescribeLogStreams FilterLogEvents
    ListTagsLogGroup PutRetentionPolicy TagLogGroup UntagLogGroup
"""
_ON_STREAM = "CreateLogStream DeleteLogStream GetLogEvents PutLogEvents"


def _group(asked: Asked) -> list[Need]:
    given = asked.parameters
    named = given.get("logGroupName") or given.get("logGroupIdentifier") or "*"
    name = named.partition(":log-group:")[2] or named
    return [Need(f"logs:{asked.operation}", asked.arn("logs", f"log-group:{name}:*"))]


TABLE: dict[str, Rule] = {
    **for_all(_ON_GROUP, _group),
    **for_all(_ON_STREAM, on("logs", "log-group:{logGroupName}:log-stream:{logStreamName}")),
    "DescribeLogGroups": on("logs", "log-group:*"),
    **for_all("TagResource UntagResource ListTagsForResource", on_arn("logs", "resourceArn")),
}
