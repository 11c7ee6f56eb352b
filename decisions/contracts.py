"""What a contract's counts mean: which partitions may be used, which are quarantined, and why.

Counting is SQL's business, and what is promised the use case's. Pure: no I/O, no clock.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import Field

from decisions.model import Fact

WHOLE = ""
"""How the one part of a table without partitions is named in counts."""


class RuleBreach(Fact):
    """A broken promise in one partition.

    Attributes:
        words: The promise and how many rows break it, for people.
        rows: How many rows break it.
        examples: The first few of them: the key's columns and what the rule reads, as text.
    """

    rule: str
    words: str
    rows: int = Field(ge=0)
    examples: tuple[dict[str, str | None], ...] = ()


class PartitionCounts(Fact):
    """What was counted in one partition; `newest` is its newest event time, naive UTC."""

    partition: str
    rows: int = Field(ge=0)
    newest: datetime | None = None
    breaches: tuple[RuleBreach, ...] = ()


class PartitionVerdict(Fact):
    """One partition judged.

    Attributes:
        accepted: Who took it in spite of its breaches, and why; empty if nobody did.
    """

    partition: str
    rows: int
    breaches: tuple[RuleBreach, ...] = ()
    accepted: str = ""

    @property
    def usable(self) -> bool:
        """Say whether the partition may be read downstream."""
        return not self.breaches or bool(self.accepted)


class ContractVerdict(Fact):
    """A dataset's partitions judged.

    Attributes:
        dataset: For people; with its database.
        partitions: Every partition asked for, in order.
        stale: How far the newest row lags behind what has landed, if that breaks the promise. It is
            the table that is stale: no partition is quarantined for it.
        doubts: Where pandera, on a sample, found what SQL did not.
    """

    dataset: str
    partitions: tuple[PartitionVerdict, ...]
    stale: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Count the rows looked at."""
        return sum(each.rows for each in self.partitions)

    @property
    def clean(self) -> tuple[str, ...]:
        """Name the partitions that may be used."""
        return tuple(each.partition for each in self.partitions if each.usable)

    @property
    def quarantined(self) -> tuple[str, ...]:
        """Name the partitions that may not be used."""
        return tuple(each.partition for each in self.partitions if not each.usable)

    @property
    def passed(self) -> bool:
        """Say whether everything downstream may run on all of it."""
        return not self.quarantined and not self.stale and not self.doubts

    @property
    def problems(self) -> tuple[str, ...]:
        """Say each problem in a sentence of its own, with its partition and an example."""
        found = [
            (f"partition {each.partition}: " if each.partition and each.rows else "") + told(breach)
            for each in self.partitions
            if not each.usable
            for breach in each.breaches
        ]
        return (*found, *([self.stale] if self.stale else []), *self.doubts)

    @property
    def why(self) -> str:
        """Say the whole verdict in words."""
        if not self.passed:
            return "; ".join(self.problems)
        taken = [each for each in self.partitions if each.accepted]
        kept = f"{self.rows - sum(each.rows for each in taken)} rows keep the contract."
        return " ".join([kept, *(_taken(self.dataset, each) for each in taken)])

    def accepting(self, taken: Mapping[str, str]) -> "ContractVerdict":
        """Return this verdict with breaches accepted: partition to who took them, and why."""
        partitions = tuple(
            each.model_copy(update={"accepted": taken.get(each.partition, "")})
            if each.breaches
            else each
            for each in self.partitions
        )
        return self.model_copy(update={"partitions": partitions})


class Freshness(Fact):
    """How new a table must be.

    Attributes:
        landed_through: Everything known up to then has landed, naive UTC.
        within: How far the newest row may lag behind it.
    """

    landed_through: datetime
    within: timedelta


def judge(
    dataset: str,
    counts: Sequence[PartitionCounts],
    *,
    wanted: Sequence[str] | None = None,
    before: Mapping[str, int] | None = None,
    freshness: Freshness | None = None,
    doubts: Sequence[str] = (),
) -> ContractVerdict:
    """Judge what was counted.

    Args:
        dataset: Name for people.
        counts: One per partition that has rows; of a table without partitions, one named WHOLE.
        wanted: The partitions asked for; None for those counted.
        before: Rows of each partition's last good version. A day on which nothing happened is no
            breach; a day that had rows and lost them all is one.
        freshness: Unless given, staleness is not judged.
        doubts: Where pandera and SQL disagree.
    """
    by_name = {each.partition: each for each in counts}
    names = sorted(by_name if wanted is None else set(wanted)) or [WHOLE]
    partitions = tuple(
        _judged(dataset, name, by_name.get(name), (before or {}).get(name, 0)) for name in names
    )
    stale = _staleness(dataset, counts, freshness) if freshness else ""
    return ContractVerdict(
        dataset=dataset, partitions=partitions, stale=stale, doubts=tuple(doubts)
    )


def _judged(
    dataset: str, name: str, counts: PartitionCounts | None, before: int
) -> PartitionVerdict:
    if counts is not None and counts.rows:
        return PartitionVerdict(partition=name, rows=counts.rows, breaches=counts.breaches)
    if name != WHOLE and not before:
        return PartitionVerdict(partition=name, rows=0)
    words = f"{dataset} is empty: nothing landed in the window"
    if name != WHOLE:
        words = f"{dataset}, partition {name}, is empty: it had {before} rows and lost them all"
    breach = RuleBreach(rule="rows", words=words, rows=0)
    return PartitionVerdict(partition=name, rows=0, breaches=(breach,))


def _staleness(dataset: str, counts: Sequence[PartitionCounts], freshness: Freshness) -> str:
    newest = max((each.newest for each in counts if each.newest is not None), default=None)
    if newest is None or newest >= freshness.landed_through - freshness.within:
        return ""
    return (
        f"{dataset} is stale: its newest row is of {newest}, {freshness.landed_through - newest} "
        f"behind what has landed ({freshness.landed_through}); at most {freshness.within} is "
        "promised"
    )


def _taken(dataset: str, each: PartitionVerdict) -> str:
    rules = ", ".join(breach.rule for breach in each.breaches)
    return f"{each.partition or dataset} breaks {rules}, and was accepted by {each.accepted}."


def told(breach: RuleBreach) -> str:
    """Say a breach with its first example."""
    return breach.words + (f", for example {breach.examples[0]}" if breach.examples else "")


class QuarantineRecord(Fact):
    """A partition that was kept from those downstream: what, where it lies, and why.

    Attributes:
        digest: Names the data; the same data is never judged twice.
        location: Where the data lies, an S3 URI; nothing deletes it.
    """

    use_case: str
    dataset: str
    partition: str
    digest: str
    location: str
    rows: int
    breaches: tuple[RuleBreach, ...]


class Acceptance(Fact):
    """Who took quarantined data in spite of its breaches, when (wall clock, UTC), and why."""

    by: str
    at: datetime
    reason: str = Field(min_length=1)

    def __str__(self) -> str:
        return f"{self.by} on {self.at:%Y-%m-%d %H:%M} UTC: {self.reason}"
