"""What became of every record of an ingest: counts that add up, reasons, and examples.

Who writes them does not belong here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resources.errors import Terminal, Transient

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Record ids kept for each reason, and reasons told apart: enough to look, never the whole table.
EXAMPLES = 5
_REASONS = 50
_OTHERS = "other reasons"


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of the records: all that were read are in one of these counts.

    Attributes:
        written: AWS acknowledged them.
        skipped: They had no value at all.
        repeated: Another record of their batch was equal; that one was written.
        failed: They were refused, here or by AWS, or never got through.
        reasons: How many failed for which reason; the most frequent first.
        examples: Some record ids for each reason.
        complete: All records were read; otherwise it gave up before the end.
    """

    written: int
    skipped: int
    failed: int
    seconds: float
    repeated: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    complete: bool = True


class IngestRefused(Terminal):
    """Some records can never be written as they are.

    Attributes:
        report: The account of all records.
    """

    report: IngestReport


class IngestInterrupted(Transient):
    """Some records did not get through; writing them again may.

    Attributes:
        report: The account of all records.
    """

    report: IngestReport


@dataclass(slots=True)
class Tally:
    """A count in the making; one per thread, added up by one."""

    written: int = 0
    skipped: int = 0
    repeated: int = 0
    refused: int = 0
    passing: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def fail(self, reason: str, record_id: str, *, passing: bool = False) -> None:
        """Count a record that was not written."""
        if passing:
            self.passing += 1
        else:
            self.refused += 1
        self._note(reason, 1, [record_id])

    def add(self, other: Tally) -> None:
        """Take in another count."""
        self.written += other.written
        self.skipped += other.skipped
        self.repeated += other.repeated
        self.refused += other.refused
        self.passing += other.passing
        for reason, count in other.reasons.items():
            self._note(reason, count, other.examples[reason])

    def report(self, seconds: float, *, complete: bool) -> IngestReport:
        """Return the account."""
        ranked = dict(self.reasons.most_common())
        return IngestReport(
            written=self.written,
            skipped=self.skipped,
            failed=self.refused + self.passing,
            seconds=round(seconds, 3),
            repeated=self.repeated,
            reasons=ranked,
            examples={reason: tuple(self.examples[reason]) for reason in ranked},
            complete=complete,
        )

    def _note(self, reason: str, count: int, record_ids: list[str]) -> None:
        if reason not in self.reasons and len(self.reasons) >= _REASONS:
            reason = _OTHERS
        self.reasons[reason] += count
        known = self.examples.setdefault(reason, [])
        known += record_ids[: EXAMPLES - len(known)]


def failure(group: str, report: IngestReport, tally: Tally) -> IngestRefused | IngestInterrupted:
    """Return the error that tells what was not written, and how to mend it."""
    kind = IngestRefused if tally.refused else IngestInterrupted
    told = "; ".join(
        f"{count} x {reason} (for example {', '.join(map(repr, report.examples[reason]))})"
        for reason, count in list(report.reasons.items())[:EXAMPLES]
    )
    ending = "" if report.complete else " It gave up before the end; the rest was not tried."
    error = kind(
        f"Feature group {group}: {report.written} records written, {report.failed} not, "
        f"{report.skipped} skipped. {told}.{ending} What was written stays; writing it again "
        "changes nothing, so mend the cause and run the step again.",
        service="sagemaker-featurestore-runtime",
        operation="BatchWriteRecord",
    )
    error.report = report
    return error
