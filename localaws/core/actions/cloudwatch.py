"""CloudWatch: metrics have no resource, alarms do.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

from __future__ import annotations

from localaws.core.actions.needs import Asked, Need, Rule, for_all, on, on_arn


def _namespaced(asked: Asked) -> list[Need]:
    values = {"cloudwatch:namespace": str(asked.parameters.get("Namespace", ""))}
    return [Need("cloudwatch:PutMetricData", values=values)]


def _each_alarm(asked: Asked) -> list[Need]:
    return [
        Need(f"cloudwatch:{asked.operation}", asked.arn("cloudwatch", f"alarm:{name}"))
        for name in asked.parameters.get("AlarmNames") or ["*"]
    ]


TABLE: dict[str, Rule] = {
    "PutMetricData": _namespaced,
    **for_all(
        "PutMetricAlarm PutCompositeAlarm SetAlarmState DescribeAlarmHistory",
        on("cloudwatch", "alarm:{AlarmName}"),
    ),
    **for_all("DescribeAlarms DeleteAlarms EnableAlarmActions DisableAlarmActions", _each_alarm),
    **for_all("TagResource UntagResource ListTagsForResource", on_arn("cloudwatch", "ResourceARN")),
}
