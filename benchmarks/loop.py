"""How long the demo's loop takes, stage by stage.

Every duration is read from the demo's own report; nothing is timed here.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

#: The demo gives up by itself long before this.
_DEMO_SECONDS = 1200
WHOLE = "whole demo"
SERVING = "landed drift → new version serving"
LIMITS = {WHOLE: 180.0, SERVING: 60.0}
_PACKAGES = ("dagster", "sagemaker", "boto3", "moto", "duckdb", "lightgbm")

Seconds = dict[str, float]


def measure(repeat: int) -> list[dict[str, Any]]:
    """Run the demo some times, each on a state and a port of its own; return the reports."""
    reports = []
    for turn in range(1, repeat + 1):
        with tempfile.TemporaryDirectory(prefix="perennial-bench-") as folder:
            reports.append(_demo(Path(folder)))
        print(f"demo {turn} of {repeat}: {reports[-1]['seconds']:.1f} s", file=sys.stderr)
    return reports


def stages(report: dict[str, Any]) -> Seconds:
    """Return the seconds of each stage, in the order in which they happen.

    Raises:
        ValueError: The report does not tell of exactly two versions.
    """
    accepted = [each for each in report["renewals"] if each["outcome"] == "succeeded"]
    if len(accepted) != 2:
        raise ValueError(f"The demo brought {len(accepted)} versions, not 2: see its report.")
    first, second = accepted
    begun = datetime.fromisoformat(report["started_at"])
    return {
        "start, foundations, first landing": _between(begun, _mark(first, "landed")),
        **_renewal("first", first),
        "first: landed → serving": first["seconds_from_landing_to_serving"],
        **_renewal("second", second),
        SERVING: second["seconds_from_landing_to_serving"],
        WHOLE: report["seconds"],
    }


def section(reports: list[dict[str, Any]]) -> str:
    """Return the benchmark as a section of Markdown, with the medians and the limits."""
    measured = [stages(report) for report in reports]
    runs = len(measured)
    lines = ["## The loop", "", *_about(reports), ""]
    lines += [f"| stage | median of {runs}, s | range, s | limit, s |", "|---|---:|---:|---:|"]
    for name in measured[0]:
        taken = [each[name] for each in measured if name in each]
        lines.append(_row(name, taken))
    return "\n".join(lines)


def _renewal(title: str, renewal: dict[str, Any]) -> Seconds:
    found = {
        f"{title}: until the run starts": _span(renewal, "landed", "run started"),
        f"{title}: datasets, features, training set": _span(
            renewal, "run started", "flight_delay/training_set"
        ),
        f"{title}: SageMaker pipeline to the registry": _span(
            renewal, "flight_delay/training_set", "flight_delay/registry"
        ),
    }
    for step, seconds in renewal["step_seconds"].items():
        found[f"{title}: — step {step}"] = seconds
    found[f"{title}: registered → serving"] = _span(renewal, "flight_delay/registry", "serving")
    for stage, seconds in renewal["stage_seconds"].items():
        found[f"{title}: — release {stage}"] = seconds
    return found


def _row(name: str, taken: list[float]) -> str:
    limit = LIMITS.get(name)
    median = statistics.median(taken)
    verdict = "" if limit is None else f"{limit:.0f} ({'kept' if median <= limit else 'missed'})"
    return f"| {name} | {median:.1f} | {min(taken):.1f} to {max(taken):.1f} | {verdict} |"


def _about(reports: list[dict[str, Any]]) -> list[str]:
    day = datetime.fromisoformat(reports[-1]["started_at"]).date()
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    return [
        f"`perennial demo` on an empty state, {day}, {machine}.",
        f"Python {platform.python_version()}, {packages}.",
        "A stage's steps overlap, and waiting lies between them; they do not add up to it.",
        "The demo's own end, stopping what it started, is not in the whole.",
    ]


def _demo(state: Path) -> dict[str, Any]:
    env = {key: value for key, value in os.environ.items() if key != "DAGSTER_HOME"}
    env["PERENNIAL_STATE"] = str(state)
    env["PERENNIAL_AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{_free_port()}"
    env["PYTHONDONTWRITEBYTECODE"] = ""  # as `make demo` has it: nobody's shell is to decide
    # Not the repository: Dagster takes DAGSTER_HOME from the .env of the folder it is called in.
    perennial = [sys.executable, "-m", "orchestration.cli"]
    try:
        done = subprocess.run(
            [*perennial, "demo"],
            cwd=state,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=_DEMO_SECONDS,
        )
    finally:
        subprocess.run([*perennial, "down"], cwd=state, env=env, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"the demo failed\n{done.stdout}{done.stderr}")
    report: dict[str, Any] = json.loads((state / "demo-report.json").read_text())
    return report


def _span(renewal: dict[str, Any], begin: str, end: str) -> float:
    return _between(_mark(renewal, begin), _mark(renewal, end))


def _mark(renewal: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(renewal["marks"][name])


def _between(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
