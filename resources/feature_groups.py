"""A feature group as declared and as found, and both as Feature Store's API writes them.

Making one become the other belongs to feature_store.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from decisions.feature_groups import FeatureType, GroupFacts, TableFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_UNITS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86400, "Weeks": 604800}


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


def ttl_duration(seconds: int) -> dict[str, Any]:
    """Return a length of time as Feature Store writes it, in its largest whole unit."""
    unit = max((u for u in _UNITS if seconds % _UNITS[u] == 0), key=_UNITS.__getitem__)
    return {"Unit": unit, "Value": seconds // _UNITS[unit]}


def definitions(features: Iterable[tuple[str, FeatureType]]) -> list[dict[str, str]]:
    """Return features as the API takes them."""
    return [{"FeatureName": name, "FeatureType": kind} for name, kind in features]


def described(group: Mapping[str, Any]) -> GroupFacts:
    """Return what the decision looks at, of DescribeFeatureGroup's answer."""
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


def facts_of(group: Mapping[str, Any]) -> FeatureGroupFacts:
    """Return a group's facts, of DescribeFeatureGroup's answer."""
    catalogue = group.get("OfflineStoreConfig", {}).get("DataCatalogConfig", {})
    facts = described(group)
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
