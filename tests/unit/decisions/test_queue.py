"""Which model goes first: by class and patience, within the quota, and nobody starves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from decisions.queue import Quota, Waiting, place

NOW = datetime(2026, 1, 5, 12)  # noqa: DTZ001
HOUR = timedelta(hours=1)
KINDS = ("request", "first", "data_drift", "change", "schedule", "staleness")


def waiting(name: str, kind: Any = "data_drift", hours: float = 0, **needs: int) -> Waiting:
    return Waiting(use_case=name, kinds=(kind,), since=NOW - hours * HOUR, needs=needs)


def test_class_then_patience_then_name() -> None:
    line = [waiting("d", "staleness"), waiting("c"), waiting("b"), waiting("a", "request")]
    places = place(line, [], Quota(runs=1))
    assert [each.use_case for each in places] == ["a", "b", "c", "d"]
    assert [each.position for each in places] == [0, 1, 2, 3]
    assert places[0].why == (
        "Starts now; due since 2026-01-05 12:00 UTC, class 0 (a person asked)."
    )
    assert places[3].why.startswith("All 1 trainings that may run at one time are taken; due")


def test_whoever_waited_longer_than_the_classes_apart_goes_first() -> None:
    assert (
        place([waiting("new", "request"), waiting("old", "staleness", 3.1)], [], Quota())[
            0
        ].use_case
        == "old"
    )
    assert (
        place([waiting("new", "request"), waiting("old", "staleness", 2.9)], [], Quota())[
            0
        ].use_case
        == "new"
    )


def test_what_runs_counts_and_so_does_what_waits_before() -> None:
    quota = Quota(runs=3, instances={"gpu": 2})
    line = [waiting("big", hours=2, gpu=2), waiting("small", hours=1, gpu=1), waiting("cpu", cpu=9)]
    places = {each.use_case: each for each in place(line, [{"gpu": 1}], quota)}
    assert not places["big"].starts
    assert places["big"].why.startswith("Needs 2 gpu; 1 of 2 are free")
    assert not places["small"].starts, "it would take from the one before it for ever"
    assert places["cpu"].starts is False, "the two before it hold both free slots"
    roomy = Quota(runs=4, instances={"gpu": 2})
    assert {e.use_case for e in place(line, [{"gpu": 1}], roomy) if e.starts} == {"cpu"}


def test_what_can_never_start_says_so_and_holds_nobody_up() -> None:
    line = [waiting("huge", hours=9, gpu=4), waiting("small", gpu=1)]
    huge, small = place(line, [], Quota(runs=1, instances={"gpu": 1}))
    assert huge.why.startswith("Needs 4 gpu, and the quota is 1: raise it or it never starts")
    assert small.starts


LINES = st.lists(
    st.builds(
        waiting,
        st.sampled_from([f"m{n}" for n in range(9)]),
        st.sampled_from(KINDS),
        st.floats(0, 100),
        gpu=st.integers(0, 2),
    ),
    unique_by=lambda each: each.use_case,
)
USED = st.lists(st.builds(lambda n: {"gpu": n}, st.integers(0, 2)), max_size=3)


@given(LINES, USED, st.integers(1, 5), st.integers(2, 4))
def test_the_quota_is_never_exceeded_and_no_place_is_given_twice(
    line: list[Waiting], used: list[dict[str, int]], runs: int, gpus: int
) -> None:
    quota = Quota(runs=runs, instances={"gpu": gpus})
    places = place(line, used, quota)
    started = [
        each for each in line if any(p.use_case == each.use_case and p.starts for p in places)
    ]
    if started:
        assert len(used) + len(started) <= runs
    if any(each.needs["gpu"] for each in started):
        assert sum(e["gpu"] for e in used) + sum(e.needs["gpu"] for e in started) <= gpus
    assert sorted(p.use_case for p in places) == sorted(each.use_case for each in line)
    behind = [p.position for p in places if not p.starts]
    assert behind == list(range(1, len(behind) + 1))
    assert places == place(list(reversed(line)), used, quota)
    if line and not used:
        assert places[0].starts, "with nothing under way the first always fits"


@given(st.integers(0, 40))
def test_wishes_without_end_keep_nobody_from_their_turn(seed: int) -> None:
    """A person asks every ten minutes; a run takes twenty; a stale model waits less than a day."""
    old, line, running, moment = waiting("old", "staleness"), [], [], NOW + seed * HOUR / 60
    old = old.model_copy(update={"since": moment})
    for number in range(144):
        now = moment + number * HOUR / 6
        line.append(Waiting(use_case=f"w{number:03}", kinds=("request",), since=now))
        running = [each for each in running if now - each < HOUR / 3]
        for each in place([*line, old], [{}] * len(running), Quota(runs=1)):
            if each.starts and each.use_case == "old":
                return
            if each.starts:
                running.append(now)
                line = [one for one in line if one.use_case != each.use_case]
    raise AssertionError("old never had its turn")
