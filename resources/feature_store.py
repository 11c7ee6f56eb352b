"""Feature Store: groups and single records. Bulk writing is ingestion.py's.

Which features exist does not belong here; the use case says.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from resources.errors import Missing, Terminal, call, find, make
from resources.ingestion import IngestReport, ingest
from resources.polling import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.polling import Clock, Sleep

FeatureType = Literal["Integral", "Fractional", "String"]

_ADD_AT_ONCE = 100
_DEADLINE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class FeatureGroupSpec:
    """A feature group as it should be.

    ``features`` are all of them as (name, type), the record id and the event time included. The
    event time's type is String (ISO 8601), which Iceberg offline stores demand.
    """

    name: str
    record_id: str
    event_time: str
    features: tuple[tuple[str, FeatureType], ...]
    bucket_uri: str
    role_arn: str
    online: bool = True


@dataclass(frozen=True, slots=True)
class FeatureGroupFacts:
    """A feature group as it is; the Glue table is that of its offline store."""

    arn: str
    status: str
    glue_database: str
    glue_table: str


class FeatureStore:
    """The feature groups of one account.

    Args:
        client: A ``sagemaker`` client.
        runtime: A ``sagemaker-featurestore-runtime`` client of the same account.
        sleep: Waits some seconds; tests pass their own.
        clock: Monotonic seconds; tests pass their own.
    """

    def __init__(
        self,
        client: Any,
        runtime: Any,
        *,
        sleep: Sleep = time.sleep,
        clock: Clock = time.monotonic,
    ) -> None:
        self._client = client
        self._runtime = runtime
        self._sleep = sleep
        self._wait_for = partial(wait_for, deadline=_DEADLINE, sleep=sleep, clock=clock)

    def ensure_group(self, spec: FeatureGroupSpec) -> FeatureGroupFacts:
        """Create the group, or add the features it lacks, and wait until it can be written.

        Raises:
            Terminal: The group has the feature with another type, another record id or event time
                (neither can be changed: give the group a new name), or its creation failed.
            Transient: It was not ready within 15 minutes.
        """
        found = self._describe(spec.name)
        if found is None:
            self._create(spec)
            found = self._settled(spec.name)
        additions = missing_features(spec, found)
        if additions:
            self._settled(spec.name)
            for start in range(0, len(additions), _ADD_AT_ONCE):
                self._add(spec.name, additions[start : start + _ADD_AT_ONCE])
        return _facts_of(self._settled(spec.name))

    def describe(self, name: str) -> FeatureGroupFacts:
        """Return a group's facts.

        Raises:
            Missing: There is no such group.
        """
        found = self._describe(name)
        if found is None:
            raise Missing(
                f"There is no feature group {name}; materialize it first.",
                service="sagemaker",
                operation="DescribeFeatureGroup",
            )
        return _facts_of(found)

    def ingest(
        self, name: str, records: Iterable[Mapping[str, Any]], *, threads: int = 4
    ) -> IngestReport:
        """Write records and return what became of them.

        A record is feature name to value; None is left out, datetimes (naive means UTC) become
        ISO 8601. Writing the same record twice leaves the same state, so a re-run is safe.

        Raises:
            Transient: Some records could not be written after five tries; says how many.
            Terminal: AWS refused some records; says how many and the first reason.
        """
        return ingest(self._runtime, name, records, threads=threads, sleep=self._sleep)

    def get(self, name: str, record_id: str) -> dict[str, str] | None:
        """Return the newest record of the online store as strings, or None if there is none.

        Raises:
            Missing: There is no such group.
        """
        answer = call(
            self._runtime.get_record,
            FeatureGroupName=name,
            RecordIdentifierValueAsString=record_id,
        )
        record = answer.get("Record")
        return {each["FeatureName"]: each["ValueAsString"] for each in record} if record else None

    def _describe(self, name: str) -> dict[str, Any] | None:
        answer = find(self._client.describe_feature_group, FeatureGroupName=name)
        if answer is None:
            return None
        merged: dict[str, Any] = dict(answer)
        while answer.get("NextToken"):
            answer = call(
                self._client.describe_feature_group,
                FeatureGroupName=name,
                NextToken=answer["NextToken"],
            )
            merged["FeatureDefinitions"] += answer["FeatureDefinitions"]
        return merged

    def _create(self, spec: FeatureGroupSpec) -> None:
        make(
            self._client.create_feature_group,
            FeatureGroupName=spec.name,
            RecordIdentifierFeatureName=spec.record_id,
            EventTimeFeatureName=spec.event_time,
            FeatureDefinitions=_definitions(spec.features),
            OnlineStoreConfig={"EnableOnlineStore": spec.online},
            OfflineStoreConfig={"S3StorageConfig": {"S3Uri": spec.bucket_uri}},
            RoleArn=spec.role_arn,
        )

    def _add(self, name: str, features: list[tuple[str, FeatureType]]) -> None:
        call(
            self._client.update_feature_group,
            FeatureGroupName=name,
            FeatureAdditions=_definitions(features),
        )
        self._settled(name)

    def _settled(self, name: str) -> dict[str, Any]:
        settled: dict[str, Any] = self._wait_for(
            lambda: self._look(name), f"feature group {name} to be ready"
        )
        return settled

    def _look(self, name: str) -> dict[str, Any] | None:
        group = self._describe(name)
        if group is None:
            return None  # a group created a moment ago may not be visible yet
        status, update = group["FeatureGroupStatus"], group.get("LastUpdateStatus", {})
        if status not in {"Creating", "Created"} or update.get("Status") == "Failed":
            reason = group.get("FailureReason") or update.get("FailureReason") or "no reason given"
            raise Terminal(f"Feature group {name} is {status}: {reason}", service="sagemaker")
        ready = status == "Created" and update.get("Status") != "InProgress"
        return group if ready else None


def missing_features(
    spec: FeatureGroupSpec, group: Mapping[str, Any]
) -> list[tuple[str, FeatureType]]:
    """Return the features of ``spec`` that a described group lacks.

    Raises:
        Terminal: The two contradict each other in what cannot be changed.
    """
    have = {each["FeatureName"]: each["FeatureType"] for each in group["FeatureDefinitions"]}
    clashes = [
        f"{what} is {stored!r}, wanted {wanted!r}"
        for what, stored, wanted in [
            ("record id", group["RecordIdentifierFeatureName"], spec.record_id),
            ("event time", group["EventTimeFeatureName"], spec.event_time),
            *((f"type of {name}", have.get(name, kind), kind) for name, kind in spec.features),
        ]
        if stored != wanted
    ]
    if clashes:
        raise Terminal(
            f"Feature group {spec.name} cannot become what is declared: {'; '.join(clashes)}. "
            "SageMaker only adds features; declare a group of another name."
        )
    return [(name, kind) for name, kind in spec.features if name not in have]


def _definitions(features: Iterable[tuple[str, FeatureType]]) -> list[dict[str, str]]:
    return [{"FeatureName": name, "FeatureType": kind} for name, kind in features]


def _facts_of(group: Mapping[str, Any]) -> FeatureGroupFacts:
    catalogue = group.get("OfflineStoreConfig", {}).get("DataCatalogConfig", {})
    return FeatureGroupFacts(
        arn=group["FeatureGroupArn"],
        status=group["FeatureGroupStatus"],
        glue_database=catalogue.get("Database", ""),
        glue_table=catalogue.get("TableName", ""),
    )
