"""`perennial demo`: the whole loop on real flights, told as it happens, and written down.

It does what a user would do (land data, launch a job, watch) and nothing else: training, gates,
approval and release are the project's own. Starting processes belongs to local.py.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration import following
from orchestration.environments import ROOT, load_environment, state_folder
from orchestration.home import dagster_home, process_environment
from orchestration.local import running, start_everything, stop_everything
from orchestration.predicting import instance_of, newest_row, predict
from orchestration.replaying import replay
from orchestration.report import summary, write_report
from orchestration.upstream import land
from resources import monitor_reports
from resources.errors import Missing, Terminal
from resources.serving import champion_of
from usecases.declaration import load_use_case

if TYPE_CHECKING:
    from rich.console import Console

    from decisions.reports import MonitorReport
    from orchestration.following import Renewal
    from resources.platform import Platform
    from usecases.declaration import UseCase

MODEL = "flight_delay"
FIRST = datetime(2013, 3, 1)  # noqa: DTZ001 - data time is naive UTC
STEP = timedelta(days=14)
LAST = datetime(2013, 12, 31)  # noqa: DTZ001
MOST_TRIES = 4
_TRAINING_SECONDS = 600.0
_RELEASE_SECONDS = 300.0
_SENSOR_SECONDS = 180.0
_QUALITY_SECONDS = 40.0


@dataclass
class Story:
    """What has happened so far."""

    started: float = field(default_factory=time.time)
    renewals: list[Renewal] = field(default_factory=list)
    instance: dict[str, Any] = field(default_factory=dict)
    predictions: list[dict[str, Any]] = field(default_factory=list)
    quality: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """What the demo plays on."""

    console: Console
    platform: Platform
    use_case: UseCase
    dagster: dg.DagsterInstance
    story: Story

    def say(self, text: str) -> None:
        """Print a line with the seconds since the demo began."""
        seconds = time.time() - self.story.started
        self.console.print(f"[dim]{seconds:6.1f} s[/]  {text}", soft_wrap=True, highlight=False)


def run(console: Console) -> None:
    """Play the demo on the state that is there, and stop what it started.

    Raises:
        Terminal: Something did not come to its end; the message says what, and where to look.
    """
    story = Story()
    before = running()
    try:
        with console.status("starting"):
            for line in start_everything():
                console.print(f"[dim]{time.time() - story.started:6.1f} s[/]  {line}")
        platform = load_environment().doors()
        use_case = load_use_case(ROOT / "usecases" / MODEL)
        with dg.DagsterInstance.from_config(str(dagster_home())) as instance:
            _play(Stage(console, platform, use_case, instance, story))
    finally:
        for line in stop_everything(keep=before):
            console.print(f"[dim]{time.time() - story.started:6.1f} s[/]  {line}")


def _play(stage: Stage) -> None:
    with stage.console.status("the loop runs"):
        if champion_of(stage.platform.registry(MODEL).packages()) is None:
            _first_version(stage)
        _ask(stage, "before")
        _renew(stage)
        _ask(stage, "after")
        _replay(stage)
    path = write_report(state_folder() / "demo-report.json", stage.platform, stage.story)
    stage.console.print(summary(stage.platform, stage.story))
    stage.console.print(f"The same facts: {path}. Look around: [bold]make ui[/]")


def _first_version(stage: Stage) -> None:
    _land(stage, FIRST)
    known = following.ended_runs(stage.dagster, stage.use_case)
    began = time.time()
    _launch(f"retrain_{MODEL}")
    run = following.wait_for_run(
        stage.dagster, stage.use_case, known=known, timeout=_SENSOR_SECONDS
    )
    renewal = following.begin(run)
    renewal.marks["landed"] = began
    _follow(stage, renewal)
    if renewal.outcome != "succeeded":
        raise Terminal(f"The first model was refused by its gates; see run {renewal.run_id}.")


def _renew(stage: Stage) -> None:
    """Land data until a sensor's retraining has brought a new version to prod."""
    for _ in range(MOST_TRIES):
        known = following.ended_runs(stage.dagster, stage.use_case)
        landed = _landed(stage)
        if landed + STEP > LAST:
            raise Terminal(
                "The year 2013 has landed to its end. Start afresh with `make clean-state demo`."
            )
        _land(stage, landed + STEP)
        began = time.time()
        run = following.wait_for_run(
            stage.dagster, stage.use_case, known=known, timeout=_SENSOR_SECONDS
        )
        renewal = following.begin(run)
        renewal.marks["landed"] = began
        _follow(stage, renewal)
        if renewal.outcome == "succeeded":
            return
        stage.say("[yellow]the challenger was refused; the champion keeps serving[/]")
    raise Terminal(f"{MOST_TRIES} challengers in a row were refused; see `make ui`.")


