"""The monitor sensor as the daemon would evaluate it: samples, a real job, reports, pictures."""

from __future__ import annotations

import io
import json
import math
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from decisions.model import digest_of
from decisions.monitors import board
from decisions.monitors.measured import Measurements
from resources import monitor_reports
from resources.glue import ColumnFacts, PartitionFacts
from sensors import monitor_windows
from sensors.governing import situation_of
from sensors.monitor_job import advance
from sensors.monitor_windows import windows_of
from tests.functional.loop.conftest import LANDED
from usecases import monitor_sql

if TYPE_CHECKING:
    from tests.functional.loop.loop_world import Loop, Outcome
    from usecases.declaration import UseCase

NAMES = {
    "data_quality",
    "attribution_drift",
    "bias_drift",
    "multivariate_drift",
    "performance_estimate",
    "prediction_drift",
}


@dataclass(frozen=True)
class Told:
    """What the sensor told over some ticks, and its cursor after the last."""

    asset_events: list[Any]
    cursor: str


@pytest.fixture(scope="module")
def told(loop: Loop, use_case: UseCase, again: Outcome) -> Any:
    """What the sensor told once the week after the champion's training was measured."""
    assert again.succeeded, again.told
    loop.land(LANDED + timedelta(days=7))
    deadline = time.monotonic() + 120
    cursor, events = None, []
    while time.monotonic() < deadline:
        found = loop.sensor(use_case, "monitor_sensor", cursor=cursor)
        assert "cannot tell" not in str(found.skip_reason)
        cursor, events = found.cursor, [*events, *found.asset_events]
        if len(events) >= len(NAMES):
            return Told(events, cursor)
        time.sleep(0.3)
    pytest.fail(f"two minutes told no more than {events}")


def jobs(loop: Loop) -> list[Any]:
    found = loop.aws.client("sagemaker").list_processing_jobs(NameContains="-monitor-")
    return list(found["ProcessingJobSummaries"])


def test_a_week_is_measured_by_one_job_and_every_monitor_reports(
    loop: Loop, use_case: UseCase, told: Any
) -> None:
    assert [job["ProcessingJobStatus"] for job in jobs(loop)] == ["Completed"]
    assert {event.asset_key.path[-1] for event in told.asset_events} == NAMES
    for event in told.asset_events:
        if event.asset_key.path[-1] == "data_quality":
            assert event.metadata["verdict"].value == "stable", event.metadata["why"].value
            continue
        assert "data:image/png;base64" in event.metadata["now_and_baseline"].value
        assert "data:image/png;base64" in event.metadata["timeline"].value


def test_the_window_is_new_to_the_champion_and_has_its_labels(
    loop: Loop, use_case: UseCase, told: Any
) -> None:
    (event,) = (each for each in told.asset_events if "performance" in each.asset_key.path[-1])
    measured = Measurements.model_validate_json(
        loop.platform.artifacts.get(event.metadata["measurements"].value)
    )
    assert (measured.window_from.day, measured.window_through.day) == (21, 27)
    # Each flight of those days that arrived, by the raw table itself.
    (counted,) = loop.platform.athena.select(
        "SELECT count(*) AS n FROM nycflights.flights WHERE arr_delay IS NOT NULL "
        "AND date_add('hour', -1, scheduled_at) >= TIMESTAMP '2013-01-21 00:00:00' "
        "AND date_add('hour', -1, scheduled_at) < TIMESTAMP '2013-01-27 00:00:00' "
        "AND arrived_at <= TIMESTAMP '2013-01-28 00:00:00'",
        database="nycflights",
        intent="count of the monitored week",
    )
    assert measured.rows == counted["n"]
    assert measured.estimate is not None
    assert measured.estimate.labelled == measured.rows


def test_unchanged_data_is_told_once_and_starts_nothing(
    loop: Loop, use_case: UseCase, told: Any
) -> None:
    again = loop.sensor(use_case, "monitor_sensor", cursor=told.cursor)
    assert not again.asset_events
    assert again.cursor == told.cursor
    # A lost cursor tells it again, from what is stored.
    forgotten = loop.sensor(use_case, "monitor_sensor")
    assert len(forgotten.asset_events) == len(NAMES)
    assert len(jobs(loop)) == 1


def test_the_governor_finds_what_was_told(loop: Loop, use_case: UseCase, told: Any) -> None:
    said = {event.asset_key.path[-1]: event.metadata["why"].value for event in told.asset_events}
    champion = loop.champion(use_case)
    assert champion is not None
    kept = monitor_reports.newest(loop.platform.artifacts, use_case.name, champion.version)
    assert said.items() <= {each.monitor: each.why for each in kept}.items()


def test_another_threshold_judges_again_without_measuring(
    loop: Loop, use_case: UseCase, told: Any
) -> None:
    monitors = {"multivariate": {"auc_threshold": 0.51, "retrains": True, "confidence": 0.6}}
    strict = loop.declare("strict", monitors=monitors)
    found = loop.sensor(strict, "monitor_sensor", cursor=told.cursor)
    assert len(found.asset_events) == len(NAMES) - 1  # data quality has its own threshold
    assert len(jobs(loop)) == 1


