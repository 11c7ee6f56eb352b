"""The demo's loop as a user runs it: its own processes, the real daemon, a state of its own.

What it asserts is read from the demo's report, and then from the AWS itself, started again on the
same state: nothing may live in a process only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from orchestration.environments import load_environment
from orchestration.local import start_aws, stop_everything

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from resources.platform import Platform

MODEL = "flight_delay"
DEMO_SECONDS = 600

# The whole loop precedes the first test.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(DEMO_SECONDS + 120)]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Path]:
    """A state folder and a port of this module's own, told the way a user would."""
    folder = tmp_path_factory.mktemp("perennial")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERENNIAL_STATE", str(folder))
        patch.setenv("PERENNIAL_AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        patch.delenv("DAGSTER_HOME", raising=False)
        try:
            yield folder
        finally:
            # Also what a demo left running that was killed.
            assert list(stop_everything())


@pytest.fixture(scope="module")
def report(state: Path) -> dict[str, Any]:
    """What the demo wrote down."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "demo"],
        # Not the repository: Dagster lets the .env of its folder replace DAGSTER_HOME.
        cwd=state,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=DEMO_SECONDS,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    document: dict[str, Any] = json.loads((state / "demo-report.json").read_text())
    return document


@pytest.fixture(scope="module")
def platform(state: Path, report: dict[str, Any]) -> Platform:
    """The AWS that the demo stopped, started again on what it had stored."""
    assert report
    environment = load_environment()
    assert list(start_aws(environment)) == [f"embedded AWS started at {environment.endpoint_url}"]
    return environment.doors()


def test_two_versions_the_second_asked_for_by_the_sensor(report: dict[str, Any]) -> None:
    first, second = accepted(report)
    assert first["launched_by"] == "dagster job launch"
    assert second["launched_by"] == "retraining_sensor"
    assert second["trigger"].startswith("drift: ")
    arns = [each["model_package_arn"] for each in (first, second)]
    assert [arn.split(":")[4] for arn in arns] == ["555555555555"] * 2
    assert [each["version"] for each in (first, second)] == [1, 2]
    assert first["metadata"]["model_sha256"] != second["metadata"]["model_sha256"]
    assert second["metadata"]["champion_package_arn"] == arns[0]


def test_the_steps_of_the_pipeline_were_told_as_they_went(report: dict[str, Any]) -> None:
    for renewal in accepted(report):
        assert {"Validate", "Prepare", "Train", "Evaluate"} <= set(renewal["step_seconds"])


def test_every_blocking_gate_passed(report: dict[str, Any]) -> None:
    for renewal in accepted(report):
        blocking = [gate for gate in renewal["gates"] if gate["blocking"]]
        assert blocking
        assert [gate["why"] for gate in blocking if not gate["passed"]] == []
        assert renewal["metadata"]["gates"] == "passed"


def test_prod_answered_with_the_first_and_then_with_the_second(report: dict[str, Any]) -> None:
    first, second = accepted(report)
    asked = report["prediction"]
    assert asked["before"]["model_package_arn"] == first["model_package_arn"]
    assert asked["after"]["model_package_arn"] == second["model_package_arn"]
    assert asked["before"]["probability"] != asked["after"]["probability"]


def test_the_releases_are_codepipelines(report: dict[str, Any], platform: Platform) -> None:
    name = platform.names.release_pipeline(MODEL)
    executions = {each.id: each for each in platform.releases.executions(name)}
    for renewal in accepted(report):
        release = executions[renewal["release_execution_id"]]
        assert release.status == "Succeeded"
        assert release.variables["ModelPackageArn"] == renewal["model_package_arn"]
        stages = platform.releases.stages(name, release.id)
        assert [(stage.name, stage.status) for stage in stages] == [
            (stage, "Succeeded") for stage in ("Source", "Dev", "Staging", "Prod")
        ]


def test_the_second_version_serves_after_a_restart(
    report: dict[str, Any], platform: Platform
) -> None:
    second = accepted(report)[1]
    for stage in ("dev", "staging", "prod"):
        serving = platform.endpoints(stage).describe(platform.names.endpoint(MODEL))
        assert serving is not None
        assert serving.status == "InService"
        assert serving.package_arn == second["model_package_arn"]
    asked = report["prediction"]
    answer = platform.endpoints("prod").invoke(platform.names.endpoint(MODEL), [asked["features"]])
    assert answer[0]["probability"] == pytest.approx(asked["after"]["probability"], abs=1e-9)


def test_nothing_of_the_state_was_lost(
    report: dict[str, Any], platform: Platform, state: Path
) -> None:
    packages = {each.arn: each for each in platform.registry(MODEL).packages()}
    for renewal in accepted(report):
        package = packages[renewal["model_package_arn"]]
        assert package.approval == "Approved"
        assert package.metadata == renewal["metadata"]
        assert platform.artifacts.read_uri(f"{package.metadata['run_uri']}/judge/gate_report.json")
    origin = report["prediction"]["features"]["origin"]
    record = platform.feature_store.get(platform.names.feature_group(MODEL, "weather"), origin)
    assert record is not None
    assert record["origin"] == origin
    through = platform.catalogue.landed_through("nycflights", "flights")
    assert through is not None
    assert through.isoformat() == accepted(report)[1]["metadata"]["trained_through"]
    with dg.DagsterInstance.from_config(str(state / "dagster")) as instance:
        for renewal in report["renewals"]:
            assert instance.get_run_by_id(renewal["run_id"]) is not None


def test_the_data_answers_sql_after_a_restart(platform: Platform) -> None:
    rows = platform.athena.select(
        'SELECT count(*) AS "flights" FROM "nycflights"."flights"',
        database="nycflights",
        intent="the end-to-end test counts the flights",
    )
    assert rows[0]["flights"] > 0


def accepted(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The renewals that brought a version; a refused challenger may lie between them."""
    found = [each for each in report["renewals"] if each["outcome"] == "succeeded"]
    assert len(found) == 2
    return found
