"""Throttling is waited out with jitter and told; nothing else is."""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from resources.athena import Athena
from resources.errors import Terminal, Transient
from resources.throttling import patiently
from tests.unit.resources.fakes import FakeTime, refusal

MINUTE = 60.0


class Busy:
    """Throttles until a moment; remembers when it was asked and with what."""

    def __init__(self, time: FakeTime, until: float, code: str = "ThrottlingException") -> None:
        self.time, self.until, self.code = time, until, code
        self.asked: list[tuple[float, dict[str, Any]]] = []

    def __call__(self, **request: Any) -> dict[str, Any]:
        self.asked.append((self.time.now, request))
        if self.time.now < self.until:
            raise refusal(self.code)
        return {"said": "yes"}


@pytest.mark.parametrize("code", ["ThrottlingException", "TooManyRequestsException"])
def test_a_throttled_minute_costs_few_calls_and_each_wait_is_told(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    time = FakeTime()
    busy = Busy(time, MINUTE, code)
    with caplog.at_level(logging.WARNING, "resources"):
        answer = patiently(busy, sleep=time.sleep, clock=time.clock, ClientRequestToken="t")
    assert answer == {"said": "yes"}
    assert 5 <= len(busy.asked) <= 20
    assert {request["ClientRequestToken"] for _, request in busy.asked} == {"t"}
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(busy.asked)]
    assert gaps == pytest.approx(time.slept)
    assert all(1.0 <= gap <= 15.0 for gap in gaps)
    assert MINUTE <= time.now <= MINUTE + 15
    waits = [each.getMessage() for each in caplog.records]
    assert len(waits) == len(gaps) + 1
    assert all("asking again in" in each for each in waits[:-1])
    assert waits[-1].startswith("throttling is over after")


def test_patience_ends() -> None:
    time = FakeTime()
    busy = Busy(time, 1e9)
    with pytest.raises(Transient, match="ThrottlingException"):
        patiently(busy, patience=timedelta(seconds=20), sleep=time.sleep, clock=time.clock)
    assert time.now <= 20


@pytest.mark.parametrize(
    ("code", "kind"), [("InternalFailure", Transient), ("AccessDeniedException", Terminal)]
)
def test_another_failure_is_not_waited_out(code: str, kind: type[Exception]) -> None:
    time = FakeTime()
    busy = Busy(time, MINUTE, code)
    with pytest.raises(kind):
        patiently(busy, sleep=time.sleep, clock=time.clock)
    assert (len(busy.asked), time.slept) == (1, [])


def test_a_query_waits_no_longer_than_its_deadline() -> None:
    time = FakeTime()
    client = type("Client", (), {"start_query_execution": Busy(time, 1e9)})()
    door = Athena(client, "w", sleep=time.sleep, clock=time.clock)
    with pytest.raises(Transient):
        door.run("SELECT 1", database="d", intent="i", deadline=timedelta(seconds=30))
    assert 10 <= time.now <= 30
