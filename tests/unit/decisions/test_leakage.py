"""The brute force behind the leakage check, and what it says of a value out of place."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from decisions.leakage import LeakageVerdict, Record, Rules, SampledRow, expected_record, judge

NOON = datetime.fromisoformat("2013-01-01T12:00")
HOUR = timedelta(hours=1)
AS_OF = NOON + timedelta(days=3)


def record(hour: float, value: Any, *, key: str = "EWR", **facts: Any) -> Record:
    moment = NOON + hour * HOUR
    written = facts.get("written", moment)
    return Record(
        key=key,
        event_time=moment,
        write_time=written,
        invoked_at=facts.get("invoked", written),
        deleted=facts.get("deleted", False),
        values={"temp": value, "wind": facts.get("wind", 1.0)},
    )


def verdict(found: Any, *records: Record, moment: datetime = NOON, **rules: Any) -> LeakageVerdict:
    row = SampledRow("f1", moment, [{"weather": "EWR"}], {"weather": {"temp": found}})
    limits = Rules(AS_OF, timedelta(days=1), max_age={"weather": rules.pop("max_age", None)})
    if "written_by" in rules:
        limits = Rules(AS_OF, timedelta(days=1), rules["written_by"])
    return judge([row], {"weather": records}, limits)


def cause(made: LeakageVerdict) -> str:
    assert not made.passed
    return made.differences[0].cause


def test_the_newest_record_of_the_time_is_expected() -> None:
    assert verdict(2.0, record(-2, 1.0), record(-1, 2.0), record(1, 3.0)).passed


def test_a_record_of_the_very_moment_was_known() -> None:
    assert verdict(2.0, record(-1, 1.0), record(0, 2.0)).passed


def test_a_millisecond_later_it_was_not() -> None:
    late = record(0.001 / 3600, 2.0)
    assert cause(verdict(2.0, record(-1, 1.0), late)) == "future"


def test_a_value_from_the_future_is_a_leak_and_says_so() -> None:
    made = verdict(3.0, record(-1, 2.0), record(1, 3.0))
    assert cause(made) == "future"
    assert made.leaks == 1
    assert str(made.differences[0]) == (
        "row f1 of 2013-01-01 12:00:00: weather.temp is 3.0, expected 2.0; a LEAK: it is the value "
        "of a record from after the row's time"
    )


def test_a_value_written_after_the_cut_off_is_a_leak() -> None:
    late = record(-1, 2.0, written=NOON + 5 * HOUR)
    assert cause(verdict(2.0, record(-2, 1.0), late, written_by=NOON)) == "written_later"


def test_an_older_value_is_stale() -> None:
    made = verdict(1.0, record(-2, 1.0), record(-1, 2.0))
    assert cause(made) == "stale"
    assert made.leaks == 0


def test_a_value_beyond_its_age_is_stale() -> None:
    assert verdict(1.0, record(-2, 1.0), max_age=2 * HOUR).passed
    assert cause(verdict(1.0, record(-2.001, 1.0), max_age=2 * HOUR)) == "stale"


def test_a_value_that_was_deleted() -> None:
    gone = record(-1, 1.0, deleted=True)
    assert verdict(None, record(-2, 1.0), gone).passed
    assert cause(verdict(1.0, gone)) == "deleted"


def test_a_value_that_is_in_no_record_and_one_that_is_missing() -> None:
    assert cause(verdict(9.0, record(-1, 1.0))) == "other"
    assert cause(verdict(None, record(-1, 1.0))) == "missing"


def test_a_leak_whose_single_values_were_there_before_is_still_told_as_one() -> None:
    records = [
        record(-3, 3.0),
        record(-2, 1.0, wind=3.0),
        record(-1, 2.0),
        record(1, 3.0, wind=3.0),
    ]
    row = SampledRow("f1", NOON, [{"w": "EWR"}], {"w": {"temp": 3.0, "wind": 3.0}})
    made = judge([row], {"w": records}, Rules(AS_OF, HOUR))
    assert {each.cause for each in made.differences} == {"future"}


def test_the_last_invocation_wins_then_the_last_write_then_the_deletion() -> None:
    first = record(0, 1.0, written=NOON + HOUR, invoked=NOON)
    second = record(0, 2.0, written=NOON, invoked=NOON + HOUR)
    assert expected_record([second, first], NOON) is second
    again = record(0, 3.0, written=NOON + 2 * HOUR, invoked=NOON + HOUR)
    assert expected_record([again, second], NOON) is again
    gone = record(0, 0.0, written=again.write_time, invoked=again.invoked_at, deleted=True)
    assert expected_record([gone, again], NOON) is None


def test_nulls_and_nan_are_values_like_any_other() -> None:
    assert verdict(None, record(-1, None)).passed
    assert verdict(float("nan"), record(-1, float("nan"))).passed
    assert not verdict(float("nan"), record(-1, None)).passed


def test_a_null_key_has_no_record() -> None:
    row = SampledRow("f1", NOON, [{"w": None}], {"w": {"temp": None}})
    assert judge([row], {"w": [record(-1, 1.0)]}, Rules(AS_OF, HOUR)).passed


def test_a_row_that_the_spine_does_not_have() -> None:
    row = SampledRow("f1", NOON, [], {"w": {"temp": 1.0}})
    made = judge([row], {"w": [record(-1, 1.0)]}, Rules(AS_OF, HOUR))
    assert cause(made) == "other"
    assert "spine" in str(made.differences[0])


def test_a_row_that_the_spine_has_twice_may_be_either() -> None:
    keys = [{"w": "EWR"}, {"w": "JFK"}]
    row = SampledRow("f1", NOON, keys, {"w": {"temp": 2.0}})
    assert judge(
        [row], {"w": [record(-1, 1.0), record(-1, 2.0, key="JFK")]}, Rules(AS_OF, HOUR)
    ).passed


def test_a_label_that_was_not_due() -> None:
    on_time = AS_OF - timedelta(days=1)
    assert verdict(1.0, record(-1, 1.0), moment=on_time).passed
    made = verdict(1.0, record(-1, 1.0), moment=on_time + timedelta(seconds=1))
    assert not made.passed
    assert "is due at 2013-01-04 12:00:01, after as_of 2013-01-04 12:00:00" in made.immature[0]


def test_a_check_that_saw_nothing_shows_nothing() -> None:
    assert not judge([], {}, Rules(AS_OF, HOUR)).passed
