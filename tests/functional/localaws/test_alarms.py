"""Alarms, driven as any program would: data in, states and SNS messages out."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.event_world import (
    PERIOD,
    Inbox,
    period_begin,
    put_alarm,
    put_past,
    rule_to,
    state_of,
    topic_to,
    unique,
    until_state,
)


@pytest.fixture
def cloudwatch(aws):
    return aws.client("cloudwatch")


@pytest.fixture
def inbox(aws):
    return Inbox(aws.client, unique("alarms"))


@pytest.fixture
def topic(aws, inbox):
    return topic_to(aws.client, inbox, unique("alarms"))


def test_two_out_of_three_goes_to_alarm_and_back_and_tells_each_change_once(
    cloudwatch, inbox, topic
):
    space = unique("space")
    name = put_alarm(
        cloudwatch, space, AlarmActions=[topic], OKActions=[topic], AlarmDescription="too many",
        Unit="None",
    )  # fmt: skip
    base = period_begin()  # the same periods throughout, even if one ends meanwhile
    put_past(cloudwatch, space, [1, 1, 1], base=base)
    until_state(cloudwatch, name, "OK")
    put_past(cloudwatch, space, [0, 8, 8], base=base)
    until_state(cloudwatch, name, "ALARM")
    put_past(cloudwatch, space, [0, -8, -8], base=base)
    until_state(cloudwatch, name, "OK")
    told = inbox.count(3)
    assert [(m["OldStateValue"], m["NewStateValue"]) for m in told] == [
        ("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "OK")
    ]  # fmt: skip
    alarm = told[1]
    assert alarm["AlarmName"] == name
    assert alarm["AWSAccountId"] == "111111111111"
    assert alarm["Region"] == "US East (N. Virginia)"
    assert alarm["AlarmArn"] == f"arn:aws:cloudwatch:us-east-1:111111111111:alarm:{name}"
    assert alarm["NewStateReason"].startswith(
        "Threshold Crossed: 2 out of the last 3 datapoints [9.0 ("
    )
    assert alarm["NewStateReason"].endswith(
        "were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)."
    )
    datetime.strptime(alarm["StateChangeTime"], "%Y-%m-%dT%H:%M:%S.%f%z")
    assert alarm["Trigger"] == {
        "MetricName": "m", "Namespace": space, "StatisticType": "Statistic", "Statistic": "SUM",
        "Unit": "None", "Dimensions": [], "Period": 10, "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 5.0,
        "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": "",
    }  # fmt: skip
    kinds = [
        (item["HistoryItemType"], item["HistorySummary"].split(" arn:")[0])
        for item in cloudwatch.describe_alarm_history(
            AlarmName=name, ScanBy="TimestampAscending", HistoryItemType="StateUpdate"
        )["AlarmHistoryItems"]
    ]
    assert kinds == [
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to OK"),
        ("StateUpdate", "Alarm updated from OK to ALARM"),
        ("StateUpdate", "Alarm updated from ALARM to OK"),
    ]


def test_each_treatment_of_missing_data_has_its_state(cloudwatch):
    space = unique("space")
    wanted = {
        "missing": "INSUFFICIENT_DATA", "ignore": "ALARM", "breaching": "ALARM",
        "notBreaching": "OK",
    }  # fmt: skip
    names = {
        treatment: put_alarm(cloudwatch, space, TreatMissingData=treatment) for treatment in wanted
    }
    for name in names.values():
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="to begin with")
        put_alarm(cloudwatch, space, AlarmName=name, TreatMissingData=next(
            t for t, n in names.items() if n == name
        ))  # fmt: skip
    for treatment, name in names.items():
        until_state(cloudwatch, name, wanted[treatment])


def test_an_alarm_change_is_an_event_too(aws, cloudwatch, inbox):
    space, events = unique("space"), aws.client("events")
    name = put_alarm(cloudwatch, space, AlarmDescription="d")
    rule_to(events, {"source": ["aws.cloudwatch"], "detail": {"alarmName": [name]}}, inbox.arn)
    put_past(cloudwatch, space, [9, 9, 9])
    (event,) = inbox.count(1)
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == [f"arn:aws:cloudwatch:us-east-1:111111111111:alarm:{name}"]
    detail = event["detail"]
    assert detail["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert detail["state"]["value"] == "ALARM"
    assert json.loads(detail["state"]["reasonData"])["recentDatapoints"] == [9.0, 9.0, 9.0]
    assert detail["configuration"]["description"] == "d"
    assert detail["configuration"]["metrics"][0]["metricStat"] == {
        "metric": {"dimensions": {}, "name": "m", "namespace": space}, "period": 10, "stat": "Sum"
    }  # fmt: skip


def test_an_alarm_on_an_expression(cloudwatch, inbox, topic):
    space = unique("space")

    def query(name, metric):
        stat = {
            "Metric": {"Namespace": space, "MetricName": metric},
            "Period": PERIOD,
            "Stat": "Sum",
        }
        return {"Id": name, "MetricStat": stat, "ReturnData": False}

    ratio = {"Id": "e1", "Expression": "100 * m1 / m2", "Label": "errors in percent"}
    name = put_alarm(
        cloudwatch, space, AlarmActions=[topic],
        Metrics=[ratio, query("m1", "errors"), query("m2", "requests")],
    )  # fmt: skip
    base = period_begin()
    put_past(cloudwatch, space, [200, 200, 200], name="requests", base=base)
    put_past(cloudwatch, space, [1, 30, 30], name="errors", base=base)
    until_state(cloudwatch, name, "ALARM")
    (told,) = inbox.count(1)
    assert "[15.0 (" in told["NewStateReason"]
    assert told["Trigger"]["Metrics"][0]["Expression"] == "100 * m1 / m2"
    assert told["Trigger"]["Metrics"][1]["MetricStat"]["Metric"]["MetricName"] == "errors"


def test_a_composite_alarm_acts_for_its_parts(cloudwatch, inbox, topic):
    spaces = [unique("space"), unique("space")]
    parts = [put_alarm(cloudwatch, space) for space in spaces]
    name = unique("composite")
    cloudwatch.put_composite_alarm(
        AlarmName=name, AlarmRule=f'ALARM("{parts[0]}") AND ALARM("{parts[1]}")',
        AlarmActions=[topic], OKActions=[topic],
    )  # fmt: skip
    until_state(cloudwatch, name, "OK")
    put_past(cloudwatch, spaces[0], [9, 9, 9])
    until_state(cloudwatch, parts[0], "ALARM")
    assert state_of(cloudwatch, name) == "OK"
    put_past(cloudwatch, spaces[1], [9, 9, 9])
    until_state(cloudwatch, name, "ALARM")
    told = inbox.count(2)[-1]
    assert (told["NewStateValue"], told["AlarmRule"]) == (
        "ALARM", f'ALARM("{parts[0]}") AND ALARM("{parts[1]}")'
    )  # fmt: skip
    arn = f"arn:aws:cloudwatch:us-east-1:111111111111:alarm:{parts[1]}"
    assert told["NewStateReason"].startswith(f"{arn} transitioned to ALARM at ")
    assert told["TriggeringChildren"][0]["Arn"] == arn
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []
    with pytest.raises(ClientError, match="which is no alarm"):
        cloudwatch.put_composite_alarm(AlarmName=unique("c"), AlarmRule="ALARM(nowhere)")
    other = unique("composite")
    cloudwatch.put_composite_alarm(AlarmName=other, AlarmRule=f"NOT ALARM({name})")
    with pytest.raises(ClientError, match="would be watching itself"):
        cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=f"ALARM({other})")


def test_actions_can_be_disabled(cloudwatch, inbox, topic):
    space = unique("space")
    name = put_alarm(cloudwatch, space, AlarmActions=[topic], OKActions=[topic])
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    put_past(cloudwatch, space, [9, 9, 9])
    until_state(cloudwatch, name, "ALARM")
    cloudwatch.enable_alarm_actions(AlarmNames=[name])
    put_past(cloudwatch, space, [-9, -9, -9])
    assert [told["NewStateValue"] for told in inbox.count(1)] == ["OK"]


def test_a_state_that_was_set_is_told_and_lasts_until_the_next_evaluation(cloudwatch, inbox, topic):
    space = unique("space")
    name = put_alarm(cloudwatch, space, AlarmActions=[topic], OKActions=[topic])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill")
    assert inbox.count(1)[0]["NewStateReason"] == "a drill"
    put_past(cloudwatch, space, [1, 1, 1])
    assert [told["NewStateValue"] for told in inbox.count(2)] == ["ALARM", "OK"]
    with pytest.raises(cloudwatch.exceptions.ResourceNotFound):
        cloudwatch.set_alarm_state(AlarmName="nowhere", StateValue="OK", StateReason="r")


def test_a_topic_that_is_not_there_is_written_into_the_history(cloudwatch):
    gone = "arn:aws:sns:us-east-1:111111111111:not-there"
    name = put_alarm(cloudwatch, unique("space"), AlarmActions=[gone])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="r")
    deadline = time.monotonic() + 10
    while not (
        found := cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")[
            "AlarmHistoryItems"
        ]
    ):
        assert time.monotonic() < deadline
    assert found[0]["HistorySummary"] == f"Failed to execute action {gone}"
    assert json.loads(found[0]["HistoryData"])["actionState"] == "Failed"


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "no alarm action but SNS"),
        ({"AlarmActions": ["arn:aws:lambda:us-east-1:111111111111:function:f"]}, "but SNS"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "anomaly detection"),
        ({"DatapointsToAlarm": 4}, "DatapointsToAlarm"),
        ({"Period": 45}, "multiple of 60"),
        ({"EvaluationPeriods": 100_000, "Period": 60}, "more than 1 day"),
        ({"TreatMissingData": "perhaps"}, "TreatMissingData"),
        ({"Statistic": "Sum", "ExtendedStatistic": "p90"}, "Exactly one of"),
        ({"EvaluateLowSampleCountPercentile": "ignore"}, "EvaluateLowSampleCountPercentile"),
        ({"Metrics": [{"Id": "e1", "Expression": "RATE(m1)"}]}, "does not perform RATE"),
        ({"WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 1}}, "does not perform"),
    ],
)  # fmt: skip
def test_alarms_that_cannot_be_performed_are_refused(cloudwatch, more, text):
    with pytest.raises(ClientError, match=text) as caught:
        put_alarm(cloudwatch, "refused", **more)
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_alarms_are_described_tagged_and_deleted(cloudwatch):
    space = unique("space")
    name = put_alarm(cloudwatch, space, Tags=[{"Key": "a", "Value": "1"}])
    (described,) = cloudwatch.describe_alarms(AlarmNamePrefix=name)["MetricAlarms"]
    arn = described["AlarmArn"]
    assert (described["StateReason"], described["Threshold"]) == (
        "Unchecked: Initial alarm creation", 5.0
    )  # fmt: skip
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])
    tags = cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert tags == [{"Key": "b", "Value": "2"}]
    found = cloudwatch.describe_alarms_for_metric(Namespace=space, MetricName="m")["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in found] == [name]
    with pytest.raises(cloudwatch.exceptions.ResourceNotFound):
        cloudwatch.delete_alarms(AlarmNames=[name, "nowhere"])
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


# -- metrics --------------------------------------------------------------------------------------


def _minutes(number: int) -> datetime:
    base = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    return base + timedelta(minutes=number)


def test_statistics_of_a_metric_by_dimension_unit_and_percentile(cloudwatch):
    space = unique("space")
    data = [
        {"MetricName": "latency", "Timestamp": _minutes(0), "Unit": "Seconds",
         "Dimensions": [{"Name": "Variant", "Value": "all"}],
         "Values": [float(n) for n in range(1, 11)], "Counts": [1.0] * 10},
        {"MetricName": "latency", "Timestamp": _minutes(0), "Unit": "Count", "Value": 1000.0,
         "Dimensions": [{"Name": "Variant", "Value": "all"}]},
        {"MetricName": "latency", "Timestamp": _minutes(0), "Value": 77.0},
        {"MetricName": "latency", "Timestamp": _minutes(1), "Unit": "Seconds",
         "Dimensions": [{"Name": "Variant", "Value": "all"}],
         "StatisticValues": {"SampleCount": 4, "Sum": 8, "Minimum": 1, "Maximum": 3}},
    ]  # fmt: skip
    cloudwatch.put_metric_data(Namespace=space, MetricData=data)
    asked = {
        "Namespace": space, "MetricName": "latency", "StartTime": _minutes(0),
        "EndTime": _minutes(2), "Period": 60, "Unit": "Seconds",
        "Dimensions": [{"Name": "Variant", "Value": "all"}],
    }  # fmt: skip
    points = cloudwatch.get_metric_statistics(
        **asked, Statistics=["SampleCount", "Average", "Sum", "Minimum", "Maximum"]
    )["Datapoints"]
    points.sort(key=lambda point: point["Timestamp"])
    assert [(p["SampleCount"], p["Sum"], p["Minimum"], p["Maximum"]) for p in points] == [
        (10, 55, 1, 10), (4, 8, 1, 3)
    ]  # fmt: skip
    assert [p["Average"] for p in points] == [5.5, 2]
    (first,) = cloudwatch.get_metric_statistics(**asked, ExtendedStatistics=["p90"])["Datapoints"]
    assert first["ExtendedStatistics"] == {"p90": 9.0}  # the set of statistics has no percentiles
    plain = asked | {"Dimensions": []}
    plain.pop("Unit")
    (point,) = cloudwatch.get_metric_statistics(**plain, Statistics=["Sum"])["Datapoints"]
    assert point["Sum"] == 77  # dimensions are part of a metric's name
    listed = cloudwatch.list_metrics(Namespace=space, Dimensions=[{"Name": "Variant"}])["Metrics"]
    assert listed == [
        {"Namespace": space, "MetricName": "latency",
         "Dimensions": [{"Name": "Variant", "Value": "all"}]}
    ]  # fmt: skip


def test_get_metric_data_reckons(cloudwatch):
    space = unique("space")
    for number, (hits, misses) in enumerate([(8, 2), (6, 4), (5, 0)]):
        cloudwatch.put_metric_data(
            Namespace=space,
            MetricData=[
                {"MetricName": "hits", "Timestamp": _minutes(number), "Value": hits},
                {"MetricName": "misses", "Timestamp": _minutes(number), "Value": misses},
            ],
        )

    def stat(name, metric):
        what = {"Metric": {"Namespace": space, "MetricName": metric}, "Period": 60, "Stat": "Sum"}
        return {"Id": name, "MetricStat": what, "ReturnData": False}

    results = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {"Id": "rate", "Expression": "h / (h + m)", "Label": "hit rate"},
            stat("h", "hits"), stat("m", "misses"),
        ],
        StartTime=_minutes(0), EndTime=_minutes(3), ScanBy="TimestampAscending",
    )["MetricDataResults"]  # fmt: skip
    assert [(r["Id"], r["Label"], r["Values"]) for r in results] == [
        ("rate", "hit rate", [0.8, 0.6, 1.0])
    ]
    assert results[0]["Timestamps"][0] == _minutes(0)
    with pytest.raises(ClientError, match="does not perform RATE"):
        cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "e", "Expression": "RATE(h)"}, stat("h", "hits")],
            StartTime=_minutes(0), EndTime=_minutes(3),
        )  # fmt: skip


def test_many_data_at_once_come_compressed_and_are_all_kept(cloudwatch):
    space = unique("space")
    data = [{"MetricName": "m", "Value": 1.0, "Timestamp": _minutes(0)} for _ in range(800)]
    cloudwatch.put_metric_data(Namespace=space, MetricData=data)
    (point,) = cloudwatch.get_metric_statistics(
        Namespace=space, MetricName="m", StartTime=_minutes(0), EndTime=_minutes(1), Period=60,
        Statistics=["SampleCount"],
    )["Datapoints"]  # fmt: skip
    assert point["SampleCount"] == 800


@pytest.mark.parametrize(
    ("namespace", "datum", "code"),
    [
        ("AWS/SageMaker", {"Value": 1.0}, "InvalidParameterValue"),
        ("n", {"Value": float("nan")}, "InvalidParameterValue"),
        ("n", {}, "MissingParameter"),
        ("n", {"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination"),
        ("n", {"Values": [1.0], "Counts": [1.0, 2.0]}, "InvalidParameterValue"),
        (
            "n",
            {"Value": 1.0, "Timestamp": datetime(2020, 1, 1, tzinfo=UTC)},
            "InvalidParameterValue",
        ),
        ("n", {"Value": 1.0, "StorageResolution": 7}, "InvalidParameterValue"),
    ],
)
def test_invalid_data_is_refused(cloudwatch, namespace, datum, code):
    with pytest.raises(ClientError) as caught:
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", **datum}])
    assert caught.value.response["Error"]["Code"] == code
