"""Alarms and events over a stop and over ``kill -9``: nothing is lost, nothing told anew."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

import pytest

from tests.functional.localaws.core_world import Process
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
        name = put_alarm(
            cloudwatch, "space", AlarmActions=[topic], OKActions=[topic], TreatMissingData="ignore"
        )
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

        _assert_idle(life.process)


def test_what_was_not_done_before_a_kill_is_done_after_it(state):
    """The approval's event waits behind many others when the server is killed."""
    with contextlib.closing(_Life(state)) as life:
        client = life.process.client
        inbox, bulk = Inbox(client, "events"), Inbox(client, "bulk")
        events, sagemaker = client("events"), client("sagemaker")
        rule_to(events, {"source": ["aws.sagemaker"]}, inbox.arn)
        rule_to(events, {"source": ["bulk"]}, bulk.arn)
        sagemaker.create_model_package_group(ModelPackageGroupName="group")
        package = sagemaker.create_model_package(ModelPackageGroupName="group")["ModelPackageArn"]
        life.restart()  # what stands in the way of the test is saved: the queues
        client = life.process.client
        for number in range(12):
            details = [json.dumps({"n": 10 * number + n}) for n in range(10)]
            client("events").put_events(
                Entries=[{"Source": "bulk", "DetailType": "t", "Detail": each} for each in details]
            )
        client("events").put_rule(Name="r", EventPattern='{"source": ["s"]}', State="DISABLED")
        name = put_alarm(client("cloudwatch"), "space", EvaluationPeriods=4, DatapointsToAlarm=1)
        put_past(client("cloudwatch"), "space", [9])
        client("sagemaker").update_model_package(
            ModelPackageArn=package, ModelApprovalStatus="Approved"
        )
        life.process.kill()
        life.start()
        client = life.process.client
        until_state(client("cloudwatch"), name, "ALARM")
        Inbox(client, "events").until(
            lambda bodies: "Approved" in [b["detail"]["ModelApprovalStatus"] for b in bodies]
        )
        described = client("events").describe_rule(Name="r")
        assert (described["State"], described["EventPattern"]) == ("DISABLED", '{"source": ["s"]}')


def _assert_idle(process: Process) -> None:
    """A server with an alarm does next to nothing while nothing happens."""
    time.sleep(2.5)  # moto's snapshot of what was just written
    before = _cpu_seconds(process)
    time.sleep(2)
    assert _cpu_seconds(process) - before < 0.1


def _cpu_seconds(process: Process) -> float:
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
