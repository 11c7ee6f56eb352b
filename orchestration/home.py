"""Dagster's home on this machine: made from dagster.yaml, found by the Dagster CLI through .env.

What runs there does not belong here.
"""

from __future__ import annotations

import os
from pathlib import Path

from orchestration.environments import ROOT, state_folder


def dagster_home() -> Path:
    """Return DAGSTER_HOME: the variable where it is set, else a folder of the state folder."""
    return Path(os.environ.get("DAGSTER_HOME", state_folder() / "dagster")).resolve()


def ensure_home() -> Path:
    """Make the home, with the repository's dagster.yaml, and tell the Dagster CLI where it is.

    The CLI reads `.env` from the folder it is called in, so `dagster job launch -w workspace.yaml`
    works in the repository without an export.
    """
    home = dagster_home()
    home.mkdir(parents=True, exist_ok=True)
    _write(home / "dagster.yaml", (ROOT / "dagster.yaml").read_text())
    if not {"DAGSTER_HOME", "PERENNIAL_STATE"} & set(os.environ):
        _write(ROOT / ".env", f"DAGSTER_HOME={home}\n")
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def process_environment() -> dict[str, str]:
    """Return the environment of the processes of this deployment."""
    return {**os.environ, "DAGSTER_HOME": str(dagster_home()), "PYTHONUNBUFFERED": "1"}


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
