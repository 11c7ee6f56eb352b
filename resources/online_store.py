"""The online store's records: read by id, listed, put right. Writing many is ingestion.py's."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from resources.errors import Terminal, Transient, call
from resources.polling import intervals
from resources.records import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from resources.polling import Sleep

#: Identifiers in one BatchGetRecord, and ids on one page of ListRecords.
AT_ONCE = 100
_ROUNDS = 8
_ONLINE = ["OnlineStore"]


class OnlineStore:
    """The records of one account's online stores.

    Args:
        runtime: A ``sagemaker-featurestore-runtime`` client.
        sleep: Waits some seconds; tests pass their own.
    """

    def __init__(self, runtime: Any, *, sleep: Sleep = time.sleep) -> None:
        self._runtime = runtime
        self._sleep = sleep

    def get(self, group: str, record_id: str) -> dict[str, str] | None:
        """Return a record as strings, or None if there is none.

        Raises:
            Missing: There is no such group.
        """
        answer = call(
            self._runtime.get_record,
            FeatureGroupName=group,
            RecordIdentifierValueAsString=record_id,
        )
        return _values(answer["Record"]) if answer.get("Record") else None

    def get_many(self, group: str, record_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the records that are there, by id.

        Raises:
            Transient: AWS left some ids unprocessed eight times over.
            Terminal: AWS refused an id.
        """
        found: dict[str, dict[str, str]] = {}
        for start in range(0, len(record_ids), AT_ONCE):
            found |= self._get_batch(group, list(record_ids[start : start + AT_ONCE]))
        return found

    def ids(self, group: str, limit: int) -> list[str]:
        """Return ids that are online, in AWS's order, at most ``limit``."""
        found: list[str] = []
        request: dict[str, Any] = {"FeatureGroupName": group, "MaxResults": AT_ONCE}
        while len(found) < limit:
            page = call(self._runtime.list_records, **request)
            found += page["RecordIdentifiers"]
            if not page.get("NextToken"):
                break
            request["NextToken"] = page["NextToken"]
        return found[:limit]

    def replace(self, group: str, record: Mapping[str, Any], record_id: str, at: str) -> None:
        """Put a record in place of one of the same event time, which a plain write leaves.

        Feature Store takes a record online only if its event time is later, so the one that is
        there is first removed for good. For a moment the record is absent; a reader sees that
        rather than a mixture. Killed in between, it is written by the ingest that comes next.

        Args:
            group: The group.
            record: Feature name to value; None is left out.
            record_id: Its id.
            at: Its event time, ISO 8601 in UTC.
        """
        later = datetime.fromisoformat(at) + timedelta(milliseconds=1)
        call(
            self._runtime.delete_record,
            FeatureGroupName=group,
            RecordIdentifierValueAsString=record_id,
            EventTime=as_text(later),
            TargetStores=_ONLINE,
            DeletionMode="HardDelete",
        )
        features = [
            {"FeatureName": name, "ValueAsString": as_text(value)}
            for name, value in record.items()
            if value is not None
        ]
        call(
            self._runtime.put_record,
            FeatureGroupName=group,
            Record=features,
            TargetStores=_ONLINE,
        )

    def _get_batch(self, group: str, record_ids: list[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for _, pause in zip(range(_ROUNDS), self._pauses(), strict=False):
            asked = {"FeatureGroupName": group, "RecordIdentifiersValueAsString": record_ids}
            answer = call(self._runtime.batch_get_record, Identifiers=[asked])
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise Terminal(f"{group}: {first['ErrorCode']}: {first['ErrorMessage']}")
            for each in answer["Records"]:
                found[each["RecordIdentifierValueAsString"]] = _values(each["Record"])
            left = answer.get("UnprocessedIdentifiers", [])
            record_ids = [one for each in left for one in each["RecordIdentifiersValueAsString"]]
            if not record_ids:
                return found
            self._sleep(pause)
        raise Transient(f"{group}: AWS left {len(record_ids)} ids unprocessed; try again later.")

    def _pauses(self) -> Iterator[float]:
        return intervals(first=0.2)


def _values(record: list[dict[str, str]]) -> dict[str, str]:
    return {each["FeatureName"]: each["ValueAsString"] for each in record}