def _follow(stage: Stage, renewal: Renewal) -> None:
    stage.story.renewals.append(renewal)
    following.follow_training(stage.dagster, renewal, stage.say, timeout=_TRAINING_SECONDS)
    if renewal.outcome != "succeeded":
        return
    renewal.package = champion_of(stage.platform.registry(MODEL).packages())
    following.follow_release(
        stage.platform, stage.use_case, renewal, stage.say, timeout=_RELEASE_SECONDS
    )
    took = renewal.marks["serving"] - renewal.marks["landed"]
    version = renewal.package.version if renewal.package else "unknown"
    stage.say(f"[green]version {version} serves in prod, {took:.1f} s after its data landed[/]")
    if following.wait_until_recorded(stage.dagster, stage.use_case, renewal, timeout=30):
        stage.say("recorded on the asset deployment/prod")


def _land(stage: Stage, until: datetime) -> None:
    report = land(stage.platform.accounts, stage.platform.names, until)
    told = ", ".join(f"{t.table} +{t.added} ~{t.restated}" for t in report.tables)
    stage.say(f"landed through {until:%Y-%m-%d} in {report.seconds:.1f} s ({told} partitions)")


def _landed(stage: Stage) -> datetime:
    sources = stage.use_case.sources
    moments = [stage.platform.catalogue.landed_through(sources.database, t) for t in sources.tables]
    known = [moment for moment in moments if moment is not None]
    if len(known) < len(moments):
        raise Missing("A source table has no landing mark; start afresh: make clean-state demo")
    return min(known)


def _ask(stage: Stage, when: str) -> None:
    if not stage.story.instance:
        row = newest_row(stage.platform, stage.use_case)
        stage.story.instance = {
            "flight_id": row[stage.use_case.training_set.id],
            "features": instance_of(stage.platform, stage.use_case, row),
        }
    told = stage.story.instance
    answer = predict(stage.platform, stage.use_case, told["features"], str(told["flight_id"]))
    stage.story.predictions.append({"when": when, **answer})
    version = str(answer["model_package_arn"]).rpartition("/")[2]
    stage.say(
        f"prod, version {version}: flight {stage.story.instance['flight_id']} arrives more than "
        f"15 minutes late with probability {answer['probability']:.3f}"
    )


def _replay(stage: Stage) -> None:
    """Ask what serves about the newest week whose labels are in; wait for what its monitor says.

    Some flights of each day, as many as the quality monitor needs and a twentieth more. The new
    version knows that week, from its training or its gates: this shows the way of a prediction to
    its label, and not how well it does on what it never saw.
    """
    monitor, label = stage.use_case.monitors.quality, stage.use_case.training_set.label
    end, days = _landed(stage) - label.delay, max(monitor.window.days, 1)
    per_day = math.ceil(1.05 * monitor.minimum_labels / days)
    began = time.time()
    done = replay(stage.platform, stage.use_case, end - monitor.window, end, per_day=per_day)
    stage.say(f"{done.stage} was asked about {done.asked} flights in {done.seconds:.1f} s")
    champion = champion_of(stage.platform.registry(MODEL).packages())
    told = _quality(stage, champion.version) if champion else None
    if told is None:
        stage.say("[yellow]the quality sensor has not told yet; it does once Dagster runs[/]")
        return
    stage.story.quality = told.model_dump(mode="json")
    waited = time.time() - began - done.seconds
    stage.say(f"model quality after {waited:.1f} s: {told.verdict}: {told.why}")


def _quality(stage: Stage, version: int) -> MonitorReport | None:
    """Return what the quality sensor told of a version; it alone takes captures in."""
    end = time.monotonic() + _QUALITY_SECONDS
    while time.monotonic() < end:
        for report in monitor_reports.newest(stage.platform.artifacts, MODEL, version):
            if report.monitor == "model_quality" and report.observed is not None:
                return report
        time.sleep(0.5)
    return None


def _launch(job: str) -> None:
    """Launch a job the way a user does.

    Raises:
        Terminal: The Dagster CLI refused; its own words are in the message.
    """
    command = Path(sys.executable).parent / "dagster"
    done = subprocess.run(
        [str(command), "job", "launch", "-w", str(ROOT / "workspace.yaml"), "-j", job],
        cwd=dagster_home(),
        env=process_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    if done.returncode:
        raise Terminal(f"dagster job launch -j {job} failed:\n{done.stdout}{done.stderr}")
