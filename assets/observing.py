"""What Dagster is told of a raw table: observations of it and of its partitions.

Dagster's own event log is the memory: what it was told last of each partition is compared with the
catalogue, so nothing is told twice and nothing is lost with a cursor. Looking at the catalogue is
resources.sightings', when to look the sensor's or a person's; the checks are source_checks'.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.parts import asset_key, daily_partitions, table_schema
from assets.source_checks import brief, check_results, evaluations
from decisions.catalogue import GONE, Change, compare
from decisions.freshness import Late, write_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from resources.sightings import Sighting
    from usecases.raw_tables import Outlook, RawTable

DATA_VERSION = "dagster/data_version"
Event = dg.AssetObservation | dg.AssetMaterialization | dg.AssetCheckEvaluation


@dataclass(frozen=True, slots=True)
class PartitionNews:
    """What Dagster does not know yet of a table's partitions.

    Attributes:
        change: All of it, of the partitions that are partitions of the asset.
        events: An observation per touched partition, a materialization per landed one; cut short.
        left: Touched partitions that were cut off, for the next time.
        foreign: Partitions in the catalogue that are none of the asset's.
    """

    change: Change
    events: tuple[Event, ...]
    left: int
    foreign: tuple[str, ...]


def partitions_of(raw: RawTable) -> dg.DailyPartitionsDefinition | None:
    """Return a raw table's partitions: days, today's included; None where it has none."""
    if raw.partition_key is None or raw.start is None:
        return None
    return daily_partitions(raw.start)


def partition_news(
    instance: dg.DagsterInstance, raw: RawTable, sighting: Sighting, *, most: int
) -> PartitionNews:
    """Compare a table's partitions with what Dagster was told of them.

    Args:
        instance: Whose event log is compared.
        raw: The table.
        sighting: What was seen of it.
        most: Partitions to tell of at once.
    """
    definition, now = partitions_of(raw), sighting.partitions
    if definition is None or now is None:
        return PartitionNews(Change(), (), 0, ())
    days = _days(definition, now)
    change = compare(told_versions(instance, raw), {day: now[day] for day in now.keys() & days})
    touched = change.touched[:most]
    events = tuple(event for day in touched for event in _partition_events(raw, day, now, change))
    foreign = tuple(sorted(now.keys() - days))
    return PartitionNews(change, events, len(change.touched) - len(touched), foreign)


def tell(
    instance: dg.DagsterInstance,
    raw: RawTable,
    sighting: Sighting,
    outlooks: Mapping[str, Outlook],
    *,
    most: int,
) -> tuple[list[Event], list[Event], int]:
    """Return what Dagster does not know yet: of partitions, of the table, and how many are left."""
    news = partition_news(instance, raw, sighting, most=most)
    observation = dg.AssetObservation(
        asset_key(raw.key),
        metadata=table_metadata(raw, sighting, news, outlooks),
        tags={DATA_VERSION: sighting.seen.version if sighting.seen else GONE},
    )
    events: list[Event] = [observation]
    if sighting.seen is not None and partitions_of(raw) is None:
        events += _landing(instance, raw, sighting.seen.version)
    events += evaluations(raw, check_results(raw, sighting, outlooks))
    return list(news.events), events, news.left


def _days(definition: dg.DailyPartitionsDefinition, values: Iterable[str]) -> set[str]:
    """Return the values that are partitions; listing all days there are would take longer."""
    first, last = f"{definition.start:%Y-%m-%d}", definition.get_last_partition_key() or ""
    return {value for value in values if first <= value <= last and _is_day(value)}


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def told_versions(instance: dg.DagsterInstance, raw: RawTable) -> dict[str, str]:
    """Return what Dagster was told last of each partition, in one query."""
    told = instance.event_log_storage.get_latest_tags_by_partition(
        asset_key(raw.key), dg.DagsterEventType.ASSET_OBSERVATION, [DATA_VERSION]
    )
    return {day: tags[DATA_VERSION] for day, tags in told.items() if DATA_VERSION in tags}


def _landing(instance: dg.DagsterInstance, raw: RawTable, version: str) -> list[Event]:
    """Return the materialization of a whole table, unless Dagster knows of this version."""
    key = asset_key(raw.key)
    last = instance.get_latest_materialization_event(key)
    known = last.asset_materialization if last else None
    if known is not None and (known.tags or {}).get(DATA_VERSION) == version:
        return []
    return [dg.AssetMaterialization(key, tags={DATA_VERSION: version})]


def _partition_events(
    raw: RawTable, day: str, now: Mapping[str, str], change: Change
) -> Iterator[Event]:
    key = asset_key(raw.key)
    what = "added" if day in change.added else "restated" if day in now else "removed"
    version = now.get(day, GONE)
    metadata = {"change": what, "database": raw.database, "table": raw.name}
    # Staleness of what is downstream follows observations; the UI's partitions and freshness
    # policies follow materializations, which the table's owner makes and nobody else would report.
    yield dg.AssetObservation(key, partition=day, metadata=metadata, tags={DATA_VERSION: version})
    if version != GONE:
        yield dg.AssetMaterialization(
            key, partition=day, metadata=metadata, tags={DATA_VERSION: version}
        )


def table_metadata(
    raw: RawTable, sighting: Sighting, news: PartitionNews, outlooks: Mapping[str, Outlook]
) -> dict[str, Any]:
    """Return what the observation of a whole table shows."""
    if sighting.table is None or sighting.facts is None:
        return {"problem": sighting.problem}
    table, facts = sighting.table, sighting.facts
    found: dict[str, Any] = {
        "dagster/column_schema": table_schema((*table.columns, *table.partition_keys)),
        "dagster/uri": table.location,
        "landed_through": str(facts.landed_through or "never said"),
        "last_change": f"{facts.moved_at:%Y-%m-%d %H:%M:%S} UTC",
        "glue_version": table.version_id,
    }
    if sighting.partitions is not None and table.partition_keys:
        found["partitions"] = len(sighting.partitions)
    for name in ("added", "restated", "removed"):
        found |= {name: brief(days)} if (days := getattr(news.change, name)) else {}
    found |= {"not_partitions_of_the_asset": brief(news.foreign)} if news.foreign else {}
    for parameter, name in _ICEBERG.items():
        found |= {name: table.parameters[parameter]} if parameter in table.parameters else {}
    return found | _said(raw, outlooks)


#: Glue parameters that name an Iceberg table's snapshot; the first is there after every commit.
_ICEBERG = {
    "metadata_location": "iceberg/metadata_location",
    "current-snapshot-id": "iceberg/snapshot_id",
}


def _said(raw: RawTable, outlooks: Mapping[str, Outlook]) -> dict[str, Any]:
    """Return each use case's verdicts on the table, and its undeclared columns."""
    found: dict[str, Any] = {}
    for use_case, outlook in outlooks.items():
        verdict, drift = outlook.freshness.get(raw.name), outlook.drift.get(raw.name)
        if isinstance(verdict, Late):
            found[f"late/{use_case}"] = verdict.why
            found[f"late_by/{use_case}"] = write_length(verdict.by)
        if drift is not None and drift.breaks:
            found[f"schema_drift/{use_case}"] = drift.why
        if drift is not None and drift.undeclared:
            found[f"undeclared_columns/{use_case}"] = brief(drift.undeclared)
    return found
