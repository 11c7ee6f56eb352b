"""Cron times: against a well-known implementation, and what is no schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from dagster._vendored.croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.cron import parse

MOMENTS = st.datetimes(datetime(2013, 1, 1), datetime(2028, 12, 31))  # noqa: DTZ001


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    # Of two equal ends croniter makes the whole range: "0-0" is left out.
    first = draw(st.integers(low, high - 1))
    last = draw(st.integers(first + 1, high))
    step = draw(st.integers(1, 9))
    shapes = ["*", f"{first}", f"{first}-{last}", f"*/{step}", f"{first}-{last}/{step}"]
    return ",".join(draw(st.lists(st.sampled_from(shapes), min_size=1, max_size=2)))


@st.composite
def schedules(draw: st.DrawFn) -> str:
    minute, hour, month = draw(fields(0, 59)), draw(fields(0, 23)), draw(fields(1, 12))
    day, weekday = draw(st.one_of(st.tuples(fields(1, 28), st.just("*")),
                                  st.tuples(st.just("*"), fields(0, 6))))  # fmt: skip
    return f"{minute} {hour} {day} {month} {weekday}"


@settings(max_examples=300, deadline=None)
@given(schedules(), MOMENTS)
def test_it_agrees_with_croniter(text: str, moment: datetime) -> None:
    cron, aware = parse(text), moment.replace(tzinfo=UTC)
    after = croniter(text, aware).get_next(datetime).replace(tzinfo=None)
    just_after = aware.replace(microsecond=0) + timedelta(seconds=1)
    before = croniter(text, just_after).get_prev(datetime).replace(tzinfo=None)
    assert cron.upcoming(moment) == after
    assert cron.newest(moment) == before


def test_names_sunday_twice_and_a_leap_day() -> None:
    monday = datetime(2013, 3, 4, 6)  # noqa: DTZ001
    assert parse("0 6 * mar mon").newest(monday) == monday
    assert parse("0 6 * * 7") == parse("0 6 * * sun")
    assert parse("0 0 29 2 *").upcoming(monday) == datetime(2016, 2, 29)  # noqa: DTZ001
    assert parse("5/20 0 * * *").upcoming(monday) == datetime(2013, 3, 5, 0, 5)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 6 * *", "4 fields"),
        ("60 6 * * *", "minute '60' is outside of 0 to 59"),
        ("0 6 0 * *", "day of month '0'"),
        ("0 9-6 * * *", "hour '9-6'"),
        ("*/0 * * * *", "minute '*/0'"),
        ("0 6 * * monday", "day of week 'monday' is not understood"),
        ("0 6 1 * 1", "both limited"),
        ("0 6 31 2,4 *", "no month of it"),
        ("@daily", "1 fields"),
    ],
)
def test_what_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("*", r"\*")):
        parse(text)
