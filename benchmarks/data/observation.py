"""What a look at 1,000 raw tables costs: calls to AWS, and seconds, beside asking table by table.

The sensor's tick is the whole one, on the embedded AWS; its calls are counted where botocore makes
them. That nothing is scanned is seen from there: no call to Athena or S3 is among them.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import dagster as dg

from assets.observing import tell
from benchmarks.about import about
from benchmarks.servers import embedded
from orchestration.bootstrap import bootstrap
from orchestration.environments import ROOT, load_environment
from resources.glue import LANDED_THROUGH, ColumnFacts, source_facts, storage_descriptor
from sensors.freshness import freshness_sensor
from usecases.declaration import load_use_case
from usecases.fields import Sources, SourceTable

if TYPE_CHECKING:
    from resources.platform import Platform
    from usecases.declaration import UseCase

_DATABASES, _TABLES, _PARTITIONED, _PARTITIONS = 10, 100, 10, 20
_START = datetime(2013, 1, 1)  # noqa: DTZ001 - data time is naive UTC
_COLUMNS = {"id": "string", "at": "timestamp", "value": "double"}

Rounds = dict[str, list[tuple[float, float, Counter[str]]]]
"""What was done, to the seconds, the CPU seconds of this process, and the calls of each round."""

FIRST, UNCHANGED, CHANGED = "first tick", "tick, nothing changed", "tick, one partition restated"
ONE_BY_ONE = "GetTable, table by table"


def measure(repeat: int) -> Rounds:
    """Run all rounds on one catalogue; every first tick has a Dagster instance of its own."""
    rounds: Rounds = defaultdict(list)
    with (
        tempfile.TemporaryDirectory(prefix="perennial-bench-") as folder,
        embedded(Path(folder) / "aws") as server,
    ):
        local = load_environment("local")
        environment = local.model_copy(update={"endpoint_url": server.endpoint_url})
        platform = environment.doors()
        bootstrap(platform.accounts, environment.admin_client, platform.names, ())
        use_cases = [_use_case(number) for number in range(_DATABASES)]
        glue = environment.admin_client("glue", "experimentation")
        for use_case in use_cases:
            _land(glue, use_case)
        _first(platform, use_cases, repeat, rounds)
        with dg.DagsterInstance.ephemeral() as instance:
            cursor = _tell_all(instance, platform, use_cases)
            for turn in range(1, repeat + 1):
                cursor = _round(instance, platform, glue, use_cases, turn, cursor, rounds)
                print(f"round {turn} of {repeat} done", file=sys.stderr)
    return rounds


def section(figures: Rounds) -> str:
    """Return the figures as Markdown."""
    lines = [
        "## A look at 1,000 raw tables",
        "",
        *about(["dagster", "boto3", "moto"]),
        "",
        f"{_DATABASES} databases of {_TABLES} tables, {_PARTITIONED} of each in {_PARTITIONS}",
        f"daily partitions, in the embedded AWS. Median (range) of {len(figures[FIRST])} rounds.",
        "",
        "| what | seconds | of them CPU, here | calls to AWS |",
        "|---|---:|---:|---|",
    ]
    for name, rounds in figures.items():
        calls = {tuple(sorted(each.items())) for _, _, each in rounds}
        said = " or ".join(", ".join(f"{n} {op}" for op, n in each) for each in sorted(calls))
        shown = [_shown([each[place] for each in rounds]) for place in (0, 1)]
        lines.append(f"| {name} | {shown[0]} | {shown[1]} | {said} |")
    # Round by round: what disturbs one disturbs the other.
    pairs = zip(figures[ONE_BY_ONE], figures[UNCHANGED], strict=True)
    ratio = statistics.median(slow[0] / quick[0] for slow, quick in pairs)
    lines += ["", f"Asking table by table takes {ratio:.0f} times as long as an unchanged tick."]
    return "\n".join(lines) + "\n"


def _shown(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def _first(platform: Platform, use_cases: list[UseCase], repeat: int, rounds: Rounds) -> None:
    for _ in range(repeat):
        with dg.DagsterInstance.ephemeral() as instance, _Counted(platform) as count:
            _tick(instance, platform, use_cases, None)
        rounds[FIRST].append(count.taken)


def _tell_all(
    instance: dg.DagsterInstance, platform: Platform, use_cases: list[UseCase]
) -> str | None:
    """Tick until Dagster knows of everything: so many events a tick; return the cursor."""
    told, found = 0, _tick(instance, platform, use_cases, None)
    while found.asset_events:
        told += _record(instance, found)
        found = _tick(instance, platform, use_cases, found.cursor)
    assert told == _DATABASES * _PARTITIONED * _PARTITIONS, told
    cursor: str | None = found.cursor
    return cursor


def _round(
    instance: dg.DagsterInstance,
    platform: Platform,
    glue: Any,
    use_cases: list[UseCase],
    turn: int,
    cursor: str | None,
    rounds: Rounds,
) -> str | None:
    with _Counted(platform) as count:
        found = _tick(instance, platform, use_cases, cursor)
    assert not found.asset_events
    rounds[UNCHANGED].append(count.taken)
    _restate(glue, use_cases[turn % _DATABASES], turn)
    with _Counted(platform) as count:
        found = _tick(instance, platform, use_cases, found.cursor)
    assert _record(instance, found) == 1
    rounds[CHANGED].append(count.taken)
    with _Counted(platform) as count:
        for use_case in use_cases:
            for table in use_case.sources.tables:
                source_facts(platform.catalogue.table(use_case.sources.database, table))
    rounds[ONE_BY_ONE].append(count.taken)
    after: str | None = found.cursor
    return after


def _record(instance: dg.DagsterInstance, found: Any) -> int:
    """Record what the next tick compares with; return of how many partitions it is."""
    told = [each for each in found.asset_events if isinstance(each, dg.AssetObservation)]
    days = [each for each in told if each.partition]
    for event in days:
        instance.report_runless_asset_event(event)
    return len(days)


class _Counted:
    """Counts the calls that a platform makes while it is entered, and the seconds."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._calls: Counter[str] = Counter()
        self._began = (0.0, 0.0)
        self.taken: tuple[float, float, Counter[str]]

    def __enter__(self) -> Self:
        for client in self._clients():
            client.meta.events.register("before-call", self._count, unique_id="bench")
        self._began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        wall, cpu = self._began
        self.taken = time.perf_counter() - wall, time.process_time() - cpu, self._calls
        for client in self._clients():
            client.meta.events.unregister("before-call", unique_id="bench")

    def _clients(self) -> list[Any]:
        services = ("glue", "athena", "s3", "cloudwatch")
        return [self._platform.accounts.client(each, "experimentation") for each in services]

    def _count(self, model: Any, **_: Any) -> None:
        self._calls[model.name] += 1


