"""Writing many records into a feature group: bounded threads, batches of 25, exact counts.

A batch can succeed in part. Only what AWS reports as unprocessed or passing is sent again; sending
all of it again would be harmless but doubles the bill. What is throttled waits with full jitter
(wait uniformly up to a doubling limit: AWS Architecture Blog, "Exponential Backoff And Jitter").
Groups do not belong here.
"""

from __future__ import annotations

import itertools
import random
import re
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from resources.accounting import IngestReport, Tally, failure
from resources.errors import Terminal, Transient, call
from resources.records import Prepared, RecordRules, Refused, prepare, record_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from resources.polling import Clock, Sleep
    from resources.records import Entry

BATCH = 25
#: So long a batch may make no headway before it is given up: a throttled minute is survived.
PATIENCE = timedelta(minutes=5)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
_PASSING = frozenset(
    {"ThrottlingException", "Throttling", "InternalFailure", "ServiceUnavailable", "SlowDown"}
)
#: A whole call refused with these may hold one record that spoils it for the others.
_SPOILED = frozenset({"ValidationException", "ValidationError", "ParamValidationError"})
_CONFLICT = "another record of the same id and event time differs; make them unique in the SQL"
_REQUEST_ID = re.compile(r" \(request id [^)]*\)")
# Jitter for back-off needs no secrecy, only that concurrent writers differ.
_JITTER = random.Random()  # noqa: S311


@dataclass(slots=True)
class _Writer:
    """What all threads of one ingest share: the door, its clock, and when something last passed."""

    runtime: Any
    rules: RecordRules
    patience: float
    sleep: Sleep
    clock: Clock
    passed: float
    stop: threading.Event = field(default_factory=threading.Event)

    def pause(self, attempt: int, headway: float) -> bool:
        """Wait before sending again; False when it is time to give up."""
        if self.stop.is_set() or self.clock() - headway >= self.patience:
            return False
        limit = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt, 10))
        self.sleep(_JITTER.uniform(0.0, limit))
        return True


def ingest(
    runtime: Any,
    rules: RecordRules,
    records: Iterable[Mapping[str, Any]],
    *,
    threads: int = 4,
    patience: timedelta = PATIENCE,
    sleep: Sleep = time.sleep,
    clock: Clock = time.monotonic,
) -> IngestReport:
    """Write records, read as fast as they are written: some ``50 * threads`` are held at most.

    Raises:
        IngestInterrupted: Every failure was a passing one; a re-run may write the rest.
        IngestRefused: At least one record was refused; all others were written.
    """
    begun = clock()
    writer = _Writer(runtime, rules, patience.total_seconds(), sleep, clock, begun)
    total, read = Tally(), Tally()
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ingest") as pool:
        running: set[Future[Tally]] = set()
        for batch in _batches(rules, records, read):
            if len(running) >= threads * 2:  # bounded: never hold the whole table in memory
                done, running = wait(running, return_when=FIRST_COMPLETED)
                _collect(total, done)
            running.add(pool.submit(_write, writer, batch))
            if writer.stop.is_set():
                break
        _collect(total, running)
    total.add(read)
    report = total.report(clock() - begun, complete=not writer.stop.is_set())
    if report.failed:
        raise failure(rules.group, report, total)
    return report


def _batches(
    rules: RecordRules, records: Iterable[Mapping[str, Any]], tally: Tally
) -> Iterator[list[Entry]]:
    rest = iter(records)
    while chunk := list(itertools.islice(rest, BATCH)):
        if batch := _batch(rules, chunk, tally):
            yield batch


def _batch(rules: RecordRules, records: list[Mapping[str, Any]], tally: Tally) -> list[Entry]:
    """Return the entries to send; of equal records one, of contradicting ones none.

    AWS keeps the first of two records of equal event time online, and does not say in which order
    it takes a batch: what would be stored is not known.
    """
    taken: dict[Any, Entry] = {}
    refused: set[Any] = set()
    for number, record in enumerate(records):
        ready = prepare(rules, record)
        if ready is None:
            tally.skipped += 1
        elif isinstance(ready, Refused):
            tally.fail(ready.reason, ready.record_id)
        else:
            key = ready.key if all(ready.key) else number
            _take(ready, key, taken, refused, tally)
    return list(taken.values())


def _take(
    ready: Prepared, key: Any, taken: dict[Any, Entry], refused: set[Any], tally: Tally
) -> None:
    if key in refused:
        tally.fail(_CONFLICT, ready.key[0])
    elif key not in taken:
        taken[key] = ready.entry
    elif _values(taken[key]) == _values(ready.entry):
        tally.repeated += 1
    else:
        del taken[key]
        refused.add(key)
        for _ in range(2):
            tally.fail(_CONFLICT, ready.key[0])


def _values(entry: Entry) -> dict[str, str]:
    return {each["FeatureName"]: each["ValueAsString"] for each in entry["Record"]}


def _collect(total: Tally, futures: Iterable[Future[Tally]]) -> None:
    for future in futures:
        total.add(future.result())


def _write(writer: _Writer, batch: list[Entry]) -> Tally:
    """Write one batch, sending again only what was left, and count what became of each entry."""
    tally, left, reason = Tally(), batch, ""
    begun = headway = writer.clock()
    for attempt in itertools.count():
        if attempt and not writer.pause(attempt, headway):
            break
        sent = len(left)
        left, reason = _once(writer, left, tally)
        if len(left) < sent:
            writer.passed = headway = writer.clock()
        if not left:
            break
    if len(left) == len(batch) and writer.passed <= begun:
        writer.stop.set()  # not one record of any batch for so long: no use to read on
    tally.written = len(batch) - tally.refused - len(left)
    for entry in left:
        tally.fail(reason, record_id_of(entry, writer.rules.record_id), passing=True)
    return tally


def _once(writer: _Writer, batch: list[Entry], tally: Tally) -> tuple[list[Entry], str]:
    """Send a batch; return the entries to send again and why; count what was refused."""
    try:
        answer = call(writer.runtime.batch_write_record, Entries=batch)
    except Transient as error:
        return batch, error.code or "no answer from AWS"
    except Terminal as error:
        return _refused(writer, batch, tally, error)
    errors = answer.get("Errors", [])
    again = [*answer.get("UnprocessedEntries", [])]
    reason = "left unprocessed by AWS"
    for each in errors:
        if each.get("ErrorCode") in _PASSING:
            again.append(each["Entry"])
            reason = str(each["ErrorCode"])
        else:
            tally.fail(_reason(each), record_id_of(each["Entry"], writer.rules.record_id))
    return again, reason


def _refused(
    writer: _Writer, batch: list[Entry], tally: Tally, error: Terminal
) -> tuple[list[Entry], str]:
    """Count a call that was refused as a whole; where one record may be the cause, find it."""
    if error.code in _SPOILED and len(batch) > 1:
        again: list[Entry] = []
        reason = ""
        for entry in batch:
            left, reason = _once(writer, [entry], tally)
            again += left
        return again, reason
    if error.code not in _SPOILED:
        writer.stop.set()  # denied or gone: no other batch would fare better
    said = _REQUEST_ID.sub("", str(error))  # or every refusal would be a reason of its own
    for entry in batch:
        tally.fail(said, record_id_of(entry, writer.rules.record_id))
    return [], ""


def _reason(error: Mapping[str, Any]) -> str:
    return f"{error.get('ErrorCode', 'unknown')}: {error.get('ErrorMessage', '')}"
