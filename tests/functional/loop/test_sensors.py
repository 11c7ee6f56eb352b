"""Ticks as the daemon would evaluate them, against the embedded AWS as it is."""

from __future__ import annotations

import io
import json
import time
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
from rich.console import Console

from orchestration.why import explain, tables
from resources.glue import LANDED_THROUGH
from tests.functional.loop.conftest import LANDED
from tests.functional.loop.test_bad_input import reading
from usecases import run_tags as tags

if TYPE_CHECKING:
    from tests.functional.loop.loop_world import Loop, Outcome
    from usecases.declaration import UseCase


@pytest.fixture(scope="module")
def landed(loop: Loop, again: Outcome) -> Any:
    """One more week than the champion has seen, and than it may lack."""
    return loop.land(LANDED + timedelta(days=7))


@pytest.fixture(scope="module")
def released(loop: Loop, use_case: UseCase, again: Outcome) -> str:
    """The release that the first training's run started, once it has ended; its id."""
    name = loop.platform.names.release_pipeline(use_case.name)
    deadline = time.monotonic() + 90
    while any(each.in_flight for each in loop.platform.releases.executions(name)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    (release,) = loop.platform.releases.executions(name)
    assert release.status == "Succeeded", loop.platform.releases.stages(name, release.id)
    return release.id


def skipped(result: dg.SensorResult) -> str:
    assert not result.run_requests
    reason = result.skip_reason
    return str(reason.skip_message if isinstance(reason, dg.SkipReason) else reason)


def test_without_a_model_the_governor_holds_and_names_the_job(loop: Loop) -> None:
    use_case = loop.declare("new", name="flight_delay_new")
    loop.bootstrap(use_case)
    told = skipped(loop.sensor(use_case, "retraining_sensor"))
    assert told == (
        "flight_delay_new: No model yet; launch retrain_flight_delay_new for the first."
    )


def test_new_weeks_start_one_run_under_one_key(loop: Loop, use_case: UseCase, landed: Any) -> None:
    (request,) = loop.sensor(use_case, "retraining_sensor").run_requests
    assert request.job_name == "retrain_flight_delay"
    assert request.run_key == "flight_delay/after-v1/attempt-1"
    assert "staleness: " in request.tags[tags.REASON]
    (repeated,) = loop.sensor(use_case, "retraining_sensor").run_requests
    assert (repeated.run_key, repeated.tags) == (request.run_key, request.tags)


def test_why_shows_what_is_due_and_what_the_past_runs_cost(
    loop: Loop, use_case: UseCase, first: Outcome, landed: Any
) -> None:
    run = loop.instance.get_run_by_id(first.run.run_id)
    assert run is not None
    cost = float(run.tags[tags.COST])
    assert 0 < cost < 0.1
    (event,) = loop.sensor(use_case, "retraining_sensor").asset_events
    assert event.metadata["verdict"].value == "retrain"
    found = explain(loop.platform, use_case, loop.instance)
    assert found.exit_code == 0
    console = Console(width=200, record=True, file=io.StringIO())
    for table in tables(found):
        console.print(table)
    told = console.export_text()
    assert "flight_delay/after-v1/attempt-1" in told
    assert "age: " not in told
    assert "staleness: Data has landed through 2013-01-29" in told
    assert "by past runs" in told
    runs = found.judged.facts.runs
    assert cost in {each.cost_usd for each in runs if each.run_id == first.run.run_id}
    newest = max(runs, key=lambda each: each.started_at)
    (row,) = (line for line in told.splitlines() if newest.run_id[:8] in line)
    assert newest.cost_usd is not None
    assert f"│ {newest.cost_usd:.4f} │" in row


def test_a_run_in_flight_holds_the_next(loop: Loop, use_case: UseCase, landed: Any) -> None:
    run = loop.instance.add_run(
        dg.DagsterRun(
            "retrain_flight_delay",
            run_id=str(uuid.uuid4()),
            status=dg.DagsterRunStatus.STARTED,
            tags={tags.RETRAIN: use_case.name},
        )
    )
    try:
        told = skipped(loop.sensor(use_case, "retraining_sensor"))
        assert told == f"flight_delay: Run {run.run_id} is in flight."
    finally:
        loop.instance.delete_run(run.run_id)


def test_a_late_source_holds_a_renewal_until_it_has_landed(loop: Loop, again: Outcome) -> None:
    weather = loop.platform.catalogue.table("nycflights", "weather")
    changes = reading("weather", "weather_slow", "weather_hourly.sql")
    use_case = loop.declare("slow", hyperparameters={"num_iterations": 21}, **changes)

    def land(through: datetime) -> str:
        loop.platform.catalogue.point_table(
            "nycflights",
            "weather_slow",
            columns=weather.columns,
            location=weather.location,
            parameters={LANDED_THROUGH: through.isoformat()},
            partition_keys=weather.partition_keys,
        )
        found = loop.sensor(use_case, "retraining_sensor")
        return skipped(found) if not found.run_requests else found.run_requests[0].run_key

    newest = loop.platform.catalogue.landed_through("nycflights", "flights")
    assert newest is not None
    assert land(newest - timedelta(days=5)).startswith(
        "flight_delay: A source is late: weather_slow: Landed through 2013-01-"
    )
    assert land(newest) == "flight_delay/after-v1/attempt-1"


def test_what_has_landed_is_observed_once(loop: Loop, use_case: UseCase, landed: Any) -> None:
    seen = loop.sensor(use_case, "freshness_sensor")
    assert {event.asset_key.path[-1] for event in seen.asset_events} == {
        "flights",
        "weather",
        "planes",
    }
    again = loop.sensor(use_case, "freshness_sensor", cursor=seen.cursor)
    assert not again.asset_events
    assert skipped(again) == "nothing new has landed"


def test_drift_is_reported_once_per_landing(loop: Loop, use_case: UseCase, landed: Any) -> None:
    seen = loop.sensor(use_case, "drift_sensor")
    (event,) = seen.asset_events
    assert event.metadata["landed_through"].value == str(LANDED + timedelta(days=7))
    assert not loop.sensor(use_case, "drift_sensor", cursor=seen.cursor).asset_events


def test_an_approved_version_serves_and_is_not_released_again(
    loop: Loop, use_case: UseCase, released: str
) -> None:
    champion = loop.champion(use_case)
    assert champion is not None
    serving = loop.platform.endpoints("dev").describe("flight-delay")
    assert serving is not None
    assert serving.package_arn == champion.arn
    assert skipped(loop.sensor(use_case, "approval_sensor")) == (
        "flight_delay: Version 1 serves in dev."
    )
    probe = loop.platform.artifacts.read_uri(f"{champion.metadata['run_uri']}/evaluate/probe.json")
    asked = json.loads(probe)
    answers = loop.platform.endpoints("dev").invoke("flight-delay", asked["instances"])
    found = [each["probability"] for each in answers]
    assert found == pytest.approx(asked["expected"], abs=1e-6)


def test_a_stage_is_recorded_once(loop: Loop, use_case: UseCase, released: str) -> None:
    seen = loop.sensor(use_case, "release_sensor")
    (event,) = seen.asset_events
    assert isinstance(event, dg.AssetMaterialization)
    assert event.asset_key == dg.AssetKey(["flight_delay", "deployment", "dev"])
    assert event.metadata["status"].value == "Succeeded"
    assert event.metadata["execution_id"].value == released
    again = loop.sensor(use_case, "release_sensor", cursor=seen.cursor)
    assert not again.asset_events
    assert skipped(again) == "no stage has ended since the last look"
