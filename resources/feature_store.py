"""Feature Store: groups made and evolved, records written. Reading records is online_store.py's.

Which features exist does not belong here; the use case says.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from decisions.feature_groups import (
    AddFeatures,
    Create,
    NeedsNewVersion,
    NoChange,
    UpdateTtl,
    plan,
)
from resources.errors import Missing, Terminal, call, find, make
from resources.feature_groups import (
    FeatureGroupFacts,
    FeatureGroupSpec,
    definitions,
    described,
    facts_of,
    ttl_duration,
)
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
#: A plan has one step for each kind of change; more would mean that a step had no effect.
_MOST_STEPS = 4


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
            step = plan(spec.facts, described(found) if found else None)
            if isinstance(step, NoChange):
                return facts_of(self._settled(spec.name))
            if isinstance(step, NeedsNewVersion):
                raise _unreachable(spec, step)
            self._take(spec, step)
        raise Terminal(f"Feature group {spec.name} accepted changes that it does not show.")

    def describe(self, name: str) -> FeatureGroupFacts:
        """Return a group's facts.

        Raises:
            Missing: There is no such group.
        """
        return facts_of(self._existing(name))

    def check_offline(self, name: str) -> None:
        """Do nothing, unless AWS says that it cannot write the offline store.

        Raises:
            Missing: There is no such group.
            Terminal: The offline store is blocked; says why.
        """
        status = self._existing(name).get("OfflineStoreStatus", {})
        if status.get("Status") == "Blocked":
            raise Terminal(
                f"The offline store of feature group {name} is blocked: "
                f"{status.get('BlockedReason') or 'no reason given'}. Mend that (`perennial up` "
                "lays the roles' policies anew): AWS then writes what it holds. Run it again.",
                service="sagemaker",
                operation="DescribeFeatureGroup",
            )

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
            FeatureDefinitions=definitions(spec.features),
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


def _changes(step: AddFeatures | UpdateTtl) -> Iterable[dict[str, Any]]:
    if isinstance(step, UpdateTtl):
        # AWS takes a default away when Unit and Value are null, which boto3 writes as nothing.
        duration = ttl_duration(step.ttl_seconds) if step.ttl_seconds else {}
        yield {"OnlineStoreConfig": {"TtlDuration": duration}}
        return
    features = list(step.features.items())
    for start in range(0, len(features), _ADD_AT_ONCE):
        yield {"FeatureAdditions": definitions(features[start : start + _ADD_AT_ONCE])}


def _unreachable(spec: FeatureGroupSpec, step: NeedsNewVersion) -> Terminal:
    return Terminal(
        f"Feature group {spec.name} cannot become what is declared: {'; '.join(step.why)}. Feature "
        f"Store only adds features and changes the time to live: {spec.remedy}. {spec.name} keeps "
        "its records and goes on serving until then.",
        service="sagemaker",
        operation="UpdateFeatureGroup",
    )


def _now_at_aws(answer: Mapping[str, Any]) -> datetime:
    """Return when AWS answered, by its own clock: ours may be the one that is wrong."""
    said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(said) if said else datetime.now(UTC)
