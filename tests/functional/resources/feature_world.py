"""A dataset laid by hand, as the dataset assets lay it, and the feature group it feeds."""

from __future__ import annotations

import io
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets import feature_sql
from assets.features import spec_of
from assets.intake import Work, take_in
from resources.glue import ColumnFacts, storage_descriptor
from usecases.declaration import load_use_case
from usecases.fields import Column, Dataset, FeatureGroup

if TYPE_CHECKING:
    from pathlib import Path

    from assets.intake import Intake
    from resources.platform import Platform
    from usecases.declaration import UseCase

DATABASE = "perennial_flight_delay"
START = datetime(2013, 1, 1)  # noqa: DTZ001 - data time is naive UTC
Row = tuple[str, datetime, float | None, int | None]

_TYPES = {"carrier": "string", "at": "timestamp", "delay": "double", "flights": "bigint"}
_ARROW = pa.schema(
    [("carrier", pa.string()), ("at", pa.timestamp("ms")), ("delay", pa.float64()),
     ("flights", pa.int64())]
)  # fmt: skip


def rows_of(ids: int, times: int, *, step: timedelta = timedelta(hours=1)) -> list[Row]:
    return [
        (f"c{n}", START + step * t, n + t / 8, None if (n + t) % 5 == 0 else t)
        for n in range(ids)
        for t in range(times)
    ]


class World:
    """One feature group under a name of its own."""

    def __init__(self, platform: Platform, root: Path, name: str, **group: Any) -> None:
        self.platform = platform
        self.name = name
        declared = {
            "name": name, "description": "Tests.", "dataset": name, "record_id": "carrier",
            "event_time": "at", "features": {"delay": "numeric", "flights": "numeric"},
        }  # fmt: skip
        self.group = FeatureGroup.model_validate({**declared, **group})
        self.use_case = _with(load_use_case(root / "usecases" / "flight_delay"), self.group)

    def redeclared(self, **change: Any) -> World:
        """The same dataset, feeding a group declared otherwise."""
        other = object.__new__(World)
        other.platform, other.name = self.platform, self.name
        document = self.group.model_dump(mode="json") | change
        other.group = FeatureGroup.model_validate(document)
        other.use_case = _with(self.use_case, other.group)
        return other

    def lay(self, rows: list[Row], digest: str | None = None) -> None:
        """Point the dataset's table at these rows, made from something new unless told."""
        location = self._put(rows)
        self.platform.catalogue.point_table(
            DATABASE,
            self.name,
            columns=[ColumnFacts(*item) for item in _TYPES.items()],
            location=location,
            parameters={"perennial.digest": digest or uuid.uuid4().hex},
        )

    def lay_days(self, glue: Any, days: dict[str, list[Row]]) -> None:
        """Lay or restate daily partitions, each of its own digest, as partitioned datasets are."""
        columns = [ColumnFacts(*item) for item in _TYPES.items()]
        root = self.platform.lake.uri(f"datasets/tests/{self.name}/")
        self.platform.catalogue.point_table(
            DATABASE, self.name, columns=columns, location=root, parameters={},
            partition_keys=[ColumnFacts("dt", "string")],
        )  # fmt: skip
        for day, rows in days.items():
            wanted = {
                "Values": [day],
                "StorageDescriptor": storage_descriptor(columns, self._put(rows)),
                "Parameters": {
                    "perennial.digest": uuid.uuid4().hex,
                    "perennial.rows": str(len(rows)),
                },
            }
            known = {
                each.values[0] for each in self.platform.catalogue.partitions(DATABASE, self.name)
            }
            call = {"DatabaseName": DATABASE, "TableName": self.name, "PartitionInput": wanted}
            if day in known:
                glue.update_partition(**call, PartitionValueList=[day])
            else:
                glue.create_partition(**call)

    def work(self, salt: str = "") -> Work:
        facts = self.platform.feature_store.ensure_group(
            spec_of(self.platform, self.use_case, self.group)
        )
        return Work(self.platform, self.use_case, self.group, facts, salt or uuid.uuid4().hex)

    def take_in(self) -> Intake:
        return take_in(self.work())

    def forget(self) -> None:
        """Lose the note of what was taken in."""
        key = self.platform.names.ingested(self.use_case.name, self.group.name, self.group.version)
        self.platform.lake.delete_prefix(key)

    def remembered(self) -> bool:
        key = self.platform.names.ingested(self.use_case.name, self.group.name, self.group.version)
        return self.platform.lake.exists(key)

    def offline(self) -> dict[tuple[str, str], tuple]:
        """The newest copy of every record offline."""
        work = self.work()
        copies = feature_sql._copies(work.scope)
        query = copies.this
        return {
            (row["carrier"], row["at"]): (row["delay"], row["flights"])
            for row in work.rows(query, "all copies")
            if row["copy"] == 1 and not row["is_deleted"]
        }

    def online(self, *ids: str) -> dict[str, dict[str, str]]:
        return self.platform.feature_store.online.get_many(self.work().facts.name, ids)

    def _put(self, rows: list[Row]) -> str:
        prefix = f"datasets/tests/{self.name}/{uuid.uuid4().hex}/"
        columns = list(zip(*rows, strict=True)) if rows else [[]] * len(_TYPES)
        table = pa.table([pa.array(c, t) for c, t in zip(columns, _ARROW.types, strict=True)],
                         schema=_ARROW)  # fmt: skip
        body = io.BytesIO()
        pq.write_table(table, body)
        self.platform.lake.put(f"{prefix}part.parquet", body.getvalue())
        return self.platform.lake.uri(prefix)


def as_stored(rows: list[Row]) -> dict[tuple[str, str], tuple]:
    return {(row[0], row[1].isoformat(timespec="seconds") + "Z"): (row[2], row[3]) for row in rows}


def _with(use_case: UseCase, group: FeatureGroup) -> UseCase:
    dataset = Dataset(
        name=group.dataset, description="Tests.", sql="sql/none.sql", primary_key=("carrier", "at"),
        columns={name: Column(type=kind, nullable=True) for name, kind in _TYPES.items()},
    )  # fmt: skip
    return use_case.model_copy(update={"feature_groups": (group,), "datasets": (dataset,)})
