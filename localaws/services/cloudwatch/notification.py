"""What a topic is told of an alarm's change: SNS's subject and message, and their sending.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Acting_Alarm_Changes.html
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.core import loopback
from localaws.services.cloudwatch.verdict import instant

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document
    from localaws.services.cloudwatch.states import Alarms

_log = logging.getLogger(__name__)
_ATTEMPTS = 6
_SERVER_ERROR = 500
_SUBJECT_CHARACTERS = 100
_REGIONS = {
    "us-east-1": "US East (N. Virginia)", "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)", "us-west-2": "US West (Oregon)",
    "eu-west-1": "EU (Ireland)", "eu-central-1": "EU (Frankfurt)",
}  # fmt: skip


class Notifier:
    """Publishes what the courier of notifications carries."""

    def __init__(self, context: ServerContext, alarms: Alarms) -> None:
        self._context = context
        self._alarms = alarms

    def carry(self, piece: Document, attempts: int) -> float | None:
        """Publish once; write into the alarm's history how it went."""
        topic, alarm = piece["topic"], piece["alarm"]
        _, _, _, region, account_id, _ = topic.split(":")
        sns = self._context.client("sns", account_id, region, acting_as="cloudwatch")
        text = json.dumps(message(piece))
        try:
            with loopback.on_behalf_of(alarm["AlarmArn"]):
                sns.publish(TopicArn=topic, Subject=subject(piece), Message=text)
        except (ClientError, BotoCoreError) as error:
            if attempts + 1 < _ATTEMPTS and _is_passing(error):
                return float(2**attempts)
            _log.warning("%s could not notify %s: %s", alarm["AlarmArn"], topic, error)
            self._note(piece, "Failed to execute action", text, str(error))
            return None
        self._note(piece, "Successfully executed action", text, None)
        return None

    def _note(self, piece: Document, summary: str, text: str, error: str | None) -> None:
        data = {
            "actionState": "Failed" if error else "Succeeded",
            "notificationResource": piece["topic"],
            "stateUpdateTimestamp": int(piece["alarm"]["StateUpdatedTimestamp"] * 1000),
            "publishedMessage": text,
            "error": error,
        }
        what = f"{summary} {piece['topic']}"
        self._alarms.note(piece["key"], piece["alarm"], "Action", what, data)


def subject(piece: Document) -> str:
    """Return the subject, for example ``ALARM: "name" in US East (N. Virginia)``."""
    alarm = piece["alarm"]
    region = alarm["AlarmArn"].split(":")[3]
    told = f'{alarm["StateValue"]}: "{alarm["AlarmName"]}" in {_REGIONS.get(region, region)}'
    return told if len(told) <= _SUBJECT_CHARACTERS else f"{told[: _SUBJECT_CHARACTERS - 3]}..."


def message(piece: Document) -> Document:
    """Return the message CloudWatch publishes."""
    alarm = piece["alarm"]
    _, _, _, region, account_id, _ = alarm["AlarmArn"].split(":", 5)
    told: Document = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": account_id,
        "AlarmConfigurationUpdatedTimestamp": instant(alarm["AlarmConfigurationUpdatedTimestamp"]),
        "NewStateValue": alarm["StateValue"],
        "NewStateReason": alarm["StateReason"],
        "StateChangeTime": piece["at"],
        "Region": _REGIONS.get(region, region),
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": piece["old"],
        "OKActions": alarm["OKActions"],
        "AlarmActions": alarm["AlarmActions"],
        "InsufficientDataActions": alarm["InsufficientDataActions"],
    }
    if "AlarmRule" not in alarm:
        return told | {"Trigger": _trigger(alarm)}
    told["AlarmRule"] = alarm["AlarmRule"]
    children = json.loads(alarm.get("StateReasonData") or "{}").get("triggeringAlarms", [])
    told["TriggeringChildren"] = [
        {
            "Arn": child["arn"],
            "State": {"Value": child["state"]["value"], "Timestamp": child["state"]["timestamp"]},
        }
        for child in children
    ]
    return told


def _trigger(alarm: Document) -> Document:
    judged = {
        "EvaluationPeriods": alarm["EvaluationPeriods"],
        "DatapointsToAlarm": alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]),
        "ComparisonOperator": alarm["ComparisonOperator"],
        "Threshold": alarm["Threshold"],
        "TreatMissingData": alarm.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": alarm.get("EvaluateLowSampleCountPercentile", ""),
    }
    if "Metrics" in alarm:
        return {"Metrics": [_query(query) for query in alarm["Metrics"]]} | judged
    if "Statistic" in alarm:
        # Statistics are spelled as Java's constants here: AVERAGE, SAMPLE_COUNT.
        name = alarm["Statistic"]
        spelled = "SAMPLE_COUNT" if name == "SampleCount" else name.upper()
        statistic = {"StatisticType": "Statistic", "Statistic": spelled}
    else:
        extended = alarm["ExtendedStatistic"]
        statistic = {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": extended}
    return {
        "MetricName": alarm["MetricName"],
        "Namespace": alarm["Namespace"],
        **statistic,
        "Unit": alarm.get("Unit"),
        "Dimensions": _dimensions(alarm),
        "Period": alarm["Period"],
        **judged,
    }


def _query(query: Document) -> dict[str, Any]:
    shown = {name: value for name, value in query.items() if name != "MetricStat"}
    shown["ReturnData"] = query.get("ReturnData", True)
    if "MetricStat" in query:
        stat = query["MetricStat"]
        metric = stat["Metric"]
        shown["MetricStat"] = stat | {"Metric": metric | {"Dimensions": _dimensions(metric)}}
    return shown


def _dimensions(described: Document) -> list[dict[str, str]]:
    return [{"value": d["Value"], "name": d["Name"]} for d in described.get("Dimensions", [])]


def _is_passing(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR))
    return status >= _SERVER_ERROR or "Throttl" in error.response["Error"]["Code"]
