"""What Dagster loads: the whole graph as a snapshot, and how lightly it is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestration.definitions import build_definitions
from orchestration.environments import ROOT, load_environment
from usecases.declaration import load_use_case

if TYPE_CHECKING:
    import dagster as dg

SNAPSHOT = Path(__file__).parent / "flight_delay.json"
HEAVY = ("sagemaker", "pandas", "lightgbm", "matplotlib", "moto", "duckdb", "localaws")


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    use_case = load_use_case(ROOT / "usecases" / "flight_delay")
    return build_definitions(load_environment("local"), (use_case,))


def described(definitions: dg.Definitions) -> dict[str, Any]:
    graph = definitions.resolve_asset_graph()
    repository = definitions.get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    return {
        "assets": {
            key.to_user_string(): sorted(p.to_user_string() for p in graph.get(key).parent_keys)
            for key in sorted(graph.get_all_asset_keys())
        },
        "checks": {
            f"{key.asset_key.to_user_string()}:{key.name}": graph.get(key).blocking
            for key in sorted(graph.asset_check_keys, key=str)
        },
        "jobs": {
            job.name: sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys)
            for job in sorted(jobs, key=lambda job: job.name)
        },
        "schedules": {each.name: each.cron_schedule for each in repository.schedule_defs},
        "sensors": {
            each.name: [each.minimum_interval_seconds, str(each.default_status.value)]
            for each in repository.sensor_defs
        },
    }


def test_the_graph_is_the_one_that_was_reviewed(definitions: dg.Definitions) -> None:
    found = json.dumps(described(definitions), indent=1, sort_keys=True) + "\n"
    assert found == SNAPSHOT.read_text(), (
        f"The graph changed. If that is meant, write what is found to {SNAPSHOT.name}:\n{found}"
    )


def test_every_asset_says_what_it_is_and_whose(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        # The upstream team's tables are theirs; the use case does not know who they are.
        assert node.owners or node.group_name == "sources", key
        assert node.kinds, key
        assert node.group_name not in (None, "default"), key


def test_loading_the_code_location_imports_nothing_heavy() -> None:
    program = (
        "import sys, orchestration.definitions as d; d.defs.get_repository_def(); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_no_use_case_is_no_error() -> None:
    empty = build_definitions(load_environment("local"), ())
    assert not list(empty.get_repository_def().sensor_defs)
