"""The governor on the embedded AWS: what the asset shows, what `perennial why` says, and wishes."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
from rich.console import Console

from decisions.queue import Quota
from decisions.retraining import Hold, RetrainFacts
from orchestration import status
from orchestration.why import FINE, WAITS, as_json, explain, tables
from resources import monitor_reports, wishes
from resources.errors import Terminal
from resources.names import GOVERNOR_NAMESPACE
from sensors.alerting import alert
from sensors.governor_memory import GovernorMemory
from sensors.retraining import evaluate
from sensors.verdicts import Judged
from usecases import run_tags as tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.sources.wharf import Wharf

THROUGH = datetime(2013, 1, 4)  # noqa: DTZ001 - data time is naive UTC
DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")


class Governed:
    """Ticks of the retraining sensor on a wharf, recorded as the daemon records them."""

    def __init__(self, wharf: Wharf) -> None:
        self.wharf = wharf
        self.cursor: str | None = None
        wishes.cancel(wharf.platform.artifacts, wharf.use_case.name)

    def tick(self) -> Any:
        defs = self.wharf.definitions
        context = dg.build_sensor_context(
            instance=self.wharf.instance,
            cursor=self.cursor,
            resources={"platform": self.wharf.platform},
            definitions=defs,
        )
        found: Any = defs.resolve_sensor_def("retraining_sensor")(context)
        self.cursor = found.cursor
        for event in found.asset_events:
            self.wharf.instance.report_runless_asset_event(event)
        return found

    def shown(self) -> dict[str, Any]:
        """What the asset shows now."""
        event = self.wharf.instance.get_latest_materialization_event(
            dg.AssetKey(["dock", "monitoring", "governor"])
        )
        assert event is not None
        made = event.asset_materialization
        assert made is not None
        return {name: each.value for name, each in made.metadata.items()}

    def run(self, request: dg.RunRequest, status: dg.DagsterRunStatus, **more: str) -> str:
        run = dg.DagsterRun(
            request.job_name, run_id=str(uuid.uuid4()), status=status, tags={**request.tags, **more}
        )
        self.wharf.instance.add_run(run)
        return run.run_id

    def status(self) -> str:
        """The governor's line of `perennial status`."""
        platform, use_case = self.wharf.platform, self.wharf.use_case
        (table,) = status.tables(platform, (use_case,), self.wharf.instance)
        what, said = (list(column.cells) for column in table.columns)
        return str(said[what.index("governor")])

    def why(self) -> tuple[str, int]:
        found = explain(self.wharf.platform, self.wharf.use_case, self.wharf.instance)
        console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
        for table in tables(found):
            console.print(table)
        return console.export_text(), found.exit_code


@pytest.fixture
def governed(build: Callable[..., Wharf]) -> Callable[..., Governed]:
    def make(**retraining: Any) -> Governed:
        wharf = build(lambda document: document["retraining"].update(retraining))
        wharf.land(THROUGH, *DAYS)
        return Governed(wharf)

    return make


def test_a_wish_is_shown_asked_for_once_and_answered(governed: Callable[..., Governed]) -> None:
    made = governed()
    artifacts = made.wharf.platform.artifacts
    held = made.tick()
    assert held.run_requests in (None, [])
    assert made.shown()["verdict"] == "hold"
    assert "| first_by_person |" in made.shown()["obstacles"]
    assert not made.tick().asset_events, "nothing new is told twice"
    told, code = made.why()
    assert "launch retrain_dock for the first" in told
    assert code == WAITS

    now = datetime.now(UTC).replace(tzinfo=None)
    wishes.ask(artifacts, "dock", reason="prices changed", by="ada", at=now)
    (request,) = made.tick().run_requests
    assert request.run_key == "dock/after-v0/attempt-1"
    shown = made.shown()
    assert (shown["verdict"], shown["run_key"]) == ("retrain", request.run_key)
    assert shown["reasons"] == ["on request: prices changed (ada)", "no model yet"]
    assert shown["estimate_usd"] == pytest.approx(5 * 0.115 + 0.23)
    told, code = made.why()
    assert "prices changed (ada)" in told
    assert code == FINE

    run_id = made.run(request, dg.DagsterRunStatus.STARTED)
    assert made.tick().skip_reason.skip_message == f"dock: Run {run_id} is in flight."
    assert made.why()[1] == FINE
    assert len(wishes.keys(artifacts)["dock"]) == 1
    made.wharf.instance.delete_run(run_id)
    made.run(request, dg.DagsterRunStatus.SUCCESS, **{tags.TRIED_THROUGH: THROUGH.isoformat()})
    made.tick()
    assert "dock" not in wishes.keys(artifacts), "an answered wish is forgotten"
    assert "launch retrain_dock" in made.why()[0]


def test_status_why_and_the_sensor_say_the_same(governed: Callable[..., Governed]) -> None:
    made = governed()
    artifacts = made.wharf.platform.artifacts

    def all_three() -> set[tuple[str, str]]:
        made.tick()
        shown = made.shown()
        found = explain(made.wharf.platform, made.wharf.use_case, made.wharf.instance)
        state, _, why = made.status().partition(": ")
        return {(state, why), (shown["verdict"], shown["why"]), (found.state, found.why)}

    ((state, _),) = all_three()
    assert state == "hold"
    now = datetime.now(UTC).replace(tzinfo=None)
    wishes.ask(artifacts, "dock", reason="prices changed", by="ada", at=now)
    ((state, why),) = all_three()
    assert (state, why) == ("retrain", "on request: prices changed (ada); no model yet")


