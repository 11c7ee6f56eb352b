"""The quarantine: records in the lake of partitions that broke their contract, and their release.

A record is named by the data's digest, so judging the same data again writes the same record, and
mended data has another. Nothing is moved: the breaching data stays where it was written, and what
was pointed at before stays pointed at. Whether data breaks its contract is decisions.contracts'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import ValidationError

from decisions.contracts import Acceptance, QuarantineRecord
from decisions.moments import naive_utc
from resources.errors import Missing, Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from decisions.contracts import ContractVerdict
    from resources.objects import ObjectFacts
    from resources.platform import Platform

_RELEASED = ".released.json"
_WHOLE = "all"
"""How a table without partitions is named in keys, and by people."""


def quarantine(
    platform: Platform,
    use_case: str,
    dataset: str,
    verdict: ContractVerdict,
    where: Mapping[str, tuple[str, str]],
) -> tuple[QuarantineRecord, ...]:
    """Write a record for each quarantined partition.

    Args:
        platform: The doors.
        use_case: Its name.
        dataset: Its name.
        verdict: What was judged.
        where: Partition to (digest, location) of the data that was judged.
    """
    records = tuple(
        QuarantineRecord(
            use_case=use_case,
            dataset=dataset,
            partition=each.partition,
            digest=where[each.partition][0],
            location=where[each.partition][1],
            rows=each.rows,
            breaches=each.breaches,
        )
        for each in verdict.partitions
        if not each.usable and each.partition in where  # where no data is, none can be kept apart
    )
    for record in records:
        platform.lake.put_json(record_key(record), record.model_dump(mode="json"))
    return records


def quarantined(
    platform: Platform, use_case: str
) -> tuple[tuple[QuarantineRecord, Acceptance | None], ...]:
    """Read every record of a use case, with who accepted it, in order of dataset and partition.

    Raises:
        Terminal: An object is no such record.
    """
    listed = _listed(platform, f"quarantine/{use_case}/")
    records = [_read(platform, facts.key) for facts in listed]
    return tuple((record, _acceptance(platform, _released_key(record))) for record in records)


def refused_since(
    platform: Platform, use_case: str, since: datetime
) -> tuple[QuarantineRecord, ...]:
    """Read the records that were written, or written again, after a moment (naive UTC)."""
    return tuple(
        _read(platform, facts.key)
        for facts in _listed(platform, f"quarantine/{use_case}/")
        if naive_utc(facts.modified_at) > since
    )


def held(
    platform: Platform, use_case: str, dataset: str, digests: Mapping[str, str]
) -> tuple[QuarantineRecord, ...]:
    """Return the records of just this data (partition to digest) that nobody has accepted.

    Whoever makes partitions asks before making them again: equal data would break the contract
    again. One listing, whatever the number of partitions.
    """
    keys = {facts.key for facts in platform.lake.list(f"quarantine/{use_case}/{dataset}/")}
    asked = [_key(use_case, dataset, name, digest) for name, digest in digests.items()]
    return tuple(
        _read(platform, f"{key}.json")
        for key in asked
        if f"{key}.json" in keys and key + _RELEASED not in keys
    )


def accepted(
    platform: Platform, use_case: str, dataset: str, digests: Mapping[str, str]
) -> dict[str, str]:
    """Return who accepted which of these partitions (name to digest), and why."""
    found = {}
    for partition, digest in digests.items():
        key = _key(use_case, dataset, partition, digest) + _RELEASED
        acceptance = _acceptance(platform, key)
        if acceptance is not None:
            found[partition] = str(acceptance)
    return found


def release(
    platform: Platform,
    use_case: str,
    dataset: str,
    partition: str,
    *,
    by: str,
    at: datetime,
    reason: str,
) -> QuarantineRecord:
    """Accept the newest quarantined data of a partition; the next run takes it as it is.

    Args:
        platform: The doors.
        use_case: Its name.
        dataset: Its name.
        partition: As in the record; "all" for a table without partitions.
        by: Who.
        at: When, wall clock in UTC.
        reason: Why.

    Raises:
        Terminal: Nothing of it is in quarantine, or that was accepted before.
    """
    prefix = _folder(use_case, dataset, "" if partition == _WHOLE else partition)
    listed = _listed(platform, prefix)
    if not listed:
        raise Terminal(
            f"Nothing of {dataset}, partition {partition}, is in quarantine; see "
            f"`perennial quarantine list {use_case}` for what is."
        )
    newest = max(listed, key=lambda facts: facts.modified_at)
    record = _read(platform, newest.key)
    body = Acceptance(by=by, at=at, reason=reason).model_dump_json().encode()
    if not platform.lake.put_if_absent(_released_key(record), body):
        earlier = _acceptance(platform, _released_key(record))
        raise Terminal(f"{dataset}, partition {partition}, was accepted before by {earlier}")
    return record


def record_key(record: QuarantineRecord) -> str:
    """Return where a record lies in the lake."""
    return _key(record.use_case, record.dataset, record.partition, record.digest) + ".json"


def partition_name(record: QuarantineRecord) -> str:
    """Return a record's partition as people name it."""
    return record.partition or _WHOLE


def _released_key(record: QuarantineRecord) -> str:
    return _key(record.use_case, record.dataset, record.partition, record.digest) + _RELEASED


def _key(use_case: str, dataset: str, partition: str, digest: str) -> str:
    return f"{_folder(use_case, dataset, partition)}{quote(digest, safe='')}"


def _folder(use_case: str, dataset: str, partition: str) -> str:
    return f"quarantine/{use_case}/{dataset}/{quote(partition or _WHOLE, safe='')}/"


def _listed(platform: Platform, prefix: str) -> list[ObjectFacts]:
    """List the records below a prefix, without who accepted them."""
    return [facts for facts in platform.lake.list(prefix) if not facts.key.endswith(_RELEASED)]


def _read(platform: Platform, key: str) -> QuarantineRecord:
    try:
        return QuarantineRecord.model_validate_json(platform.lake.get(key))
    except ValidationError as error:
        raise Terminal(f"{platform.lake.uri(key)} is no quarantine record: {error}") from error


def _acceptance(platform: Platform, key: str) -> Acceptance | None:
    try:
        body = platform.lake.get(key)
    except Missing:
        return None
    return Acceptance.model_validate_json(body)
