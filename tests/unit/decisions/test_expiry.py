"""What may expire: never what is pointed at, never too early, and in the end all else."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from decisions.expiry import (
    Leftover,
    Location,
    Pointer,
    Snapshots,
    maintenance,
    overlap,
    plan,
)

NOW = datetime(2026, 11, 30, 6)  # noqa: DTZ001 - naive UTC
WEEK = timedelta(days=7)

parts = st.lists(st.sampled_from(["a", "ab", "b", "c"]), min_size=1, max_size=4)
keys = st.builds("/".join, parts)
folders = keys.map(lambda key: f"{key}/")
ages = st.timedeltas(timedelta(0), timedelta(days=30))
moments = ages.map(lambda age: NOW - age)
locations = st.builds(
    Location, prefix=folders | keys, objects=st.just(1), size=st.just(1), newest=moments
)
pointers = st.builds(Pointer, key=keys | folders, who=st.just("a table"))


def place(prefix: str = "datasets/a/", written: timedelta = timedelta(days=90)) -> Location:
    return Location(prefix=prefix, objects=2, size=10, newest=NOW - written)


@given(
    st.lists(locations, max_size=8, unique_by=lambda each: each.prefix),
    st.lists(pointers, max_size=6),
    st.dictionaries(folders | keys, moments, max_size=8),
    st.timedeltas(timedelta(days=1), timedelta(days=14)),
)
def test_nothing_expires_that_is_pointed_at_or_was_not_marked_long_enough(
    found, needed, marks, keep
):
    verdict = plan(found, needed, [], marks, keep=keep, now=NOW)
    assert [each.what for each in verdict.locations] == [each.prefix for each in found]
    for location, each in zip(found, verdict.locations, strict=True):
        pointed = any(overlap(location.prefix, one.key) for one in needed)
        assert (each.fate == "kept") == pointed
        if each.fate == "expired":
            assert marks[location.prefix] <= NOW - keep
            assert location.newest <= NOW - keep
        assert (location.prefix in verdict.marks) == (not pointed)


@given(
    st.lists(locations, max_size=8, unique_by=lambda each: each.prefix),
    st.lists(pointers, max_size=6),
)
def test_what_nothing_points_at_expires_in_the_end(found, needed):
    first = plan(found, needed, [], {}, keep=WEEK, now=NOW)
    later = plan(found, needed, [], first.marks, keep=WEEK, now=NOW + WEEK)
    assert {each.fate for each in first.locations} <= {"kept", "marked"}
    assert {each.fate for each in later.locations} <= {"kept", "expired"}


def test_what_was_replaced_just_now_is_kept_however_old_it_is():
    (verdict,) = plan([place()], [], [], {}, keep=WEEK, now=NOW).locations
    assert verdict.fate == "marked"
    assert verdict.why == "nothing points at it; it expires on 2026-12-07 06:00"


def test_a_table_that_reads_a_whole_folder_keeps_all_in_it_and_a_partition_just_its_own():
    found = [place("datasets/x/1/"), place("datasets/x/11/"), place("datasets/y/1/")]
    marks = {each.prefix: NOW - WEEK for each in found}
    whole = [Pointer(key="datasets/x", who="table t")]
    fates = [e.fate for e in plan(found, whole, [], marks, keep=WEEK, now=NOW).locations]
    assert fates == ["kept", "kept", "expired"]
    one = [Pointer(key="datasets/x/1/dt=2013-01-01/", who="partition p of t")]
    verdicts = plan(found, one, [], marks, keep=WEEK, now=NOW).locations
    assert [each.fate for each in verdicts] == ["kept", "expired", "expired"]
    assert verdicts[0].why == "partition p of t points at it"


def test_what_is_used_again_loses_its_mark():
    marks = {"datasets/a/": NOW - WEEK}
    kept = plan([place()], [Pointer(key="datasets/a/", who="t")], [], marks, keep=WEEK, now=NOW)
    assert kept.marks == {}
    written = plan([place(written=timedelta(hours=1))], [], [], marks, keep=WEEK, now=NOW)
    assert written.locations[0].fate == "marked"


def test_a_clock_that_went_back_costs_a_delay():
    ahead = plan([place()], [], [], {"datasets/a/": NOW + WEEK}, keep=WEEK, now=NOW)
    assert (ahead.locations[0].fate, ahead.marks) == ("marked", {"datasets/a/": NOW})


def test_a_table_of_a_run_is_left_until_no_run_can_be_using_it():
    young, old = (
        Leftover(table=name, touched=NOW - age)
        for name, age in (("t__1", timedelta(days=6)), ("t__2", timedelta(days=8)))
    )
    verdict = plan([], [], [young, old], {}, keep=WEEK, now=NOW)
    assert [each.fate for each in verdict.tables] == ["kept", "expired"]
    assert verdict.why.endswith("1 of 2 leftover tables expired")


def history(*days_ago: float) -> Snapshots:
    committed = {str(n): NOW - timedelta(days=ago) for n, ago in enumerate(days_ago)}
    return Snapshots(committed=committed, current=str(len(days_ago) - 1))


def test_snapshots_are_forgotten_some_at_a_time():
    assert not maintenance(history(100), [], keep=WEEK, now=NOW).due  # the only one
    assert not maintenance(history(100, 1), [], keep=WEEK, now=NOW).due  # served until yesterday
    assert not maintenance(history(100, 12), [], keep=WEEK, now=NOW).due
    verdict = maintenance(history(100, 15, 12, 1), [], keep=WEEK, now=NOW)
    # The third served until yesterday: VACUUM must not reach it, though it is 12 days old.
    assert (verdict.due, verdict.age) == (True, timedelta(days=12, hours=1))
    assert verdict.why == "2 of 4 snapshots are older than 12 days"


@given(st.lists(st.floats(0, 60), min_size=1, max_size=8), st.data())
def test_a_snapshot_that_is_named_or_served_lately_is_never_beyond_the_age(days_ago, data):
    found = history(*sorted(days_ago, reverse=True))
    pinned = data.draw(st.sets(st.sampled_from(sorted(found.committed))))
    verdict = maintenance(found, pinned, keep=WEEK, now=NOW)
    assert verdict.age >= WEEK
    ordered = sorted(found.committed.values())
    for committed, until in itertools.pairwise(ordered):
        if NOW - until < WEEK:
            assert NOW - committed < verdict.age
    kept = pinned - {found.current}  # VACUUM never takes the current one
    assert all(NOW - found.committed[each] < verdict.age for each in kept)