def test_a_wish_is_taken_back_and_a_broken_one_says_so(governed: Callable[..., Governed]) -> None:
    made = governed()
    artifacts = made.wharf.platform.artifacts
    wishes.ask(artifacts, "dock", reason="r", by="ada", at=THROUGH)
    assert made.tick().run_requests
    assert wishes.cancel(artifacts, "dock") == 1
    assert not made.tick().run_requests
    artifacts.put("wishes/dock/broken.json", b'{"by": "ada"}')
    told = made.tick().skip_reason.skip_message
    assert "wishes/dock/broken.json is no wish" in told
    with pytest.raises(Terminal, match="perennial retrain MODEL --cancel"):
        made.why()
    assert wishes.cancel(artifacts, "dock") == 1
    made.tick()


def test_a_blackout_and_a_budget_hold_the_first_model_too(
    governed: Callable[..., Governed],
) -> None:
    today = datetime.now(UTC).date()
    window = {"first": today.isoformat(), "last": (today + timedelta(days=2)).isoformat()}
    made = governed(
        first="automatic",
        blackout=[{**window, "reason": "freeze"}],
        budget={"monthly_usd": 0.5},
    )
    assert not made.tick().run_requests
    shown = made.shown()
    assert shown["why"] == f"Blackout until {today + timedelta(days=3)} 00:00 UTC (freeze)."
    assert shown["until"] == "not by time alone"  # the budget has to be raised
    assert "allowed is 0.50 a month" in shown["obstacles"]
    assert shown["budget_monthly_usd"] == 0.5
    told, code = made.why()
    assert "What stands in the way" in told
    assert "blackout" in told
    assert code == WAITS


def test_a_failed_run_backs_off_and_keeps_its_reason(governed: Callable[..., Governed]) -> None:
    made = governed(first="automatic", settle="0m")
    (request,) = made.tick().run_requests
    failed = made.run(request, dg.DagsterRunStatus.FAILURE, **{tags.COST: "0.25"})
    held = made.tick()
    assert "backing off for 0:05:00" in held.skip_reason.skip_message
    shown = made.shown()
    assert shown["reasons"] == ["no model yet"]
    assert shown["spent_this_month_usd"] == 0.25
    told, code = made.why()
    assert failed[:8] in told
    assert "0.2500" in told
    assert code == WAITS


def test_settling_waits_once_and_outlives_a_lost_cursor(governed: Callable[..., Governed]) -> None:
    made = governed(first="automatic", settle="10m")
    assert "There has been a reason for less than 0:10:00" in str(made.tick().skip_reason)
    memory = json.loads(made.cursor or "")
    memory["since"]["dock"] = "2026-01-01T00:00:00"
    made.cursor = json.dumps(memory)
    assert made.tick().run_requests
    made.cursor = "not a cursor"
    assert "less than" in str(made.tick().skip_reason)


def test_what_cannot_be_told_is_measured_and_its_end_too(governed: Callable[..., Governed]) -> None:
    made = governed(first="automatic")
    name = f"dock_{uuid.uuid4().hex[:8]}"
    memory = GovernorMemory()
    platform = made.wharf.platform
    facts = RetrainFacts(use_case=name)
    for alerts in (("drift: 0 rows",), (), ()):
        verdict = Hold(until=None, why="", alerts=alerts)
        assert alert(platform, {name: Judged(facts, verdict, THROUGH)}, memory) is None
    now = datetime.now(UTC)
    (found,) = made.wharf.environment.admin_client(
        "cloudwatch", "experimentation"
    ).get_metric_statistics(
        Namespace=GOVERNOR_NAMESPACE,
        MetricName="CannotTell",
        Dimensions=[{"Name": "UseCase", "Value": name}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=2),
        Period=7200,
        Statistics=["Maximum", "Minimum", "SampleCount"],
    )["Datapoints"]
    assert (found["Maximum"], found["Minimum"], found["SampleCount"]) == (1, 0, 2)


def test_a_report_that_cannot_be_read_says_so(governed: Callable[..., Governed]) -> None:
    made = governed()
    artifacts = made.wharf.platform.artifacts
    key = "monitoring/dock/v3/model_quality.json"
    artifacts.put(key, b"{")
    (report,) = monitor_reports.newest(artifacts, "dock", 3)
    assert report.verdict == "cannot_tell"
    assert f"{key} is no report of this monitor" in report.why
    healthy = report.model_copy(update={"verdict": "stable", "why": "AUC 0.7."})
    monitor_reports.store(artifacts, "dock", 3, healthy)
    assert monitor_reports.newest(artifacts, "dock", 3) == (healthy,)
    assert monitor_reports.newest(artifacts, "dock", 4) == ()
    document = json.loads(as_json(explain(made.wharf.platform, made.wharf.use_case)))
    assert document["verdict"]["rule"] == "first_by_person"
    assert document["exit_code"] == WAITS


def test_a_tick_ends_in_time_and_the_next_goes_on(governed: Callable[..., Governed]) -> None:
    made = governed()
    wharf, memory = made.wharf, GovernorMemory()
    ghost = wharf.use_case.model_copy(update={"name": "ghost"})

    def tick() -> Any:
        use_cases = (wharf.use_case, ghost)
        return evaluate(wharf.instance, wharf.platform, use_cases, Quota(), memory, 0.0)

    assert list(tick().judged) == ["dock"]
    assert memory.begin == "ghost"
    second = tick()
    assert "ghost" in second.unknown, "it has no registry, and that holds up nobody else"
    assert not second.judged
    assert memory.begin == "dock"
    assert list(tick().judged) == ["dock"]


def test_one_tick_asks_the_catalogue_by_page(governed: Callable[..., Governed]) -> None:
    made = governed()
    made.wharf.calls.clear()
    made.tick()
    assert made.wharf.calls["GetTables"] == 1
    assert made.wharf.calls["GetTable"] == 0
    assert made.wharf.calls["GetPartitions"] == 0
