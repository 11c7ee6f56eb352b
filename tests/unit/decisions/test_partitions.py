"""Exactly the days whose inputs changed are made again, and the plan says why."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.partitions import Made, days_between, known_by, plan, runs

FIRST = date(2013, 1, 1)
KNOWN = datetime(2013, 2, 1)  # noqa: DTZ001 - data time is naive UTC
DAYS = [FIRST + timedelta(days=n) for n in range(30)]


def made(day: date, versions: dict[date, str], *, query: str = "q", reach: int = 2) -> Made:
    """What a day is made from when it reads itself and the days before it."""
    read = [day - timedelta(days=n) for n in range(reach + 1)]
    inputs = {f"raw/{one}": versions[one] for one in read if one in versions}
    return Made(query=query, known=KNOWN, inputs=inputs)


def all_made(versions: dict[date, str], query: str = "q") -> dict[date, Made]:
    return {day: made(day, versions, query=query) for day in DAYS}


@given(
    restated=st.sets(st.sampled_from(DAYS)),
    absent=st.sets(st.sampled_from(DAYS), max_size=5),
)
def test_a_restated_day_makes_its_dependents_and_nothing_else(
    restated: set[date], absent: set[date]
) -> None:
    before = {day: "1" for day in DAYS if day not in absent}
    after = before | dict.fromkeys(restated, "2")
    dependents = {day for day in DAYS if any(day - timedelta(days=n) in restated for n in range(3))}
    found = plan(all_made(after), all_made(before))
    assert {each.day for each in found.stale} == dependents
    assert found.kept == len(DAYS) - len(dependents)
    for each in found.stale:
        assert each.why == "input"
        assert each.changed
        assert set(each.changed) <= {f"raw/{day}" for day in restated}


@given(restated=st.sets(st.sampled_from(DAYS)))
def test_making_what_is_due_leaves_nothing_due(restated: set[date]) -> None:
    versions = dict.fromkeys(DAYS, "1") | dict.fromkeys(restated, "2")
    wanted = all_made(versions)
    first = plan(wanted, all_made(dict.fromkeys(DAYS, "1")))
    after = all_made(dict.fromkeys(DAYS, "1")) | {each.day: each.made for each in first.stale}
    assert plan(wanted, after).stale == ()


def test_reasons_are_told_in_their_order() -> None:
    versions = dict.fromkeys(DAYS, "1")
    found = all_made(versions)
    del found[DAYS[3]]
    found[DAYS[4]] = made(DAYS[4], versions, query="older")
    found[DAYS[5]] = found[DAYS[5]].model_copy(update={"known": KNOWN - timedelta(hours=1)})
    decided = plan(all_made(versions), found)
    assert [(each.day, each.why) for each in decided.stale] == [
        (DAYS[3], "new"), (DAYS[4], "query"), (DAYS[5], "known later"),
    ]  # fmt: skip
    assert decided.why == ("3 of 30 days to make (1 new; 1 by another query; 1 not settled yet)")


def test_a_quarantined_version_is_not_made_again_until_an_input_changes() -> None:
    versions = dict.fromkeys(DAYS, "1")
    wanted = all_made(versions)
    refused = {DAYS[2]: wanted[DAYS[2]].digest}
    found = {**wanted, DAYS[2]: None}
    held = plan(wanted, found, quarantined=refused)
    assert held.stale == ()
    assert held.held == (DAYS[2],)
    assert "1 held in quarantine" in held.why
    mended = all_made(versions | {DAYS[2]: "2"})
    again = plan(mended, {**found, DAYS[3]: mended[DAYS[3]], DAYS[4]: mended[DAYS[4]]},
                 quarantined=refused)  # fmt: skip
    assert [each.day for each in again.stale] == [DAYS[2]]


def test_what_is_asked_for_is_made_whatever_there_is() -> None:
    wanted = all_made(dict.fromkeys(DAYS, "1"))
    refused = {DAYS[7]: wanted[DAYS[7]].digest}
    decided = plan(wanted, wanted, quarantined=refused, asked=frozenset(DAYS[7:9]))
    assert [(each.day, each.why) for each in decided.stale] == [
        (DAYS[7], "asked for"), (DAYS[8], "asked for"),
    ]  # fmt: skip


@given(days=st.sets(st.dates(date(2013, 1, 1), date(2013, 6, 1))), longest=st.integers(1, 40))
def test_runs_hold_every_day_once_and_none_is_too_long(days: set[date], longest: int) -> None:
    found = runs(days, longest=longest)
    spread = [
        first + timedelta(days=n) for first, last in found for n in range((last - first).days + 1)
    ]
    assert spread == sorted(days)
    assert all((last - first).days < longest for first, last in found)


def test_no_run_has_no_day() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        runs([FIRST], longest=0)


def test_days_hold_every_moment_of_a_window() -> None:
    start = datetime(2013, 1, 1, 5)  # noqa: DTZ001
    assert days_between(start, datetime(2013, 1, 3)) == (FIRST, date(2013, 1, 2))  # noqa: DTZ001
    assert days_between(start, datetime(2013, 1, 3, 1))[-1] == date(2013, 1, 3)  # noqa: DTZ001
    assert days_between(start, start) == ()


def test_a_settled_day_no_longer_changes_with_time() -> None:
    settles = timedelta(days=2)
    early, late = datetime(2013, 1, 3), datetime(2013, 3, 1)  # noqa: DTZ001
    assert known_by(FIRST, early, settles) == early
    assert known_by(FIRST, late, settles) == datetime(2013, 1, 4)  # noqa: DTZ001
