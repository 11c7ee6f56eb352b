"""What CloudWatch tells EventBridge of alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from localaws.core.announcing import Announcement, Change, Notice
from localaws.services.cloudwatch.definitions import statistic_of
from localaws.services.cloudwatch.verdict import instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.core.provider import Document


def _alarm(change: Change) -> Iterator[Announcement]:
    if change.before is None or not change.turned("StateValue") or change.after is None:
        return
    alarm = change.after
    detail = {
        "alarmName": alarm["AlarmName"],
        "configuration": _configuration(alarm),
        "previousState": _state(change.before),
        "state": _state(alarm),
    }
    arn = alarm["AlarmArn"]
    yield Announcement("aws.cloudwatch", "CloudWatch Alarm State Change", (arn,), detail)


#: By kind of document.
NOTICES: dict[str, Notice] = {"cloudwatch/alarm": _alarm}


def _state(alarm: Document) -> Document:
    state = {
        "value": alarm["StateValue"],
        "reason": alarm["StateReason"],
        "timestamp": instant(alarm["StateUpdatedTimestamp"]),
    }
    data = alarm.get("StateReasonData")
    return state | ({"reasonData": data} if data else {})


def _configuration(alarm: Document) -> Document:
    told: Document = (
        {"description": alarm["AlarmDescription"]} if "AlarmDescription" in alarm else {}
    )
    if "AlarmRule" in alarm:
        return told | {"alarmRule": alarm["AlarmRule"]}
    if "Metrics" in alarm:
        return told | {"metrics": [_query(query) for query in alarm["Metrics"]]}
    metric = _metric_stat(alarm, alarm["Period"], statistic_of(alarm), alarm.get("Unit"))
    # The id of a single metric is made up anew for each alarm, on AWS too; the same each time.
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, alarm["AlarmArn"]))
    return told | {"metrics": [{"id": name, "metricStat": metric, "returnData": True}]}


def _query(query: Document) -> Document:
    told: Document = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    told |= {name.lower(): query[name] for name in ("Expression", "Label") if name in query}
    if "MetricStat" in query:
        stat = query["MetricStat"]
        told["metricStat"] = _metric_stat(
            stat["Metric"], stat["Period"], stat["Stat"], stat.get("Unit")
        )
    return told


def _metric_stat(metric: Document, period: int, stat: str, unit: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "metric": {
            "dimensions": {d["Name"]: d["Value"] for d in metric.get("Dimensions", [])},
            "name": metric["MetricName"],
            "namespace": metric["Namespace"],
        },
        "period": period,
        "stat": stat,
    }
    return told | ({"unit": unit} if unit else {})
