"""Whether a source is late: data time by itself, the wall clock only where it is given."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.freshness import (
    CannotTell,
    Fresh,
    Late,
    SourceFacts,
    SourcePolicy,
    judge_source,
    write_length,
)

NOON = datetime(2013, 3, 1, 12)  # noqa: DTZ001 - data time is naive UTC
NOW = datetime(2026, 11, 29, 12)  # noqa: DTZ001 - the project's wall clock is naive UTC
HOUR = timedelta(hours=1)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001
lengths = st.timedeltas(timedelta(minutes=1), timedelta(days=4000))


def facts(landed: datetime | None = NOON, moved: datetime = NOW) -> SourceFacts:
    return SourceFacts(landed_through=landed, moved_at=moved)


def test_a_source_is_late_only_beyond_what_is_allowed() -> None:
    policy = SourcePolicy(event_time_lag=12 * HOUR)
    assert isinstance(judge_source(facts(), policy, newest=NOON + 12 * HOUR), Fresh)
    found = judge_source(facts(), policy, newest=NOON + 37 * HOUR)
    assert isinstance(found, Late)
    assert (found.by, found.since, found.clock) == (25 * HOUR, NOON + 12 * HOUR, "data")
    assert found.why == (
        "Landed through 2013-03-01 12:00, 1 d 13 h behind the newest source: "
        "1 d 1 h more than the 12 h allowed."
    )


def test_a_replay_of_years_ago_is_not_late_until_a_wall_clock_is_given() -> None:
    policy = SourcePolicy(event_time_lag=12 * HOUR, arrival=24 * HOUR)
    moved = NOW - timedelta(days=4000)
    assert isinstance(judge_source(facts(moved=moved), policy, newest=NOON), Fresh)
    found = judge_source(facts(moved=moved), policy, newest=NOON, now=NOW)
    assert isinstance(found, Late)
    assert (found.clock, found.by) == ("wall", timedelta(days=3999))
    assert found.since == moved + 24 * HOUR


def test_both_broken_promises_are_told_and_the_worse_one_counts() -> None:
    policy = SourcePolicy(event_time_lag=HOUR, arrival=HOUR)
    found = judge_source(
        facts(moved=NOW - 3 * HOUR), policy, newest=NOON + timedelta(days=2), now=NOW
    )
    assert isinstance(found, Late)
    assert (found.clock, found.by) == ("data", 47 * HOUR)
    assert "behind the newest source" in found.why
    assert "Nothing has arrived for 3 h" in found.why


def test_silence_is_no_freshness_where_something_is_promised() -> None:
    silent = facts(landed=None)
    assert isinstance(
        judge_source(silent, SourcePolicy(event_time_lag=HOUR), newest=NOON), CannotTell
    )
    assert isinstance(judge_source(silent, SourcePolicy(), newest=NOON), Fresh)


@given(landed=moments, newest=moments, allowed=lengths, more=lengths)
def test_catching_up_never_makes_a_source_later(
    landed: datetime, newest: datetime, allowed: timedelta, more: timedelta
) -> None:
    policy = SourcePolicy(event_time_lag=allowed)

    def by(moment: datetime) -> timedelta:
        found = judge_source(facts(moment), policy, newest=newest)
        return found.by if isinstance(found, Late) else timedelta(0)

    assert by(landed + more) <= by(landed)
    assert by(max(landed, newest)) == timedelta(0)
    # The verdict's own words are the arithmetic: late since + by is the newest source.
    found = judge_source(facts(landed), policy, newest=newest)
    if isinstance(found, Late):
        assert found.since + found.by == newest


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(days=400), "400 d"),
    ],
)
def test_a_length_of_time_is_said_as_people_do(length: timedelta, said: str) -> None:
    assert write_length(length) == said
