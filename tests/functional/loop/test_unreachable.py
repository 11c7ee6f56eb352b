"""Nobody answers, or somebody else does: one clear error."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from orchestration.environments import load_environment
from resources.errors import Transient
from tests.functional.loop.loop_world import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def run(state: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *argv],
        cwd=ROOT,
        env={**os.environ, "PERENNIAL_STATE": str(state)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_endpoint_that_nobody_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    with taken() as port:
        url = f"http://127.0.0.1:{port}"
    # How long an outage is waited out is not asked here.
    monkeypatch.setattr("resources.outages.PATIENCE_SECONDS", 0.0)
    local = load_environment("local").model_copy(update={"endpoint_url": url})
    with pytest.raises(Transient) as refusal:
        local.doors().catalogue.table("nycflights", "flights")
    assert f"AWS cannot be reached at {url}" in str(refusal.value)
    assert "start it with `perennial up`" in str(refusal.value)


def test_a_port_that_another_program_has_taken(tmp_path: Path) -> None:
    with taken() as port:
        server = run(tmp_path, "-m", "localaws", "--port", str(port), "--state", str(tmp_path))
        ui = run(
            tmp_path,
            "-c",
            "from orchestration.cli import main; main()",
            "ui",
            "--port",
            str(port),
        )
    for done in (server, ui):
        assert done.returncode == 1
        assert str(port) in done.stderr
        assert "taken" in done.stderr or "in use" in done.stderr
        assert "--port" in done.stderr
        assert "Traceback" not in done.stderr
