"""The retraining sensor's cursor: read back as written, and forgotten when it is none of ours."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sensors.governor_memory import GovernorMemory

NOW = datetime(2026, 1, 5, 12)  # noqa: DTZ001
NAMES = ["a", "b", "c", "d"]


def test_it_is_read_as_written_without_what_is_not_declared_any_more() -> None:
    since, said = {"a": NOW, "gone": NOW}, {"a": "x", "gone": "y"}
    memory = GovernorMemory(since, {"b": NOW}, said, "b", ["c", "gone"], 7)
    again = GovernorMemory.read(memory.write(frozenset(NAMES)))
    assert again == GovernorMemory({"a": NOW}, {"b": NOW}, {"a": "x"}, "b", ["c"], 7)


@pytest.mark.parametrize("cursor", [None, "", "[]", "{}", '{"since": 3}', "{", '{"a": "b"}'])
def test_what_is_none_of_ours_is_forgotten(cursor: str | None) -> None:
    assert GovernorMemory.read(cursor) == GovernorMemory()


def test_a_tick_begins_with_the_first_in_the_queue_then_where_the_last_ended() -> None:
    memory = GovernorMemory(begin="c")
    assert memory.order(NAMES, 2) == ["c", "d", "a", "b"]
    memory.waiting = {name: NOW - timedelta(minutes=n) for n, name in enumerate(NAMES)}
    assert memory.order(NAMES, 2) == ["d", "c", "a", "b"]
    assert GovernorMemory(begin="gone").order(NAMES, 2) == NAMES