def _tick(
    instance: dg.DagsterInstance, platform: Platform, use_cases: list[UseCase], cursor: str | None
) -> Any:
    job = dg.define_asset_job("refresh_features")
    sensor = freshness_sensor(use_cases, [job], tell, interval=60)
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"platform": platform}
    )
    return sensor(context)


def _use_case(number: int) -> UseCase:
    """Return a use case that reads 100 tables; how it trains is the flights'."""
    tables = {
        f"t{table:03}": SourceTable.model_validate(
            {
                "columns": _COLUMNS,
                "partition_key": "dt" if table < _PARTITIONED else None,
                "sla": {"event_time_lag": "36h"},
            }
        )
        for table in range(_TABLES)
    }
    sources = Sources(database=f"bench_{number}", start=_START.date(), tables=tables)
    flights = load_use_case(ROOT / "usecases" / "flight_delay")
    return flights.model_copy(update={"name": f"bench_{number}", "sources": sources})


def _land(glue: Any, use_case: UseCase) -> None:
    database = use_case.sources.database
    glue.create_database(DatabaseInput={"Name": database})
    for name, table in use_case.sources.tables.items():
        given = _table_input(name, partitioned=table.partition_key is not None)
        glue.create_table(DatabaseName=database, TableInput=given)
        if table.partition_key is not None:
            days = [_START + timedelta(days=day) for day in range(_PARTITIONS)]
            glue.batch_create_partition(
                DatabaseName=database,
                TableName=name,
                PartitionInputList=[_partition(f"{day:%Y-%m-%d}", "first") for day in days],
            )


def _restate(glue: Any, use_case: UseCase, turn: int) -> None:
    where = {"DatabaseName": use_case.sources.database}
    day = f"{_START + timedelta(days=turn % _PARTITIONS):%Y-%m-%d}"
    entry = {"PartitionValueList": [day], "PartitionInput": _partition(day, f"turn {turn}")}
    glue.batch_update_partition(TableName="t003", Entries=[entry], **where)
    glue.update_table(TableInput=_table_input("t003", partitioned=True, turn=turn), **where)


def _table_input(name: str, *, partitioned: bool, turn: int = 0) -> dict[str, Any]:
    columns = [ColumnFacts(*each) for each in _COLUMNS.items()]
    return {
        "Name": name,
        "Parameters": {LANDED_THROUGH: _START.isoformat(), "turn": str(turn)},
        "PartitionKeys": [{"Name": "dt", "Type": "string"}] if partitioned else [],
        "StorageDescriptor": storage_descriptor(columns, f"s3://bench/{name}/"),
    }


def _partition(day: str, sha256: str) -> dict[str, Any]:
    descriptor = storage_descriptor([], f"s3://bench/dt={day}/")
    return {"Values": [day], "Parameters": {"sha256": sha256}, "StorageDescriptor": descriptor}
