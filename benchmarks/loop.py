"""The demo's loop, stage by stage: medians over fresh states, beside the limits it must keep.

Every number comes from the demo's own report; nothing is timed here but the whole command.
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
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "benchmarks.md"
LIMITS = {"whole demo": 180.0, "2: landed to serving": 60.0}
_BEGIN, _END = "<!-- loop -->", "<!-- /loop -->"
_MARKS = (
    ("landed to run started", "landed", "run started"),
    ("run started to training set", "run started", "flight_delay/training_set"),
    (
        "training set to gate report",
        "flight_delay/training_set",
        "flight_delay/training/gate_report",
    ),
    ("gate report to approval", "flight_delay/training/gate_report", "flight_delay/approval"),
    ("approval to serving in prod", "flight_delay/approval", "serving"),
)


def main(*, repeat: int, write: bool) -> None:
    """Run the demo, print the table, and keep it where asked."""
    runs = [_once() for _ in range(repeat)]
    text = _table(runs)
    print(text)
    if write:
        _keep(text)


def _once() -> dict[str, float]:
    """Play the demo on a fresh state; return seconds by stage."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PERENNIAL_STATE": folder,
            "PERENNIAL_AWS_ENDPOINT_URL": f"http://127.0.0.1:{_free_port()}",
        }
        environment.pop("DAGSTER_HOME", None)
        began = time.monotonic()
        command = [sys.executable, "-m", "orchestration.cli", "demo"]
        subprocess.run(command, env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        whole = time.monotonic() - began
        report = json.loads(Path(folder, "demo-report.json").read_text())
    found = {"whole demo": whole}
    for number, renewal in enumerate(report["renewals"], start=1):
        found |= {f"{number}: {name}": value for name, value in _stages(renewal).items()}
    return found


def _stages(renewal: dict[str, Any]) -> dict[str, float]:
    marks = {name: datetime.fromisoformat(text) for name, text in renewal["marks"].items()}
    found = {
        name: (marks[end] - marks[start]).total_seconds()
        for name, start, end in _MARKS
        if start in marks and end in marks
    }
    found |= {f"step {name}": seconds for name, seconds in renewal["step_seconds"].items()}
    found |= {f"stage {name}": seconds for name, seconds in renewal["stage_seconds"].items()}
    if renewal["seconds_from_landing_to_serving"] is not None:
        found["landed to serving"] = renewal["seconds_from_landing_to_serving"]
    return found


def _table(runs: list[dict[str, float]]) -> str:
    names = list(dict.fromkeys(name for run in runs for name in run))
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {len(runs)} run(s) on fresh states, medians in seconds "
        f"(smallest to largest). {_versions()}",
        "",
        "| stage | median | range | limit |",
        "|---|---|---|---|",
    ]
    for name in names:
        values = [run[name] for run in runs if name in run]
        limit = LIMITS.get(name)
        lines.append(
            f"| {name} | {statistics.median(values):.1f} | {min(values):.1f} to {max(values):.1f} | "
            f"{'' if limit is None else f'{limit:.0f}'} |"
        )
    return "\n".join(lines)


def _versions() -> str:
    named = ("dagster", "sagemaker", "moto", "duckdb", "lightgbm")
    listed = ", ".join(f"{name} {metadata.version(name)}" for name in named)
    return f"Python {platform.python_version()}, {listed}; {os.cpu_count()} cores."


def _keep(text: str) -> None:
    """Put the table between its marks in docs/benchmarks.md, replacing the one before."""
    document = DOCUMENT.read_text() if DOCUMENT.exists() else _HEAD
    before, _, rest = document.partition(_BEGIN)
    after = rest.partition(_END)[2]
    DOCUMENT.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_HEAD = f"""# Benchmarks

What was printed here, with date and versions. Machines differ: take it as an order of magnitude.

## The loop

`python -m benchmarks loop --repeat 5 --write` plays the demo on fresh states. `1:` is the first version,
launched by `dagster job launch`; `2:` the renewal that a sensor started after drift had landed. The
limits are those the project sets itself.

{_BEGIN}
{_END}
"""
