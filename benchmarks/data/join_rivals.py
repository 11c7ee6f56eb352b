"""One rival's join, run in a process of its own: ``python join_rivals.py NAME FOLDER OUTPUT``.

Reads the Parquet files of a folder, writes the training set as Parquet, and prints as JSON how long
that took and how much memory the process held at most. Imports nothing of the project, because
Feast lives in a venv of its own (make bench-peers). Imports and Feast's ``apply`` are not timed.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

GROUPS, FEATURES = 3, 4
NAMES = [[f"g{group}_f{number}" for number in range(FEATURES)] for group in range(GROUPS)]


def pandas_merge_asof(folder: Path, output: Path) -> Callable[[], None]:
    """Return the join by ``merge_asof``; of records of one event time the last written is last."""
    import pandas as pd

    def join() -> None:
        rows = pd.read_parquet(folder / "labels.parquet").sort_values("event_timestamp")
        for group in range(GROUPS):
            columns = ["entity_id", "event_timestamp", "write_time", *NAMES[group]]
            records = pd.read_parquet(folder / f"g{group}.parquet", columns=columns)
            records = records.sort_values(["event_timestamp", "write_time"])
            records = records.drop(columns="write_time")
            rows = pd.merge_asof(rows, records, on="event_timestamp", by="entity_id")
        rows.to_parquet(output)

    return join


def feast_duckdb(folder: Path, output: Path) -> Callable[[], None]:
    """Return Feast's historical retrieval, DuckDB as offline store; the last created wins."""
    import pandas as pd
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.types import Float64

    entity = Entity(name="entity", join_keys=["entity_id"], value_type=ValueType.STRING)
    views = [
        FeatureView(
            name=f"v{group}",
            entities=[entity],
            ttl=timedelta(0),
            schema=[Field(name=name, dtype=Float64) for name in NAMES[group]],
            source=FileSource(
                name=f"s{group}",
                path=str(folder / f"g{group}.parquet"),
                timestamp_field="event_timestamp",
                created_timestamp_column="write_time",
            ),
        )
        for group in range(GROUPS)
    ]
    state = Path(tempfile.mkdtemp(dir=output.parent))
    config = RepoConfig(
        project="bench",
        provider="local",
        registry=str(state / "registry.db"),
        offline_store={"type": "duckdb"},
        online_store={"type": "sqlite", "path": str(state / "online.db")},
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    store.apply([entity, *views])
    wanted = [f"v{group}:{name}" for group in range(GROUPS) for name in NAMES[group]]

    def join() -> None:
        labels = pd.read_parquet(folder / "labels.parquet")
        found = store.get_historical_features(entity_df=labels, features=wanted)
        found.to_df().to_parquet(output)

    return join


RIVALS: dict[str, Any] = {"pandas": pandas_merge_asof, "feast": feast_duckdb}


def timed(join: Callable[[], None]) -> str:
    """Run a join; return its figures as JSON: seconds, CPU seconds, and MiB held at most."""
    began, spent = time.perf_counter(), time.process_time()
    join()
    seconds, cpu = time.perf_counter() - began, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return json.dumps({"seconds": seconds, "cpu": cpu, "mebibytes": peak})


if __name__ == "__main__":
    print(timed(RIVALS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))
