"""Ingestion under failures: only what was left is sent again, and the counts are exact."""
# ruff: noqa: N803 - the fakes take boto3\'s own parameter names

import threading
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.accounting import IngestInterrupted, IngestRefused
from resources.errors import PerennialError, Terminal
from resources.ingestion import PATIENCE, ingest
from resources.records import MOST_BYTES, RecordRules, as_text
from tests.unit.resources.fakes import FakeTime, refusal

RULES = RecordRules("g", record_id="id")
TIMED = RecordRules("g", "id", "at", frozenset({"id", "at", "x"}))
NOON = "2013-01-01T12:00:00Z"


class FakeRuntime:
    """A store that fails as told: ``trouble(entry, tries)`` gives '', 'left' or an error code."""

    def __init__(self, trouble=lambda record_id, tries: "") -> None:
        self.trouble = trouble
        self.stored: dict[str, dict] = {}
        self.tries: dict[str, int] = {}
        self.sizes: list[int] = []
        self.lock = threading.Lock()

    def batch_write_record(self, *, Entries):
        with self.lock:
            self.sizes.append(len(Entries))
            left, errors = [], []
            for entry in Entries:
                record = {v["FeatureName"]: v["ValueAsString"] for v in entry["Record"]}
                key = record["id"]
                self.tries[key] = self.tries.get(key, 0) + 1
                what = self.trouble(key, self.tries[key])
                if what == "left":
                    left.append(entry)
                elif what:
                    errors.append({"Entry": entry, "ErrorCode": what, "ErrorMessage": "why"})
                else:
                    self.stored[key] = record
            return {"UnprocessedEntries": left, "Errors": errors}


def records(count: int):
    return ({"id": str(i), "x": i / 2} for i in range(count))


def test_all_is_written_in_batches_of_25():
    runtime = FakeRuntime()
    report = ingest(runtime, RULES, records(260))
    assert (report.written, report.skipped, report.failed) == (260, 0, 0)
    assert max(runtime.sizes) == 25
    assert len(runtime.sizes) == 11
    assert len(runtime.stored) == 260


def test_only_what_was_left_is_sent_again():
    runtime = FakeRuntime(
        lambda key, tries: (
            ("left" if key == "3" else "ThrottlingException" if key == "4" else "")
            if tries < 3
            else ""
        )
    )
    time = FakeTime()
    report = ingest(runtime, RULES, records(20), sleep=time.sleep)
    assert report.written == 20
    assert {key for key, tries in runtime.tries.items() if tries > 1} == {"3", "4"}
    assert len(time.slept) == 2
    assert time.slept[0] <= 0.2
    assert time.slept[1] <= 0.4


def test_a_throttled_call_is_sent_again_whole():
    runtime = FakeRuntime()
    write, calls = runtime.batch_write_record, []

    class Throttled:
        def batch_write_record(self, **request):
            calls.append(request)
            if len(calls) == 1:
                raise refusal("ThrottlingException", status=429)
            return write(**request)

    report = ingest(Throttled(), RULES, records(5), sleep=FakeTime().sleep)
    assert report.written == 5
    assert len(calls) == 2


def test_what_never_gets_through_is_counted_and_may_be_tried_again():
    runtime = FakeRuntime(lambda key, tries: "left" if int(key) % 10 == 0 else "")
    time = FakeTime()
    with pytest.raises(IngestInterrupted, match=r"0 skipped\. 10 x left") as caught:
        ingest(runtime, RULES, records(100), sleep=time.sleep, clock=time.clock)
    report = caught.value.report
    assert (report.written, report.failed) == (90, 10)
    assert report.reasons == {"left unprocessed by AWS": 10}
    assert set(report.examples["left unprocessed by AWS"]) <= {str(n) for n in range(0, 100, 10)}
    assert max(time.slept) <= 10.0
    assert max(runtime.tries.values()) > 5
    assert time.now >= PATIENCE.total_seconds()


def test_a_throttled_minute_is_waited_out_with_jitter():
    time = FakeTime()
    runtime = FakeRuntime(lambda key, tries: "ThrottlingException" if time.now < 60 else "")
    report = ingest(runtime, RULES, records(400), threads=1, sleep=time.sleep, clock=time.clock)
    assert (report.written, report.failed, report.complete) == (400, 0, True)
    assert len(set(time.slept)) == len(time.slept)


def test_when_nothing_gets_through_it_stops_reading():
    time, read = FakeTime(), []

    def endless():
        while True:
            read.append(1)
            yield {"id": str(len(read))}

    with pytest.raises(IngestInterrupted, match="gave up before the end") as caught:
        ingest(
            FakeRuntime(lambda key, tries: "SlowDown"), RULES, endless(),
            threads=2, sleep=time.sleep, clock=time.clock,
        )  # fmt: skip
    report = caught.value.report
    assert report.failed == len(read) <= 25 * 5
    assert not report.complete


def test_what_is_refused_is_not_sent_again():
    runtime = FakeRuntime(lambda key, tries: "ValidationError" if key == "7" else "")
    with pytest.raises(Terminal, match=r"39 records written, 1 not.*ValidationError: why"):
        ingest(runtime, RULES, records(40), sleep=FakeTime().sleep)
    assert runtime.tries["7"] == 1


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(st.integers(0, 59), st.sampled_from(["left", "ValidationError"]), max_size=9)
)
def test_counts_always_add_up(trouble):
    time = FakeTime()
    runtime = FakeRuntime(lambda key, tries: trouble.get(int(key), ""))
    counts = f"{60 - len(trouble)} records written, {len(trouble)} not"
    expected = pytest.raises(PerennialError, match=counts) if trouble else nullcontext()
    with expected:
        ingest(runtime, RULES, records(60), sleep=time.sleep, clock=time.clock)
    assert len(runtime.stored) == 60 - len(trouble)


