"""What a tick of the drift sensor takes over data that did not change since the tick before.

The sensor itself, evaluated as Dagster's code server does it, against the embedded AWS: catalogue,
registry and baseline override are asked over HTTP. The first tick counts; the ones after it must
find.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.data.drift_files import CURRENT, DAYS
from benchmarks.data.drift_ours import declared, frozen, storage

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.servers import Server
    from resources.platform import Platform
    from usecases.declaration import UseCase

TICKS = 20


def tick_milliseconds(server: Server, folder: Path) -> tuple[float, list[float]]:
    """Return the first tick's milliseconds, and those of the ticks after it."""
    import dagster as dg
    from dagster._core.definitions.sensor_definition import SensorEvaluationContext

    from orchestration.environments import load_environment
    from sensors.drift import drift_sensor

    with dg.DagsterInstance.local_temp() as instance:
        ref = instance.get_ref()
    environment = load_environment("local").model_copy(update={"endpoint_url": server.endpoint_url})
    platform, use_case = environment.doors(), declared()
    _lay(environment, platform, use_case, folder)
    sensor = drift_sensor([use_case], lambda *_: dg.MetadataValue.md(""), platform, interval=30)

    def tick(cursor: str | None) -> Any:
        with SensorEvaluationContext(ref, None, None, cursor, None, "benchmark") as context:
            return sensor.evaluate_tick(context)

    began = time.perf_counter()
    found = tick(None)
    first = (time.perf_counter() - began) * 1000
    assert found.asset_events, f"the first tick told nothing: {found.skip_message}"
    taken = []
    for _ in range(TICKS):
        began = time.perf_counter()
        again = tick(found.cursor)
        taken.append((time.perf_counter() - began) * 1000)
        assert not again.asset_events, "unchanged data was told again"
    return first, taken


def _lay(environment: Any, platform: Platform, use_case: UseCase, folder: Path) -> None:
    """Lay foundations, the landed table, and a champion that has a baseline."""
    from orchestration.bootstrap import bootstrap

    bootstrap(platform.accounts, environment.admin_client, platform.names, [use_case])
    _land(environment, platform, use_case, folder)
    own = f"baselines/{use_case.name}/bench.json"
    platform.artifacts.put(own, frozen(folder).model_dump_json().encode())
    platform.artifacts.put("bench/model.tar.gz", b"a model")
    registry = environment.admin_client("sagemaker", "assets")
    registry.create_model_package(
        ModelPackageGroupName=platform.names.package_group_arn(use_case.name).rpartition("/")[2],
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties={
            "gates": "passed",
            "model_sha256": "0" * 64,
            "drift_baseline_uri": platform.artifacts.uri(own),
            "trained_from": "2026-01-01T00:00:00",
            "trained_through": "2026-01-02T00:00:00",
        },
        InferenceSpecification={
            "Containers": [
                {"Image": "i", "ModelDataUrl": platform.artifacts.uri("bench/model.tar.gz")}
            ],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )


def _land(environment: Any, platform: Platform, use_case: UseCase, folder: Path) -> None:
    """Make the table in the lake, its one day landed."""
    (name, table) = next(iter(use_case.sources.tables.items()))
    database, place = use_case.sources.database, platform.lake.uri(f"bench/{name}")
    glue = environment.admin_client("glue", "experimentation")
    s3 = environment.admin_client("s3", "experimentation")
    day = datetime.fromisoformat(DAYS[CURRENT])
    key = f"bench/{name}/{table.partition_key}={DAYS[CURRENT]}/0.parquet"
    s3.upload_file(str(folder / f"{CURRENT}.parquet"), platform.lake.bucket, key)
    glue.create_database(DatabaseInput={"Name": database})
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {
                "EXTERNAL": "TRUE",
                "classification": "parquet",
                "perennial.landed_through": (day + timedelta(days=1)).isoformat(),
            },
            "PartitionKeys": [{"Name": table.partition_key, "Type": "string"}],
            "StorageDescriptor": storage(f"{place}/"),
        },
    )
    glue.create_partition(
        DatabaseName=database,
        TableName=name,
        PartitionInput={
            "Values": [DAYS[CURRENT]],
            "StorageDescriptor": storage(f"{place}/{table.partition_key}={DAYS[CURRENT]}/"),
        },
    )
