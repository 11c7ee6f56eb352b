"""Does a training set hold what was known then, and nothing else? Brute force, on a sample of rows.

Shares no idea with the generated SQL: of a key's records it takes, one by one, those whose time had
come, and keeps the last. So it finds what that SQL gets wrong. Which rows are sampled, and where
records come from, does not belong here.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from decisions.model import Fact

Cause = Literal["future", "written_later", "stale", "deleted", "missing", "other"]

_WHY: dict[Cause, str] = {
    "future": "a LEAK: it is the value of a record from after the row's time",
    "written_later": "a LEAK: it is the value of a record written after the cut-off",
    "stale": "stale: it is the value of an earlier record, or one that was too old",
    "deleted": "the value of a record that was deleted or rewritten by then",
    "missing": "missing, though a record was there",
    "other": "in no record of the key",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the offline store, as it lies there. Times are naive UTC."""

    key: Any
    event_time: datetime
    write_time: datetime
    invoked_at: datetime
    deleted: bool
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SampledRow:
    """One row of the training set.

    Attributes:
        keys: The value of the join's key, by group, of each row of the spine that it may be: none
            if it is not there, more than one if the spine has it twice.
        found: The set's value, by group and feature.
    """

    id: Any
    event_time: datetime
    keys: Sequence[Mapping[str, Any]]
    found: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the set promises.

    Attributes:
        label_delay: How long after its event time a row's outcome is surely known.
        max_age: By group, the age from beyond which a record counts as missing.
    """

    as_of: datetime
    label_delay: timedelta
    written_by: datetime | None = None
    max_age: Mapping[str, timedelta | None] | None = None


class Difference(Fact):
    """One value that is not what brute force finds."""

    row: str
    event_time: datetime
    group: str
    feature: str
    expected: str
    found: str
    cause: Cause

    def __str__(self) -> str:
        return (
            f"row {self.row} of {self.event_time}: {self.group}.{self.feature} is {self.found}, "
            f"expected {self.expected}; {_WHY[self.cause]}"
        )


class LeakageVerdict(Fact):
    """What was looked at, and what was found.

    Attributes:
        immature: Rows whose outcome was not surely known at as_of.
    """

    rows: int
    values: int
    differences: tuple[Difference, ...]
    immature: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Say whether the set may be trained on. A check that saw no row shows nothing."""
        return self.rows > 0 and not self.differences and not self.immature

    @property
    def leaks(self) -> int:
        """Count the values that nobody could have known."""
        return sum(each.cause in {"future", "written_later"} for each in self.differences)


def judge(
    rows: Sequence[SampledRow], records: Mapping[str, Iterable[Record]], rules: Rules
) -> LeakageVerdict:
    """Derive every value of the rows anew, and compare.

    Args:
        rows: The sample.
        records: By group, everything the offline store holds of the sampled rows' keys.
        rules: What the set promises.
    """
    known = {group: _by_key(each) for group, each in records.items()}
    differences = [each for row in rows for each in _row_differences(row, known, rules)]
    values = sum(len(found) for row in rows for found in row.found.values())
    immature = [
        f"row {row.id} of {row.event_time} is due at {row.event_time + rules.label_delay}, after "
        f"as_of {rules.as_of}"
        for row in rows
        if row.event_time + rules.label_delay > rules.as_of
    ]
    return LeakageVerdict(
        rows=len(rows), values=values, differences=tuple(differences), immature=tuple(immature)
    )


def expected_record(
    records: Iterable[Record],
    moment: datetime,
    *,
    written_by: datetime | None = None,
    max_age: timedelta | None = None,
) -> Record | None:
    """Return the record whose values were known at a moment, or None if there were none.

    Of the records of one key whose event time is not after the moment, written by the cut-off: the
    latest by event time; of several, the one invoked last; then the one written last. A deleted one
    means that nothing was known. What two writes of one millisecond say is ordered by content,
    a deletion last, because the store itself does not order them.
    """
    last: Record | None = None
    for record in records:
        if record.event_time > moment:
            continue
        if written_by is not None and record.write_time > written_by:
            continue
        if last is None or _order(record) > _order(last):
            last = record
    if last is None or last.deleted:
        return None
    if max_age is not None and moment - last.event_time > max_age:
        return None
    return last


def same(left: Any, right: Any) -> bool:
    """Say whether two values are one: null is null, NaN is NaN, all else to the last bit."""
    if left is None or right is None:
        return left is right
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return bool(left == right)


def _by_key(records: Iterable[Record]) -> dict[Any, list[Record]]:
    found: dict[Any, list[Record]] = {}
    for record in records:
        found.setdefault(record.key, []).append(record)
    return found


def _row_differences(
    row: SampledRow, known: Mapping[str, dict[Any, list[Record]]], rules: Rules
) -> list[Difference]:
    if not row.keys:
        return [_stranger(row)]
    found = [
        [
            difference
            for group, values in row.found.items()
            for difference in _differences(
                row, group, values, known[group].get(keys[group], []), rules
            )
        ]
        for keys in row.keys
    ]
    return min(found, key=len)


def _stranger(row: SampledRow) -> Difference:
    return Difference(
        row=str(row.id),
        event_time=row.event_time,
        group="spine",
        feature="row",
        expected="a row of the spine with this id, event time, label and direct features",
        found="none",
        cause="other",
    )


def _differences(
    row: SampledRow, group: str, found: Mapping[str, Any], records: list[Record], rules: Rules
) -> Iterable[Difference]:
    max_age = (rules.max_age or {}).get(group)
    record = expected_record(records, row.event_time, written_by=rules.written_by, max_age=max_age)
    for feature, value in found.items():
        expected = record.values[feature] if record else None
        if same(value, expected):
            continue
        yield Difference(
            row=str(row.id),
            event_time=row.event_time,
            group=group,
            feature=feature,
            expected=repr(expected),
            found=repr(value),
            cause=_cause(feature, found, row.event_time, records, rules),
        )


def _cause(
    feature: str,
    found: Mapping[str, Any],
    moment: datetime,
    records: list[Record],
    rules: Rules,
) -> Cause:
    """Say where a wrong value comes from: by the record that has all of the row's, if there is one.

    Where only single values agree with records, the innocent explanations come first.
    """
    if all(value is None for value in found.values()):
        return "missing"
    whole = [
        each
        for each in records
        if all(same(each.values.get(name), value) for name, value in found.items())
    ]
    holders = whole or [each for each in records if same(each.values.get(feature), found[feature])]
    in_time = [each for each in holders if each.event_time <= moment]
    cutoff = rules.written_by
    by_then = [each for each in in_time if cutoff is None or each.write_time <= cutoff]
    if by_then:
        return "deleted" if any(each.deleted for each in by_then) else "stale"
    if in_time:
        return "written_later"
    return "future" if holders else "other"


def _order(record: Record) -> tuple[Any, ...]:
    content = [_place(value) for value in record.values.values()]
    return (record.event_time, record.invoked_at, record.write_time, record.deleted, content)


def _place(value: Any) -> tuple[int, Any]:
    """Put a value in SQL's order: numbers, then NaN, then null."""
    if value is None:
        return (2, 0)
    if isinstance(value, float) and math.isnan(value):
        return (1, 0)
    return (0, value)
