"""The project under fire, driven by its own commands, and by a person where one of them fails.

What is verified of it belongs to verify.py and duplicates.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.kills.duplicates import ASSETS, STAGES, Inventory
from orchestration.processes import started_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.kills.ledger import Call
    from benchmarks.kills.moments import Killer
    from benchmarks.kills.readers import Readers

MODEL, GROUP = "flight_delay", "flight-delay"
RELEASE, TRAINING, ENDPOINT = "flight-delay-release", "flight-delay-train", "flight-delay"
_COMMAND_SECONDS = 900
_RUN_SECONDS = 300.0
_TRIES = 12


@dataclass
class Told:
    """What happened, in order: seconds since the beginning, and a line."""

    began: float = field(default_factory=time.monotonic)
    lines: list[tuple[float, str]] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        """Note a line, and print it."""
        self.lines.append((time.monotonic() - self.began, line))
        print(f"{self.lines[-1][0]:7.1f} s  {line}", file=sys.stderr, flush=True)


class Demo:
    """One deployment of the project on a state folder of its own, behind the proxy."""

    def __init__(self, state: Path, url: str, readers: Readers, tell: Told) -> None:
        self._state = state
        self._readers = readers
        self._tell = tell
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"},
            "PERENNIAL_STATE": str(state),
            "PERENNIAL_AWS_ENDPOINT_URL": url,
        }
        self.repairs = 0

    def play(self, killer: Killer, deadline: float) -> None:
        """Renew and release again and again, until all kills are done and two versions made."""
        self.up()
        while time.monotonic() < deadline and killer.failure is None:
            self.turn()
            if killer.finished and len(self.versions()) > 1:
                break
            if self.last_run_failed():
                self.train_by_hand()
                self.settle()
            self._tell(f"{killer.done.total()} kills, {len(self.versions())} versions approved")
        killer.stop()
        self.settle()
        self.down()

    def problems(self) -> list[str]:
        """Two good versions, and the newer one everywhere."""
        found = [] if len(self.versions()) > 1 else ["fewer than two good versions were made"]
        wanted = self.champion()
        return found + [
            f"{stage} serves {serving}, not {wanted}"
            for stage in STAGES
            if (serving := self.serving(stage)) != wanted
        ]

    def inventory(self, calls: list[Call]) -> tuple[list[str], list[str]]:
        """Ask the server for everything of the loop."""
        inventory = Inventory(self._readers, GROUP, RELEASE, TRAINING)
        return inventory.duplicates(calls) + inventory.orphans(), inventory.under_way()

    def up(self) -> None:
        """Lay the foundations and start the daemon; repeat the command while it fails.

        Raises:
            RuntimeError: It never succeeded.
        """
        for _ in range(_TRIES):
            if self._command("up"):
                return
        raise RuntimeError("`perennial up` did not succeed; see the lines above")

    def down(self) -> None:
        """Stop the daemon."""
        self._command("down")

    def turn(self) -> None:
        """Play `perennial demo` once, and set right by hand what it could not."""
        if self._command("demo"):
            return
        self.repairs += 1
        self.settle()

    def settle(self) -> None:
        """Do what a person does until the newest approved version serves in prod."""
        self._let_runs_end()
        for _ in range(_TRIES):
            wanted = self.champion()
            if wanted is None or self.serving("prod") == wanted:
                return
            self._release_again(wanted)

    def versions(self) -> list[dict[str, Any]]:
        """Return the approved packages, oldest first; none before the group is there."""
        client = self._readers.client("sagemaker", ASSETS)
        found = client.list_model_packages(
            ModelPackageGroupName=GROUP, ModelApprovalStatus="Approved", MaxResults=100
        )["ModelPackageSummaryList"]
        return sorted(found, key=lambda each: int(each["ModelPackageVersion"]))

    def champion(self) -> str | None:
        """Return the ARN of the newest approved package."""
        return next((str(each["ModelPackageArn"]) for each in self.versions()[-1:]), None)

    def serving(self, stage: str) -> str | None:
        """Return the package that a stage's endpoint serves, None where none does."""
        client = self._readers.client("sagemaker", STAGES[stage])
        names = [each["EndpointName"] for each in client.list_endpoints()["Endpoints"]]
        if ENDPOINT not in names:
            return None
        endpoint = client.describe_endpoint(EndpointName=ENDPOINT)
        if endpoint["EndpointStatus"] != "InService":
            return None
        config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        model = client.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
        container = model.get("PrimaryContainer") or model["Containers"][0]
        return str(container["ModelPackageName"])

    def _release_again(self, wanted: str) -> None:
        """Wait for a release under way; have a failed stage tried again, or ask for a release."""
        newest = self._newest_release()
        if newest is None or newest["variables"].get("ModelPackageArn") != wanted:
            self._ask_for_release()
            return
        if newest["status"] in {"InProgress", "Stopping"}:
            time.sleep(1.0)
            self._await(lambda: self._newest_release()["status"] not in {"InProgress", "Stopping"})
            return
        if newest["status"] in {"Failed", "Stopped"} and self._retry_stage(newest):
            return
        self._ask_for_release()

    def _retry_stage(self, release: dict[str, Any]) -> bool:
        client = self._readers.client("codepipeline", ASSETS)
        execution = release["pipelineExecutionId"]

        def retry() -> bool:
            actions = client.list_action_executions(
                pipelineName=RELEASE, filter={"pipelineExecutionId": execution}
            )["actionExecutionDetails"]
            failed = [each["stageName"] for each in actions if each["status"] == "Failed"]
            if failed:
                client.retry_stage_execution(
                    pipelineName=RELEASE, stageName=failed[0], pipelineExecutionId=execution,
                    retryMode="FAILED_ACTIONS",
                )  # fmt: skip
                self._tell(f"by hand: stage {failed[0]} of release {execution[:8]} is retried")
            return bool(failed)

        try:
            return retry()
        except Exception as error:  # noqa: BLE001 - then a new release is asked for
            self._tell(f"by hand: the stage could not be retried: {error}")
            return False

    def _ask_for_release(self) -> None:
        self._tell("by hand: a release is asked for")
        self._launch(f"release_{MODEL}", tags={"perennial/requested": "true"})
        self._let_runs_end()

    def _newest_release(self) -> dict[str, Any] | None:
        client = self._readers.client("codepipeline", ASSETS)
        found = client.list_pipeline_executions(pipelineName=RELEASE, maxResults=1)
        for each in found["pipelineExecutionSummaries"]:
            detail = client.get_pipeline_execution(
                pipelineName=RELEASE, pipelineExecutionId=each["pipelineExecutionId"]
            )["pipelineExecution"]
            variables = {v["name"]: v["resolvedValue"] for v in detail["variables"]}
            return {**each, "variables": variables}
        return None

    def train_by_hand(self) -> None:
        """Launch a training, as a person does who does not wait for the governor's back-off."""
        self._tell("by hand: a training is launched")
        self._launch(f"retrain_{MODEL}", tags={})
        self._let_runs_end()

    def last_run_failed(self) -> bool:
        """Say whether the newest training run failed, and not by a gate."""
        runs = self._runs("perennial/retrain")
        return bool(runs) and runs[0] == "FAILURE"

    def _let_runs_end(self) -> None:
        self._await(lambda: not {"STARTED", "STARTING", "QUEUED"} & set(self._runs()))

    def _runs(self, tag: str = "") -> list[str]:
        import dagster as dg

        wanted = dg.RunsFilter(tags={tag: MODEL}) if tag else None
        with dg.DagsterInstance.from_config(str(self._state / "dagster")) as instance:
            return [run.status.value for run in instance.get_runs(filters=wanted, limit=10)]

    def _await(self, settled: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _RUN_SECONDS
        while time.monotonic() < deadline and not settled():
            time.sleep(1.0)

    def _launch(self, job: str, tags: dict[str, str]) -> None:
        from orchestration.environments import ROOT

        command = [
            sys.executable,
            "-m",
            "dagster",
            "job",
            "launch",
            "-w",
            str(ROOT / "workspace.yaml"),
        ]
        self._run([*command, "-j", job, "--tags", json.dumps(tags)], self._state / "dagster")

    def _command(self, name: str) -> bool:
        # The proxy stands where the embedded AWS would: the project must not start another.
        me = {"pid": os.getpid(), "started_at": started_at(os.getpid())}
        (self._state / "run").mkdir(parents=True, exist_ok=True)
        (self._state / "run" / "aws.json").write_text(json.dumps(me))
        if name == "down":
            (self._state / "run" / "aws.json").unlink()
        return self._run([sys.executable, "-m", "orchestration.cli", name], self._state)

    def _run(self, argv: list[str], folder: Path) -> bool:
        environment = {**self._environment, "DAGSTER_HOME": str(self._state / "dagster")}
        began = time.monotonic()
        done = subprocess.run(
            argv, cwd=folder, env=environment, capture_output=True, text=True, check=False,
            timeout=_COMMAND_SECONDS,
        )  # fmt: skip
        took = time.monotonic() - began
        with (self._state / "commands.log").open("a") as log:
            log.write(f"$ {argv[2:]} ({took:.1f} s)\n{done.stdout}{done.stderr}\n")
        last = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        said = "" if done.returncode == 0 else f": {' '.join(last)[-400:]}"
        self._tell(f"`{' '.join(argv[2:])[:60]}` ended {done.returncode} after {took:.1f} s{said}")
        return done.returncode == 0
