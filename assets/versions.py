"""Which tables a training set reads, and at which version. How they are joined is not known here.

A dataset's version is its digest, or its partitions' digests. A feature group's is what its offline
table held by a moment of writing: it only ever grows, so the number of records written by then, and
when the last one was, tell its states apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assets.dataset_versions import dataset_version
from assets.parts import digest_of
from decisions.manifest import SourceVersion
from decisions.moments import naive_utc
from resources.objects import parse_s3_uri
from usecases import point_in_time
from usecases.held_records import carrying_pays

if TYPE_CHECKING:
    from assets.windows import Window
    from resources.platform import Platform
    from usecases.declaration import UseCase
    from usecases.fields import FeatureGroup


@dataclass(frozen=True, slots=True)
class Reading:
    """What a training set reads.

    Attributes:
        written_by: The cut-off: as asked for, else when the newest record was written.
    """

    tables: point_in_time.Tables
    inputs: dict[str, SourceVersion]
    written_by: datetime | None

    @property
    def identity(self) -> dict[str, str]:
        """Give what must be equal for the rows to be equal: each input's digest."""
        return {name: version.digest for name, version in self.inputs.items()}


def reading(
    platform: Platform,
    use_case: UseCase,
    window: Window,
    *,
    written_by: datetime | None,
    salt: str,
) -> Reading:
    """Look the tables and their versions up.

    Raises:
        Terminal: A dataset or feature group was never materialized.
    """
    database = platform.names.curated_database(use_case.name)
    spine = use_case.training_set.spine
    inputs = {spine: _dataset(platform, use_case, spine, window)}
    tables, crowded = {}, set()
    for join in use_case.training_set.joins:
        group = use_case.feature_group(join.group)
        facts = platform.feature_store.describe(
            platform.names.feature_group(use_case.name, group.name, group.version)
        )
        tables[join.group] = point_in_time.Table(facts.glue_database, facts.glue_table)
        state = _state(platform, group, tables[join.group], written_by=written_by, salt=salt)
        inputs[join.group] = _offline(platform, tables[join.group], group.dataset, state)
        if carrying_pays(int(state["records"]), int(state["keys"])):
            crowded.add(join.group)
    newest = [each.last_written for each in inputs.values() if each.last_written]
    precise = inputs[spine].snapshot is not None
    return Reading(
        point_in_time.Tables(
            point_in_time.Table(database, spine, precise=precise), tables, frozenset(crowded)
        ),
        inputs,
        written_by or max((_whole_milliseconds(each) for each in newest), default=None),
    )


def _dataset(platform: Platform, use_case: UseCase, name: str, window: Window) -> SourceVersion:
    database = platform.names.curated_database(use_case.name)
    return SourceVersion(
        kind="dataset",
        table=f"{database}.{name}",
        dataset=name,
        digest=dataset_version(platform, use_case, name, window),
        snapshot=snapshot_of(platform, database, name),
    )


def _state(
    platform: Platform,
    group: FeatureGroup,
    table: point_in_time.Table,
    *,
    written_by: datetime | None,
    salt: str,
) -> dict[str, Any]:
    found: dict[str, Any] = platform.athena.select(
        point_in_time.offline_state_sql(group, table, written_by=written_by),
        database=table.database,
        intent=f"state of {table.database}.{table.name} by {written_by}",
        salt=salt,
    )[0]
    return found


def _offline(
    platform: Platform, table: point_in_time.Table, dataset: str, state: dict[str, Any]
) -> SourceVersion:
    name = f"{table.database}.{table.name}"
    records, last = int(state["records"]), state["last"] and naive_utc(state["last"])
    return SourceVersion(
        kind="feature_group",
        table=name,
        dataset=dataset,
        digest=digest_of({"table": name, "records": records, "last": last}),
        records=records,
        last_written=last,
        snapshot=snapshot_of(platform, table.database, table.name),
    )


def snapshot_of(platform: Platform, database: str, name: str) -> str | None:
    """Return an Iceberg table's current snapshot."""
    found = (iceberg_metadata(platform, database, name) or {}).get("current-snapshot-id")
    return None if found is None else str(found)


def iceberg_metadata(platform: Platform, database: str, name: str) -> dict[str, Any] | None:
    """Return what the metadata file that Glue points to says; None if it is not in the lake."""
    entry = platform.iceberg.entry(database, name)
    if entry is None:
        return None
    bucket, key = parse_s3_uri(entry.metadata)
    if bucket != platform.lake.bucket:
        return None
    metadata: dict[str, Any] = platform.lake.get_json(key)
    return metadata


def _whole_milliseconds(moment: datetime) -> datetime:
    """Round up: literals have milliseconds, and an Iceberg table's times have microseconds."""
    excess = moment.microsecond % 1000
    return moment + timedelta(microseconds=1000 - excess) if excess else moment
