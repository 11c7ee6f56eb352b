"""A wharf: Glue tables that a test lands, restates and breaks, and the sensor that looks at them.

Only catalogue entries are made: nothing that is tested here ever reads a row.
"""

from __future__ import annotations

import shutil
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml

from orchestration.definitions import build_definitions
from resources.glue import LANDED_THROUGH, storage_descriptor
from resources.glue import ColumnFacts as Column
from usecases.declaration import load_use_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from orchestration.environments import Environment
    from resources.platform import Platform
    from usecases.declaration import UseCase

#: Of the use case: its registry is nobody else's.
NAME = "dock"
ROOT = Path(__file__).resolve().parents[3]


def declare(
    folder: Path, database: str, reshape: Callable[[dict[str, Any]], None] | None = None
) -> UseCase:
    """Copy the flights' use case under another name, reading another database."""
    made = folder / database / NAME
    shutil.copytree(ROOT / "usecases" / "flight_delay", made)
    for file in made.rglob("*.sql"):
        file.write_text(file.read_text().replace("nycflights.", f"{database}."))
    document = yaml.safe_load((made / "usecase.yaml").read_text())
    document["name"] = NAME
    document["sources"]["database"] = database
    if reshape:
        reshape(document)
    (made / "usecase.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return load_use_case(made)


class Wharf:
    """The tables of one use case's database, as their owner sees them."""

    def __init__(self, environment: Environment, platform: Platform, use_case: UseCase) -> None:
        self.environment = environment
        self.platform = platform
        self.use_case = use_case
        self.database = use_case.sources.database
        self.instance = dg.DagsterInstance.ephemeral()
        self.cursor: str | None = None
        self.glue = environment.admin_client("glue", "experimentation")
        self.glue.create_database(DatabaseInput={"Name": self.database})
        self.calls: Counter[str] = Counter()
        for service in ("glue", "athena", "s3", "cloudwatch"):
            client = platform.accounts.client(service, "experimentation")
            client.meta.events.register("before-call", self._count)

    def _count(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1

    def table(
        self,
        name: str,
        through: datetime | None,
        *,
        columns: Mapping[str, str] | None = None,
        **parameters: str,
    ) -> None:
        """Create a table as it is declared, or change it; its mark is set with it."""
        declared = self.use_case.sources.tables[name]
        if through is not None:
            parameters[LANDED_THROUGH] = through.isoformat()
        wanted = {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": parameters,
            "PartitionKeys": [{"Name": "dt", "Type": "string"}] if declared.partition_key else [],
            "StorageDescriptor": storage_descriptor(
                [Column(*each) for each in (columns or declared.columns).items()],
                f"s3://lake/raw/{name}/",
            ),
        }
        known = [each.name for each in self.platform.catalogue.tables(self.database)]
        change = self.glue.update_table if name in known else self.glue.create_table
        change(DatabaseName=self.database, TableInput=wanted)

    def partitions(self, table: str, days: Iterable[str], sha256: str = "first") -> None:
        """Register partitions, or restate those that are there, in place."""
        known = {e.values[0] for e in self.platform.catalogue.partitions(self.database, table)}
        for day in days:
            partition = {
                "Values": [day],
                "Parameters": {"sha256": sha256},
                "StorageDescriptor": storage_descriptor([], f"s3://lake/raw/{table}/dt={day}/"),
            }
            where = {"DatabaseName": self.database, "TableName": table}
            if day in known:
                self.glue.update_partition(
                    PartitionValueList=[day], PartitionInput=partition, **where
                )
            else:
                self.glue.create_partition(PartitionInput=partition, **where)

    def land(self, through: datetime, *days: str) -> None:
        """Land all three tables as they are declared, the daily ones with these partitions."""
        for name, declared in self.use_case.sources.tables.items():
            self.table(name, None)
            if declared.partition_key:
                self.partitions(name, days)
            self.table(name, through)

    @cached_property
    def definitions(self) -> dg.Definitions:
        overrides = {"platform": self.platform}
        return build_definitions(self.environment, (self.use_case,), overrides=overrides)

    def tick(self) -> Tick:
        """One tick of the sensor, as the daemon evaluates it and records what it says."""
        self.calls.clear()
        defs = self.definitions
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={"platform": self.platform},
            definitions=defs,
        )
        found: Any = defs.resolve_sensor_def("freshness_sensor")(context)
        self.cursor = found.cursor
        for event in found.asset_events:
            self.instance.report_runless_asset_event(event)
        return Tick(found, Counter(self.calls))

    def observe(self, *tables: str) -> Any:
        """What a person gets by `Observe` in the UI; all tables by the job."""
        job = self.definitions.resolve_job_def("observe_sources")
        chosen = [self.key(table) for table in tables] or None
        return job.execute_in_process(
            instance=self.instance, asset_selection=chosen, raise_on_error=False
        )

    def key(self, table: str) -> dg.AssetKey:
        return dg.AssetKey(["glue", self.database, table])

    def check(self, table: str, name: str) -> tuple[bool, str]:
        """The newest result of a check, as the UI shows it."""
        key = dg.AssetCheckKey(self.key(table), name)
        records = self.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        event = records[0].event
        assert event is not None
        evaluation = event.dagster_event.asset_check_evaluation_data
        return evaluation.passed, str(evaluation.description)


class Tick:
    """What a tick said."""

    def __init__(self, result: Any, calls: Counter[str]) -> None:
        self.result = result
        self.calls = calls
        self.requests = list(result.run_requests or [])
        reason = result.skip_reason
        self.skipped = reason.skip_message if isinstance(reason, dg.SkipReason) else reason

    def partitions(self, table: str) -> dict[str, str]:
        """What it said of each partition of a table: added, restated, removed."""
        return {
            event.partition: event.metadata["change"].value
            for event in self.result.asset_events
            if isinstance(event, dg.AssetObservation)
            and event.partition
            and event.asset_key.path[-1] == table
        }

    def observed(self) -> dict[str, dict[str, Any]]:
        """The metadata of each table that it said something of."""
        return {
            event.asset_key.path[-1]: {k: v.value for k, v in event.metadata.items()}
            for event in self.result.asset_events
            if isinstance(event, dg.AssetObservation) and not event.partition
        }
