"""What a record must be before it is sent: its text, and the reasons to refuse it. Pure.

AWS answers a bad record late, one by one, and in words of its own; what can be told beforehand is
told here, with a reason that many records share. Sending belongs to ingestion.py.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Entry = dict[str, Any]

#: Feature Store's quotas ("Quotas, naming rules and data types"): 350 KB a record, 2 KB a record
#: identifier. KB are taken as 1,024 bytes of UTF-8, names and values together: how AWS measures
#: is not said, but botocore's model ends a single value at 358,400 characters, which is 350 * 1024.
MOST_BYTES = 350 * 1024
MOST_ID_BYTES = 2 * 1024
#: A record from the future would hide all true ones in the online store until its time has come.
AHEAD = timedelta(minutes=5)

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")


@dataclass(frozen=True, slots=True)
class RecordRules:
    """What is known of the group that records are for.

    Attributes:
        features: Names of all its features; empty where they are not known, and not checked.
        latest: Event times after this are refused; None refuses none.
        targets: Which stores are written; all of the group's where empty.
    """

    group: str
    record_id: str = ""
    event_time: str = ""
    features: frozenset[str] = frozenset()
    latest: datetime | None = None
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record ready to be sent, and what tells it from others."""

    entry: Entry
    key: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that must not be sent; many records may have the same reason."""

    record_id: str
    reason: str


def prepare(rules: RecordRules, record: Mapping[str, Any]) -> Prepared | Refused | None:
    """Return a record as BatchWriteRecord takes it, the reason against it, or None if it is empty.

    None values are left out. Datetimes (naive means UTC) become ISO 8601, cut to milliseconds.
    """
    values, size = {}, 0
    for name, value in record.items():
        if value is None:
            continue
        text = as_text(value)
        values[name] = text
        size += len(name) + (len(text) if text.isascii() else len(text.encode()))
    if not values:
        return None
    key = values.get(rules.record_id, ""), values.get(rules.event_time, "")
    reason = _reason_against(rules, values, size) or _not_finite(record)
    if reason:
        return Refused(key[0], reason)
    features = [{"FeatureName": n, "ValueAsString": text} for n, text in values.items()]
    entry: Entry = {"FeatureGroupName": rules.group, "Record": features}
    if rules.targets:
        entry["TargetStores"] = list(rules.targets)
    return Prepared(entry, key)


def as_text(value: Any) -> str:
    """Return a value as Feature Store takes it: ISO 8601 with Z for times, JSON-like booleans."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        precision = "milliseconds" if utc.microsecond >= 1000 else "seconds"  # noqa: PLR2004
        return utc.isoformat(timespec=precision).replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return str(int(value))
    return str(value)


def record_id_of(entry: Entry, name: str) -> str:
    """Return the record id in an entry, or nothing."""
    return next(
        (str(each.get("ValueAsString", "")) for each in entry["Record"]
         if each["FeatureName"] == name), "",
    )  # fmt: skip


def _reason_against(rules: RecordRules, values: Mapping[str, str], size: int) -> str:
    for needed in (rules.record_id, rules.event_time):
        if needed and not values.get(needed):
            return f"no value for {needed}; expected one in every record: filter or fill it"
    if rules.features and not rules.features.issuperset(values):
        unknown = min(set(values) - rules.features)
        return f"the group has no feature {unknown}; declare it, or leave the column out"
    if size > MOST_BYTES:
        return f"larger than 350 KB ({MOST_BYTES} bytes of names and values); shorten its values"
    record_id = values.get(rules.record_id, "")
    if len(record_id) > MOST_ID_BYTES // 4 and len(record_id.encode()) > MOST_ID_BYTES:
        return f"a record id of more than {MOST_ID_BYTES} bytes; use a shorter one, or its hash"
    return _against_time(rules, values[rules.event_time]) if rules.event_time else ""


def _against_time(rules: RecordRules, text: str) -> str:
    if not _ISO.fullmatch(text):
        form = "ISO 8601 in UTC, as 2013-01-31T10:00:00Z or with .000"
        return f"{rules.event_time} is no event time; expected {form}"
    if rules.latest is None:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return f"{rules.event_time} is no date and time of the calendar; correct it"
    if moment > rules.latest:
        minutes = int(AHEAD.total_seconds() // 60)
        return (
            f"{rules.event_time} is more than {minutes} minutes ahead of AWS's clock; it would "
            "hide true records until then: correct it, or the clock that made it"
        )
    return ""


def _not_finite(record: Mapping[str, Any]) -> str:
    for name, value in record.items():
        if isinstance(value, float) and not math.isfinite(value):
            return f"{name} is NaN or infinite; a missing value is NULL: write it so in the SQL"
    return ""
