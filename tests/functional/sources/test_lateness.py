"""Late sources: alerted with how late, holding retraining, and over by themselves."""

from __future__ import annotations

import asyncio
import io
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness_evaluator import TimeWindowFreshnessPolicyEvaluator
from dagster._core.loader import LoadingContextForTest
from rich.console import Console

from decisions.retraining import Hold
from orchestration.definitions import build_definitions
from orchestration.freshness import freshness_tables
from orchestration.why import explain
from resources.glue import LANDED_THROUGH
from resources.names import FRESHNESS_NAMESPACE
from sensors.governing import situation_of
from sensors.refreshing import MOST_STARTS
from usecases import run_tags as tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.sources.wharf import Wharf

DAY = timedelta(days=1)
THROUGH = datetime(2013, 1, 4)  # noqa: DTZ001 - data time is naive UTC
DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")
LATE = (
    "Landed through 2013-01-04 00:00, 2 d behind the newest source: 1 d 12 h more than the 12 h "
    "allowed."
)


def measured(wharf: Wharf, table: str) -> list[float]:
    """What CloudWatch has of a table's lateness, in seconds."""
    now = datetime.now(UTC)
    found = wharf.environment.admin_client("cloudwatch", "experimentation").get_metric_statistics(
        Namespace=FRESHNESS_NAMESPACE,
        MetricName="LatenessSeconds",
        Dimensions=[
            {"Name": "Database", "Value": wharf.database},
            {"Name": "Table", "Value": table},
        ],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=2),
        Period=3600,
        Statistics=["Maximum", "Minimum", "SampleCount"],
    )["Datapoints"]
    if not found:
        return []
    return [min(each["Minimum"] for each in found), max(each["Maximum"] for each in found)]


def verdict(wharf: Wharf) -> Any:
    return explain(wharf.platform, wharf.use_case, wharf.instance).judged.verdict