def test_a_call_that_one_record_spoils_is_sent_record_by_record():
    runtime = FakeRuntime()
    write = runtime.batch_write_record

    class Strict:
        def batch_write_record(self, *, Entries):
            if any(each["Record"][0]["ValueAsString"] == "7" for each in Entries):
                raise refusal("ValidationException", "seven")
            return write(Entries=Entries)

    with pytest.raises(IngestRefused, match=r"39 records written, 1 not.*seven.*'7'"):
        ingest(Strict(), RULES, records(40), sleep=FakeTime().sleep)
    assert len(runtime.stored) == 39


def test_a_door_that_is_shut_is_not_knocked_on_again():
    calls = []

    class Shut:
        def batch_write_record(self, *, Entries):
            calls.append(len(Entries))
            raise refusal("AccessDeniedException", "no", status=403)

    with pytest.raises(IngestRefused, match="gave up before the end"):
        ingest(Shut(), RULES, records(10_000), threads=2, sleep=FakeTime().sleep)
    assert len(calls) < 10


def test_equal_records_of_a_batch_are_sent_once_and_contradicting_ones_not_at_all():
    runtime = FakeRuntime()
    given = [
        {"id": "a", "at": NOON, "x": 1.0},
        {"id": "a", "at": NOON, "x": 1.0},
        {"id": "b", "at": NOON, "x": 1.0},
        {"id": "b", "at": NOON, "x": 2.0},
        {"id": "b", "at": NOON, "x": 1.0},
        {"id": "b", "at": "2013-01-01T11:00:00Z", "x": 3.0},
    ]
    with pytest.raises(IngestRefused, match="3 x another record of the same id") as caught:
        ingest(runtime, TIMED, given)
    report = caught.value.report
    assert (report.written, report.repeated, report.failed) == (2, 1, 3)
    assert runtime.stored["a"]["x"] == "1.0"
    assert runtime.stored["b"]["x"] == "3.0"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x": "y" * 358_400}, "larger than 350 KB"),
        ({"x": "\u00e4" * 180_000}, "larger than 350 KB"),
        ({"id": "k" * 2049}, "more than 2048 bytes"),
        ({"x": float("nan")}, "x is NaN or infinite"),
        ({"x": float("-inf")}, "x is NaN or infinite"),
        ({"y": 1}, "no feature y"),
        ({"id": None}, "no value for id"),
        ({"at": None}, "no value for at"),
        ({"at": "2013-01-01 12:00:00"}, "no event time"),
        ({"at": "2013-02-30T12:00:00Z"}, "of the calendar"),
        ({"at": datetime(2013, 1, 2, 12, 6, tzinfo=UTC)}, "ahead of AWS's clock"),
    ],
)
def test_a_record_that_aws_would_refuse_is_refused_before_it_is_sent(change, reason):
    runtime = FakeRuntime()
    rules = replace(TIMED, latest=datetime(2013, 1, 2, 12, 5, tzinfo=UTC))
    given = [{"id": "a", "at": NOON, "x": 1.0}, {"id": "bad", "at": NOON, "x": 1.0, **change}]
    with pytest.raises(IngestRefused, match="1 records written, 1 not") as caught:
        ingest(runtime, rules, given)
    (told,) = caught.value.report.reasons
    assert reason in told
    assert list(runtime.stored) == ["a"]


def test_the_largest_record_and_a_time_within_the_tolerance_are_sent():
    runtime = FakeRuntime()
    rules = replace(TIMED, latest=datetime(2013, 1, 2, 12, 5, tzinfo=UTC))
    room = MOST_BYTES - len("idatxa") - len(NOON)
    given = [
        {"id": "a", "at": NOON, "x": "y" * room},
        {"id": "b", "at": "2013-01-02T12:05:00Z", "x": 1},
    ]
    assert ingest(runtime, rules, given).written == 2


def test_reasons_are_counted_with_few_examples():
    given = ({"id": str(n), "at": NOON, "x": float("nan")} for n in range(1000))
    with pytest.raises(IngestRefused) as caught:
        ingest(FakeRuntime(), TIMED, given)
    (reason,) = caught.value.report.reasons
    assert caught.value.report.reasons[reason] == 1000
    assert caught.value.report.examples[reason] == ("0", "1", "2", "3", "4")


def test_none_is_left_out_and_an_empty_record_skipped():
    runtime = FakeRuntime()
    report = ingest(runtime, RULES, [{"id": "a", "x": None}, {"id": None, "x": None}])
    assert (report.written, report.skipped) == (1, 1)
    assert runtime.stored == {"a": {"id": "a"}}


def test_times_become_iso_in_utc():
    assert as_text(datetime.fromisoformat("2013-01-01T10:15")) == "2013-01-01T10:15:00Z"
    plus_two = timezone(timedelta(hours=2))
    assert as_text(datetime(2013, 1, 1, 10, 15, tzinfo=plus_two)) == "2013-01-01T08:15:00Z"
    assert as_text(datetime(2013, 1, 1, 0, 0, 0, 5000, tzinfo=UTC)) == "2013-01-01T00:00:00.005Z"
    assert as_text(date(2013, 1, 1)) == "2013-01-01"
    assert [as_text(v) for v in (True, 3, 0.5, "JFK")] == ["1", "3", "0.5", "JFK"]