def test_the_features_are_those_that_training_learnt(
    loop: Loop, use_case: UseCase, told: Any
) -> None:
    """Made anew from raw tables, or by way of datasets and the Feature Store: the same rows."""
    champion = loop.champion(use_case)
    assert champion is not None
    start = LANDED - use_case.training_set.window
    query = monitor_sql.landed_rows_sql(use_case, monitor_sql.Span(start, LANDED), 200_000)
    made = read_arrow(loop, query, "made-anew/")
    folder = f"{champion.metadata['training_set_uri'].partition('/training-sets/')[2]}/data/"
    learnt = read_files(loop, f"training-sets/{folder}")
    assert made.num_rows == learnt.num_rows > 10_000
    order = [("flight_id", "ascending")]
    one, two = (table.select(learnt.column_names).sort_by(order) for table in (made, learnt))
    for name in learnt.column_names:
        pairs = zip(one[name].to_pylist(), two[name].to_pylist(), strict=True)
        assert all(a == b or (plain(a) is None and plain(b) is None) for a, b in pairs), name


def test_a_job_that_keeps_failing_is_given_up_and_says_why(
    loop: Loop, use_case: UseCase, told: Any
) -> None:
    (window,) = windows_of(use_case, situation_of(loop.platform, use_case))
    gone = loop.platform.artifacts.uri("models/gone.tar.gz")
    broken = replace(
        window,
        name=digest_of("broken"),
        key="monitoring/flight_delay/broken/measurements.json",
        champion=replace(window.champion, model_data_url=gone),
    )
    deadline = time.monotonic() + 200
    while (why := advance(loop.platform, use_case, broken)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert why.startswith("measuring failed 3 times; last: flight-delay-monitor-")
    assert "ended Failed" in why


def test_what_was_served_is_measured_as_it_was_sent(
    loop: Loop, use_case: UseCase, told: Any
) -> None:
    """Captured rows of the week give the scores that the landed rows of the same week gave."""
    served = loop.declare("served", monitors={"sample": {"source": "served"}})
    situation = situation_of(loop.platform, served)
    (window,) = windows_of(served, situation)
    assert advance(loop.platform, served, window) is None
    nothing = monitor_windows.read(loop.platform, window)
    assert nothing is not None
    assert board.judge("bias_drift", served.monitors.bias, nothing).why == (
        "No predictions of this version were captured in the window."
    )
    loop.platform.artifacts.delete_prefix(window.key)
    loop.platform.lake.delete_prefix("monitoring/flight_delay/sampled/")
    capture(loop, use_case, situation)
    deadline = time.monotonic() + 120
    while (found := monitor_windows.read(loop.platform, window)) is None:
        assert time.monotonic() < deadline
        assert advance(loop.platform, served, window) is None
        time.sleep(0.3)
    loop.platform.catalogue.drop_table("perennial_flight_delay", "predictions")
    (before,) = windows_of(use_case, situation)
    landed = monitor_windows.read(loop.platform, before)
    assert landed is not None
    assert found.scores == landed.scores
    assert found.attributions == landed.attributions
    assert found.estimate is not None
    assert (found.source, found.estimate.labelled) == ("served", 0)


def capture(loop: Loop, use_case: UseCase, situation: Any) -> None:
    """Put the landed week's rows into the table of predictions, as its owner would.

    A day later: what is served is not waited for, so its window ends by the labels' delay later.
    """
    (window,) = windows_of(use_case, situation)
    query = monitor_sql.landed_rows_sql(use_case, window.span, use_case.monitors.sample.rows)
    table = read_arrow(loop, query, "landed-week/")
    names = [feature.name for feature in use_case.features]
    rows = [
        {
            "inference_id": row["flight_id"],
            "predicted_at": row["event_time"] + timedelta(days=1),
            "event_time": row["event_time"] + timedelta(days=1),
            "model_version": window.champion.version,
            "features": json.dumps({name: plain(row[name]) for name in names}),
            "event_id": row["flight_id"],
            "dt": (row["event_time"] + timedelta(days=1)).date().isoformat(),
        }
        for row in table.to_pylist()
    ]
    types = {
        "inference_id": "string", "predicted_at": "timestamp", "event_time": "timestamp",
        "model_version": "bigint", "features": "string", "event_id": "string",
    }  # fmt: skip
    columns = [ColumnFacts(name, kind) for name, kind in types.items()]
    loop.platform.catalogue.point_table(
        "perennial_flight_delay",
        "predictions",
        columns=columns,
        location=loop.platform.lake.uri("captured/"),
        parameters={},
        partition_keys=[ColumnFacts("dt", "string")],
    )
    made = loop.platform.catalogue.table("perennial_flight_delay", "predictions")
    partitions = []
    for day in sorted({row["dt"] for row in rows}):
        some = [{name: row[name] for name in types} for row in rows if row["dt"] == day]
        body = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(some), body)
        loop.platform.lake.put(f"captured/dt={day}/0.parquet", body.getvalue())
        where = loop.platform.lake.uri(f"captured/dt={day}/")
        partitions.append(PartitionFacts((day,), where, {}))
    loop.platform.catalogue.put_partitions(made, partitions)


def read_arrow(loop: Loop, query: str, prefix: str) -> Any:
    loop.platform.athena.run(
        monitor_sql.unload_sql(query, loop.platform.lake.uri(prefix)),
        database="perennial_flight_delay",
        intent=prefix,
    )
    return read_files(loop, prefix)


def read_files(loop: Loop, prefix: str) -> Any:
    parts = [each.key for each in loop.platform.lake.list(prefix) if each.size]
    return pa.concat_tables(
        [pq.read_table(io.BytesIO(loop.platform.lake.get(key))) for key in parts]
    )


def plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
