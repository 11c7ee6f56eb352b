"""Ingestion under failures: only what was left is sent again, and the counts are exact."""
# ruff: noqa: N803 - the fakes take boto3\'s own parameter names

import threading
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import PerennialError, Terminal, Transient
from resources.ingestion import as_text, ingest
from tests.unit.resources.fakes import FakeTime, refusal


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
    report = ingest(runtime, "g", records(260))
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
    report = ingest(runtime, "g", records(20), sleep=time.sleep)
    assert report.written == 20
    assert {key for key, tries in runtime.tries.items() if tries > 1} == {"3", "4"}
    assert len(time.slept) == 2
    assert time.slept[1] > time.slept[0]


def test_a_throttled_call_is_sent_again_whole():
    runtime = FakeRuntime()
    write, calls = runtime.batch_write_record, []

    class Throttled:
        def batch_write_record(self, **request):
            calls.append(request)
            if len(calls) == 1:
                raise refusal("ThrottlingException", status=429)
            return write(**request)

    report = ingest(Throttled(), "g", records(5), sleep=FakeTime().sleep)
    assert report.written == 5
    assert len(calls) == 2


def test_what_never_gets_through_is_counted_and_may_be_tried_again():
    runtime = FakeRuntime(lambda key, tries: "left" if int(key) % 10 == 0 else "")
    with pytest.raises(Transient, match="90 records written, 10 not, 0 skipped"):
        ingest(runtime, "g", records(100), sleep=FakeTime().sleep)
    assert max(runtime.tries.values()) == 5


def test_what_is_refused_is_not_sent_again():
    runtime = FakeRuntime(lambda key, tries: "ValidationError" if key == "7" else "")
    with pytest.raises(Terminal, match=r"39 records written, 1 not.*ValidationError: why"):
        ingest(runtime, "g", records(40), sleep=FakeTime().sleep)
    assert runtime.tries["7"] == 1


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.integers(0, 59), st.sampled_from(["left", "ValidationError"])))
def test_counts_always_add_up(trouble):
    runtime = FakeRuntime(lambda key, tries: trouble.get(int(key), ""))
    counts = f"{60 - len(trouble)} records written, {len(trouble)} not"
    expected = pytest.raises(PerennialError, match=counts) if trouble else nullcontext()
    with expected:
        ingest(runtime, "g", records(60), sleep=FakeTime().sleep)
    assert len(runtime.stored) == 60 - len(trouble)


def test_none_is_left_out_and_an_empty_record_skipped():
    runtime = FakeRuntime()
    report = ingest(runtime, "g", [{"id": "a", "x": None}, {"id": None, "x": None}])
    assert (report.written, report.skipped) == (1, 1)
    assert runtime.stored == {"a": {"id": "a"}}


def test_times_become_iso_in_utc():
    assert as_text(datetime.fromisoformat("2013-01-01T10:15")) == "2013-01-01T10:15:00Z"
    plus_two = timezone(timedelta(hours=2))
    assert as_text(datetime(2013, 1, 1, 10, 15, tzinfo=plus_two)) == "2013-01-01T08:15:00Z"
    assert as_text(datetime(2013, 1, 1, 0, 0, 0, 5000, tzinfo=UTC)) == "2013-01-01T00:00:00.005Z"
    assert as_text(date(2013, 1, 1)) == "2013-01-01"
    assert [as_text(v) for v in (True, 3, 0.5, "JFK")] == ["1", "3", "0.5", "JFK"]
