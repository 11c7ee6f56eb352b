"""Feature Store: groups made and evolved, records written. Reading records is online_store.py's.

Which features exist does not belong here; the use case says.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from decisions.feature_groups import (
    AddFeatures,
    Create,
    FeatureType,
    GroupFacts,
    NeedsNewVersion,
    NoChange,
    TableFormat,
    UpdateTtl,
    plan,
)
from resources.errors import Missing, Terminal, call, find, make
from resources.ingestion import PATIENCE, ingest
from resources.online_store import OnlineStore
from resources.polling import wait_for
from resources.records import AHEAD, RecordRules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.accounting import IngestReport
    from resources.polling import Clock, Sleep

_ADD_AT_ONCE = 100
_DEADLINE = timedelta(minutes=15)
_UNITS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86400, "Weeks": 604800}
#: A plan has one step for each kind of change; more would mean that a step had no effect.
_MOST_STEPS = 4


@dataclass(frozen=True, slots=True)
class FeatureGroupSpec:
    """A feature group as it should be.

    ``features`` are all of them as (name, type), the record id and the event time included. The
    event time's type is String (ISO 8601), which Iceberg offline stores demand. ``table_format``
    is that of the offline store, None for no offline store. ``remedy`` says how to declare another
    version of the group.
    """

    name: str
    record_id: str
    event_time: str
    features: tuple[tuple[str, FeatureType], ...]
    bucket_uri: str
    role_arn: str
    online: bool = True
    table_format: TableFormat | None = "Glue"
    ttl: timedelta | None = None
    description: str = ""
    remedy: str = "declare a group of another name or version"

    @property
    def facts(self) -> GroupFacts:
        """Return what the decision looks at."""
        return GroupFacts(
            record_id=self.record_id,
            event_time=self.event_time,
            features=dict(self.features),
            online=self.online,
            table_format=self.table_format,
            ttl_seconds=int(self.ttl.total_seconds()) if self.ttl else None,
        )


@dataclass(frozen=True, slots=True)
class FeatureGroupFacts:
    """A feature group as it is; the Glue table is that of its offline store."""

    arn: str
    status: str
    glue_database: str
    glue_table: str
    name: str = ""
    record_id: str = ""
    event_time: str = ""
    features: Mapping[str, FeatureType] = field(default_factory=dict)
    online: bool = True
    table_format: TableFormat | None = "Glue"
    ttl: timedelta | None = None
    created_at: datetime | None = None


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
        self._clock = clock
        self._wait_for = partial(wait_for, deadline=_DEADLINE, sleep=sleep, clock=clock)
        self.online = OnlineStore(runtime, sleep=sleep)

    def ensure_group(self, spec: FeatureGroupSpec) -> FeatureGroupFacts:
        """Create the group, or give it what it lacks, and wait until it can be written.

        Raises:
            Terminal: What is declared differs in what cannot be changed (a feature was removed or
                has another type, another record id, event time, store or table format), or AWS
                failed to make it. The group is left as it was.
            Transient: It was not ready within 15 minutes.
        """
        for _ in range(_MOST_STEPS):
            found = self._describe(spec.name)
            step = plan(spec.facts, _group_facts(found) if found else None)
            if isinstance(step, NoChange):
                return _facts_of(self._settled(spec.name))
            if isinstance(step, NeedsNewVersion):
                raise _unreachable(spec, step)
            self._take(spec, step)
        raise Terminal(f"Feature group {spec.name} accepted changes that it does not show.")

    def describe(self, name: str) -> FeatureGroupFacts:
        """Return a group's facts.

        Raises:
            Missing: There is no such group.
        """
        return _facts_of(self._existing(name))

    def ingest(
        self,
        name: str,
        records: Iterable[Mapping[str, Any]],
        *,
        threads: int = 4,
        targets: tuple[str, ...] = (),
        patience: timedelta = PATIENCE,
    ) -> IngestReport:
        """Write records and return what became of each.

        A record is feature name to value; None is left out, datetimes (naive means UTC) become
        ISO 8601. Writing the same record twice leaves the same state, so a re-run is safe.

        Args:
            name: The group.
            records: Read once, as fast as they are written.
            threads: Requests under way at a time.
            targets: ``OnlineStore``, ``OfflineStore``, or nothing for all of the group's.
            patience: How long nothing at all may get through.

        Raises:
            Missing: There is no such group.
            IngestInterrupted: Some records did not get through; its report says which.
            IngestRefused: Some records are not what the group takes; all others were written.
        """
        group = self._existing(name)
        rules = RecordRules(
            group=name,
            record_id=group["RecordIdentifierFeatureName"],
            event_time=group["EventTimeFeatureName"],
            features=frozenset(each["FeatureName"] for each in group["FeatureDefinitions"]),
            latest=_now_at_aws(group) + AHEAD,
            targets=targets,
        )
        return ingest(
            self._runtime,
            rules,
            records,
            threads=threads,
            patience=patience,
            sleep=self._sleep,
            clock=self._clock,
        )

    def get(self, name: str, record_id: str) -> dict[str, str] | None:
        """Return the newest record of the online store as strings, or None if there is none.

        Raises:
            Missing: There is no such group.
        """
        return self.online.get(name, record_id)

    def _existing(self, name: str) -> dict[str, Any]:
        found = self._describe(name)
        if found is None:
            raise Missing(
                f"There is no feature group {name}; materialize it first.",
                service="sagemaker",
                operation="DescribeFeatureGroup",
            )
        return found

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

    def _take(self, spec: FeatureGroupSpec, step: Create | AddFeatures | UpdateTtl) -> None:
        if isinstance(step, Create):
            self._create(spec)
        else:
            for change in _changes(step):
                self._settled(spec.name)
                call(self._client.update_feature_group, FeatureGroupName=spec.name, **change)
        self._settled(spec.name)

    def _create(self, spec: FeatureGroupSpec) -> None:
        online: dict[str, Any] = {"EnableOnlineStore": spec.online}
        if spec.ttl:
            online["TtlDuration"] = ttl_duration(int(spec.ttl.total_seconds()))
        request: dict[str, Any] = {"OnlineStoreConfig": online}
        if spec.table_format:
            request["OfflineStoreConfig"] = {"S3StorageConfig": {"S3Uri": spec.bucket_uri}}
            if spec.table_format != "Glue":  # Glue is AWS's default
                request["OfflineStoreConfig"]["TableFormat"] = spec.table_format
        if spec.description:
            request["Description"] = spec.description[:128]
        make(
            self._client.create_feature_group,
            FeatureGroupName=spec.name,
            RecordIdentifierFeatureName=spec.record_id,
            EventTimeFeatureName=spec.event_time,
            FeatureDefinitions=_definitions(spec.features),
            RoleArn=spec.role_arn,
            **request,
        )

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


def ttl_duration(seconds: int) -> dict[str, Any]:
    """Return a length of time as Feature Store writes it, in its largest whole unit."""
    unit = max((u for u in _UNITS if seconds % _UNITS[u] == 0), key=_UNITS.__getitem__)
    return {"Unit": unit, "Value": seconds // _UNITS[unit]}


def _changes(step: AddFeatures | UpdateTtl) -> Iterable[dict[str, Any]]:
    if isinstance(step, UpdateTtl):
        # AWS takes a default away when Unit and Value are null, which boto3 writes as nothing.
        duration = ttl_duration(step.ttl_seconds) if step.ttl_seconds else {}
        yield {"OnlineStoreConfig": {"TtlDuration": duration}}
        return
    features = list(step.features.items())
    for start in range(0, len(features), _ADD_AT_ONCE):
        yield {"FeatureAdditions": _definitions(features[start : start + _ADD_AT_ONCE])}


def _unreachable(spec: FeatureGroupSpec, step: NeedsNewVersion) -> Terminal:
    return Terminal(
        f"Feature group {spec.name} cannot become what is declared: {'; '.join(step.why)}. Feature "
        f"Store only adds features and changes the time to live: {spec.remedy}. {spec.name} keeps "
        "its records and goes on serving until then.",
        service="sagemaker",
        operation="UpdateFeatureGroup",
    )


def _definitions(features: Iterable[tuple[str, FeatureType]]) -> list[dict[str, str]]:
    return [{"FeatureName": name, "FeatureType": kind} for name, kind in features]


def _group_facts(group: Mapping[str, Any]) -> GroupFacts:
    online, offline = group.get("OnlineStoreConfig", {}), group.get("OfflineStoreConfig")
    ttl = online.get("TtlDuration") or {}
    return GroupFacts(
        record_id=group["RecordIdentifierFeatureName"],
        event_time=group["EventTimeFeatureName"],
        features={each["FeatureName"]: each["FeatureType"]
                  for each in group["FeatureDefinitions"]},
        online=bool(online.get("EnableOnlineStore")),
        table_format=_format_of(offline) if offline else None,
        ttl_seconds=ttl["Value"] * _UNITS[ttl["Unit"]] if ttl.get("Value") else None,
    )  # fmt: skip


def _format_of(offline: Mapping[str, Any]) -> TableFormat:
    return "Iceberg" if offline.get("TableFormat") == "Iceberg" else "Glue"


def _facts_of(group: Mapping[str, Any]) -> FeatureGroupFacts:
    catalogue = group.get("OfflineStoreConfig", {}).get("DataCatalogConfig", {})
    facts = _group_facts(group)
    return FeatureGroupFacts(
        arn=group["FeatureGroupArn"],
        status=group["FeatureGroupStatus"],
        glue_database=catalogue.get("Database", ""),
        glue_table=catalogue.get("TableName", ""),
        name=group["FeatureGroupName"],
        record_id=facts.record_id,
        event_time=facts.event_time,
        features=facts.features,
        online=facts.online,
        table_format=facts.table_format,
        ttl=timedelta(seconds=facts.ttl_seconds) if facts.ttl_seconds else None,
        created_at=group.get("CreationTime"),
    )


def _now_at_aws(answer: Mapping[str, Any]) -> datetime:
    """Return when AWS answered, by its own clock: ours may be the one that is wrong."""
    said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(said) if said else datetime.now(UTC)
