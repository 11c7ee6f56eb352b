"""Alarms and events over a stop and over ``kill -9``: nothing is lost, nothing told anew."""

from __future__ import annotations

import contextlib
import json
import time

import pytest

from tests.functional.localaws.core_world import Process, running
from tests.functional.localaws.event_world import (
    Inbox,
    put_alarm,
    put_past,
    rule_to,
    state_of,
    topic_to,
    until_state,
)

ACCOUNT = "555555555555"


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def _settle(inbox: Inbox, seconds: float = 1.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        inbox.poll()
        time.sleep(0.05)


def test_an_alarm_goes_on_after_a_restart_and_tells_nothing_twice(state):
    with contextlib.closing(_Life(state)) as life:
        cloudwatch = life.process.client("cloudwatch")
        inbox = Inbox(life.process.client, "alarms")
        topic = topic_to(life.process.client, inbox, "alarms")
        name = put_alarm(cloudwatch, "space", AlarmActions=[topic], OKActions=[topic])
        put_past(cloudwatch, "space", [9, 9, 9])
        assert [told["NewStateValue"] for told in inbox.count(1)] == ["ALARM"]
        life.restart()
        inbox = Inbox(life.process.client, "alarms")
        cloudwatch = life.process.client("cloudwatch")
        assert state_of(cloudwatch, name) == "ALARM"
        _settle(inbox)
        assert inbox.bodies == []
        put_past(cloudwatch, "space", [-9, -9, -9])
        assert [told["NewStateValue"] for told in inbox.count(1)] == ["OK"]
        summaries = [
            item["HistorySummary"]
            for item in cloudwatch.describe_alarm_history(
                AlarmName=name, HistoryItemType="StateUpdate"
            )["AlarmHistoryItems"]
        ]
        assert summaries == [
            "Alarm updated from ALARM to OK", "Alarm updated from INSUFFICIENT_DATA to ALARM"
        ]  # fmt: skip


def test_an_alarm_that_should_have_turned_while_the_server_was_down_turns_at_start(state):
    with contextlib.closing(_Life(state)) as life:
        cloudwatch = life.process.client("cloudwatch")
        name = put_alarm(cloudwatch, "space", EvaluationPeriods=1, DatapointsToAlarm=1)
        put_past(cloudwatch, "space", [9])
        life.process.kill()  # at once: the evaluation may or may not have been reached
        life.start()
        until_state(life.process.client("cloudwatch"), name, "ALARM")


def test_events_that_were_not_delivered_before_a_kill_are_delivered_after_it(state):
    """The approval's event waits behind hundreds of others when the server is killed."""
    with contextlib.closing(_Life(state)) as life:
        client = life.process.client
        inbox, bulk = Inbox(client, "events"), Inbox(client, "bulk")
        events, sagemaker = client("events"), client("sagemaker")
        rule_to(events, {"source": ["aws.sagemaker"]}, inbox.arn)
        rule_to(events, {"source": ["bulk"]}, bulk.arn)
        sagemaker.create_model_package_group(ModelPackageGroupName="group")
        package = sagemaker.create_model_package(ModelPackageGroupName="group")["ModelPackageArn"]
        life.restart()  # what stands in the way of the test is saved: queue, rule, package
        events, sagemaker = life.process.client("events"), life.process.client("sagemaker")
        entry = {"Source": "bulk", "DetailType": "t"}
        for number in range(40):
            entries = [entry | {"Detail": json.dumps({"n": 10 * number + n})} for n in range(10)]
            events.put_events(Entries=entries)
        sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
        life.process.kill()
        life.start()
        inbox = Inbox(life.process.client, "events")
        inbox.until(
            lambda bodies: "Approved" in [b["detail"]["ModelApprovalStatus"] for b in bodies]
        )
        assert life.process.client("sagemaker").describe_model_package(ModelPackageName=package)[
            "ModelApprovalStatus"
        ] == "Approved"  # fmt: skip


def test_rules_buses_and_metrics_are_kept_over_a_kill(state):
    with contextlib.closing(_Life(state)) as life:
        client = life.process.client
        client("events").create_event_bus(Name="bus")
        client("events").put_rule(
            Name="r", EventBusName="bus", EventPattern='{"source": ["s"]}', State="DISABLED"
        )
        client("cloudwatch").put_metric_data(
            Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}]
        )
        life.process.kill()
        life.start()
        described = life.process.client("events").describe_rule(Name="r", EventBusName="bus")
        assert (described["State"], described["EventPattern"]) == ("DISABLED", '{"source": ["s"]}')
        listed = life.process.client("cloudwatch").list_metrics(Namespace="n")["Metrics"]
        assert [metric["MetricName"] for metric in listed] == ["m"]


def test_a_server_with_an_alarm_does_next_to_nothing_while_nothing_happens(state):
    with running(state) as process:
        cloudwatch = process.client("cloudwatch")
        put_alarm(cloudwatch, "space", Period=60, TreatMissingData="notBreaching")
        until_state(cloudwatch, _only(cloudwatch), "OK")
        time.sleep(2.5)  # the snapshot of what was just written
        before = _cpu_seconds(process)
        time.sleep(3)
        assert _cpu_seconds(process) - before < 0.15


def _only(cloudwatch) -> str:
    (alarm,) = cloudwatch.describe_alarms()["MetricAlarms"]
    return str(alarm["AlarmName"])


def _cpu_seconds(process: Process) -> float:
    import os
    from pathlib import Path

    fields = Path(f"/proc/{process._process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Life:
    """A server that is stopped, killed and started again on the same state."""

    def __init__(self, state) -> None:
        self._state = state
        self.start()

    def start(self) -> None:
        self.process = Process(self._state)

    def restart(self) -> None:
        self.process.stop()
        self.start()

    def close(self) -> None:
        self.process.kill()