def test_a_late_source_is_alerted_measured_and_recovers(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    wharf.tick()
    assert measured(wharf, "weather") == []
    wharf.table("flights", THROUGH + 2 * DAY)
    late = wharf.tick()
    assert late.observed()["weather"]["late/dock"] == LATE
    assert late.observed()["weather"]["late_by/dock"] == "1 d 12 h"
    assert wharf.check("weather", "freshness") == (False, f"dock: {LATE}")
    assert wharf.check("planes", "freshness")[0]
    assert measured(wharf, "weather") == [129600, 129600]
    assert measured(wharf, "planes") == []
    # The same lateness is not told again; more of it is.
    assert not wharf.tick().result.asset_events
    wharf.table("flights", THROUGH + 3 * DAY)
    assert wharf.tick().observed()["weather"]["late_by/dock"] == "2 d 12 h"
    wharf.table("weather", THROUGH + 3 * DAY)
    assert "late/dock" not in wharf.tick().observed()["weather"]
    assert wharf.check("weather", "freshness")[0]
    assert measured(wharf, "weather")[0] == 0


def test_while_the_newest_is_out_of_reach_no_recovery_is_announced(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    wharf.table("flights", THROUGH + 2 * DAY)
    wharf.tick()
    wharf.table("flights", None, **{LANDED_THROUGH: "soon"})
    wharf.tick()
    assert wharf.check("weather", "freshness") == (False, f"dock: {LATE}")
    assert measured(wharf, "weather") == [129600, 129600]
    assert not wharf.tick().result.asset_events
    wharf.table("flights", THROUGH + 2 * DAY)
    wharf.tick()
    assert measured(wharf, "weather")[0] == 129600


def test_a_situation_knows_what_is_late_and_what_drifted(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    wharf.table("flights", THROUGH + 2 * DAY)
    columns = dict(wharf.use_case.sources.tables["planes"].columns)
    columns.pop("seats")
    wharf.table("planes", THROUGH, columns=columns)
    found = situation_of(wharf.platform, wharf.use_case)
    assert found.landed_through == THROUGH
    assert found.outlook.late == f"weather: {LATE}"
    assert found.outlook.schema_drift == "planes: column seats is missing (expected type bigint)"


def test_drift_of_columns_holds_even_the_first_training(build: Callable[..., Wharf]) -> None:
    wharf = build(lambda document: document["retraining"].update(first="automatic"))
    wharf.land(THROUGH, *DAYS)
    assert not isinstance(verdict(wharf), Hold)
    wharf.table("planes", THROUGH, columns={"tailnum": "string"})
    held = verdict(wharf)
    assert isinstance(held, Hold)
    assert held.why.startswith("A source is not as declared: planes: column year is missing")


def test_a_missing_landing_is_late_only_where_the_wall_clock_is_judged_by(
    build: Callable[..., Wharf],
) -> None:
    def reshape(document: dict[str, Any]) -> None:
        document["sources"]["tables"]["planes"]["sla"] = {"arrival": "1d"}

    wharf = build(reshape)
    wharf.land(THROUGH, *DAYS)
    wharf.tick()
    assert wharf.check("planes", "freshness")[0]
    in_two_days = datetime.now(UTC).replace(tzinfo=None) + 2 * DAY
    wharf.platform.clock = lambda: in_two_days
    wharf.tick()
    passed, why = wharf.check("planes", "freshness")
    assert not passed
    assert "Nothing has arrived for 2 d" in why
    assert "1 d" in measured_in_words(wharf)
    # Waiting longer is measured by CloudWatch, and not told again as if it were new.
    wharf.platform.clock = lambda: in_two_days + timedelta(hours=1)
    assert not wharf.tick().result.asset_events


def measured_in_words(wharf: Wharf) -> str:
    seconds = measured(wharf, "planes")[-1]
    return f"{round(seconds / 86400)} d"


def test_dagster_shows_an_arrival_as_its_own_policy_where_the_wall_clock_counts(
    build: Callable[..., Wharf],
) -> None:
    def reshape(document: dict[str, Any]) -> None:
        document["sources"]["tables"]["flights"]["sla"] = {"arrival": "26h"}

    wharf = build(reshape)

    def node(clock: str, table: str) -> Any:
        environment = wharf.environment.model_copy(update={"clock": clock})
        defs = build_definitions(environment, (wharf.use_case,))
        return defs.resolve_asset_graph().get(wharf.key(table))

    def state() -> str:
        """What Dagster's own daemon makes of it."""
        context = LoadingContextForTest(wharf.instance)
        evaluator = TimeWindowFreshnessPolicyEvaluator()
        return asyncio.run(evaluator.evaluate_freshness(context, node("wall", "flights"))).value

    assert node("data", "flights").freshness_policy is None
    assert node("wall", "weather").freshness_policy is None
    assert node("wall", "flights").freshness_policy.fail_window.to_timedelta() == 26 * DAY / 24
    assert state() == "UNKNOWN"
    # What a policy counts is materializations: the sensor reports them for their maker.
    wharf.land(THROUGH, *DAYS)
    wharf.tick()
    assert state() == "PASS"


def on_landing(document: dict[str, Any]) -> None:
    document["sources"]["refresh"] = "on_landing"


def run(wharf: Wharf, request: dg.RunRequest, status: dg.DagsterRunStatus) -> str:
    started = dg.DagsterRun(
        "refresh_features", run_id=str(uuid.uuid4()), status=status, tags=dict(request.tags)
    )
    wharf.instance.add_run(started)
    return started.run_id


def test_by_default_nothing_is_refreshed_before_training(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    assert wharf.tick().requests == []


def test_what_landed_refreshes_features_once(build: Callable[..., Wharf]) -> None:
    wharf = build(on_landing)
    wharf.land(THROUGH, *DAYS)
    (request,) = wharf.tick().requests
    assert request.job_name == "refresh_features"
    assert dg.AssetKey(["dock", "features", "weather"]) in request.asset_selection
    (again,) = wharf.tick().requests
    assert again.run_key == request.run_key
    running = run(wharf, request, dg.DagsterRunStatus.STARTED)
    assert wharf.tick().requests == []
    # What lands meanwhile waits for that run, all of it together.
    for hours in (1, 2):
        wharf.land(THROUGH + timedelta(hours=hours), *DAYS)
        assert wharf.tick().requests == []
    assert f"dock: its features wait for run {running}" in str(wharf.tick().skipped)
    wharf.instance.report_run_canceled(wharf.instance.get_run_by_id(running))
    (next_one,) = wharf.tick().requests
    assert next_one.run_key != request.run_key


def test_a_refresh_that_fails_is_tried_again_a_few_times(build: Callable[..., Wharf]) -> None:
    wharf = build(on_landing)
    wharf.land(THROUGH, *DAYS)
    keys = set()
    for _ in range(MOST_STARTS):
        (request,) = wharf.tick().requests
        keys.add(request.run_key)
        run(wharf, request, dg.DagsterRunStatus.FAILURE)
    assert len(keys) == MOST_STARTS
    assert "3 runs failed to refresh its features" in str(wharf.tick().skipped)


@pytest.mark.parametrize("trouble", ["late", "drifted", "gone"])
def test_features_wait_for_sources_that_are_not_well(
    build: Callable[..., Wharf], trouble: str
) -> None:
    wharf = build(on_landing)
    wharf.land(THROUGH, *DAYS)
    if trouble == "late":
        wharf.table("flights", THROUGH + 2 * DAY)
    elif trouble == "drifted":
        wharf.table("planes", THROUGH, columns={"tailnum": "string"})
    else:
        wharf.glue.delete_table(DatabaseName=wharf.database, Name="planes")
    assert wharf.tick().requests == []
    assert "dock: its features wait" in str(wharf.tick().skipped)
    wharf.land(THROUGH + 2 * DAY, *DAYS)
    assert [each.tags[tags.REFRESH] for each in wharf.tick().requests] == ["dock"]


def test_a_person_sees_it_all_in_a_terminal(wharf: Wharf) -> None:
    wharf.land(THROUGH, *DAYS)
    wharf.table("flights", THROUGH + 2 * DAY)
    wharf.table("planes", THROUGH, columns={"tailnum": "string", "[red]": "bigint"})
    console = Console(width=300, record=True, file=io.StringIO())
    for table in freshness_tables(wharf.platform, [wharf.use_case]):
        console.print(table)
    told = console.export_text()
    rows = {line.split("│")[1].strip(): line for line in told.splitlines() if "│ " in line}
    assert "2013-01-06 00:00:00" in rows["flights"]
    assert "as declared" in rows["flights"]
    assert "late by 1 d 12 h, since 2013-01-04 12:00" in rows["weather"]
    assert " 3 " in rows["weather"]
    assert "column seats is missing (expected type bigint), renamed to [red]?" in rows["planes"]
