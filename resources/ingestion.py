"""Writing many records into a feature group: bounded threads, batches of 25, exact counts.

A batch can succeed in part. Only what AWS reports as unprocessed or passing is sent again; sending
all of it again would be harmless but doubles the bill. Groups do not belong here.
"""

from __future__ import annotations

import itertools
import random
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from resources.errors import Terminal, Transient, call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from resources.polling import Sleep

    Entry = dict[str, Any]

BATCH = 25
TRIES = 5
_PASSING = frozenset(
    {"ThrottlingException", "Throttling", "InternalFailure", "ServiceUnavailable", "SlowDown"}
)
# Jitter for back-off needs no secrecy, only that concurrent writers differ.
_JITTER = random.Random()  # noqa: S311


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of the records; ``skipped`` had no feature with a value."""

    written: int
    skipped: int
    failed: int
    seconds: float


@dataclass(slots=True)
class _Tally:
    written: int = 0
    failed: int = 0
    passing: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, other: _Tally) -> None:
        self.written += other.written
        self.failed += other.failed
        self.passing += other.passing
        self.reasons += other.reasons


def ingest(
    runtime: Any,
    name: str,
    records: Iterable[Mapping[str, Any]],
    *,
    threads: int = 4,
    sleep: Sleep = time.sleep,
) -> IngestReport:
    """Write records to the group ``name``. The iterable is read as fast as it is written.

    Raises:
        Transient: Every failure was a passing one; a re-run may write the rest.
        Terminal: AWS refused at least one record.
    """
    begun = time.monotonic()
    skipped = itertools.count()
    entries = _entries(name, records, skipped)
    total = _Tally()
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ingest") as pool:
        running: set[Future[_Tally]] = set()
        for batch in _batches(entries):
            if len(running) >= threads * 2:  # bounded: never hold the whole table in memory
                done, running = wait(running, return_when=FIRST_COMPLETED)
                _collect(total, done)
            running.add(pool.submit(_write, runtime, batch, sleep))
        _collect(total, running)
    report = IngestReport(
        total.written, next(skipped), total.failed, round(time.monotonic() - begun, 3)
    )
    if total.failed:
        raise _failure(name, report, total)
    return report


def as_text(value: Any) -> str:
    """Return a value as Feature Store takes it: ISO 8601 with Z for times, JSON-like booleans."""
    if isinstance(value, datetime):
        utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        precision = "milliseconds" if utc.microsecond else "seconds"
        return utc.isoformat(timespec=precision).replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return str(int(value))
    return str(value)


def _entries(
    name: str, records: Iterable[Mapping[str, Any]], skipped: Iterator[int]
) -> Iterator[Entry]:
    for record in records:
        values = [
            {"FeatureName": feature, "ValueAsString": as_text(value)}
            for feature, value in record.items()
            if value is not None
        ]
        if values:
            yield {"FeatureGroupName": name, "Record": values}
        else:
            next(skipped)


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while batch := list(itertools.islice(entries, BATCH)):
        yield batch


def _collect(total: _Tally, futures: Iterable[Future[_Tally]]) -> None:
    for future in futures:
        total.add(future.result())


def _write(runtime: Any, batch: list[Entry], sleep: Sleep) -> _Tally:
    """Write one batch, sending again only what was left, and count what became of each entry."""
    tally, left, reason = _Tally(), batch, ""
    for attempt in range(TRIES):
        if attempt:
            sleep(_JITTER.uniform(0.5, 1.0) * 0.1 * 2**attempt)
        left, refused, reason = _once(runtime, left)
        tally.failed += len(refused)
        tally.reasons += refused
        if not left:
            break
    tally.written = len(batch) - tally.failed - len(left)
    tally.failed += len(left)
    tally.passing = len(left)
    tally.reasons += [reason] if left else []
    return tally


def _once(runtime: Any, batch: list[Entry]) -> tuple[list[Entry], list[str], str]:
    """Send a batch; return the entries to send again, the refusals, and a reason to wait."""
    try:
        answer = call(runtime.batch_write_record, Entries=batch)
    except Transient as error:
        return batch, [], str(error)
    except Terminal as error:
        return [], [str(error)] * len(batch), ""
    errors = answer.get("Errors", [])
    passing = [each for each in errors if each.get("ErrorCode") in _PASSING]
    refused = [_reason(each) for each in errors if each.get("ErrorCode") not in _PASSING]
    left = [*answer.get("UnprocessedEntries", []), *(each["Entry"] for each in passing)]
    return left, refused, _reason(passing[0]) if passing else "left unprocessed by AWS"


def _reason(error: Mapping[str, Any]) -> str:
    return f"{error.get('ErrorCode', 'unknown')}: {error.get('ErrorMessage', '')}"


def _failure(name: str, report: IngestReport, total: _Tally) -> Transient | Terminal:
    kind = Transient if total.passing == total.failed else Terminal
    return kind(
        f"Feature group {name}: {report.written} records written, {report.failed} not, "
        f"{report.skipped} skipped. First reason: {total.reasons[0]}. What was written stays; "
        "writing it again changes nothing, so run the step again.",
        service="sagemaker-featurestore-runtime",
        operation="BatchWriteRecord",
    )
