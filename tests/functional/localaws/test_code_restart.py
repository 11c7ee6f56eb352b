"""kill -9 of the whole server: approvals stay pending, what was running has failed."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import urllib3

from tests.functional.localaws.code_world import (
    World,
    approval_action,
    build_action,
    pipeline,
    source_action,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLOW = "version: 0.2\nphases: {build: {commands: [touch began, sleep 600]}}\n"


@contextmanager
def server(state: Path, port: int, *, end: signal.Signals) -> Iterator[World]:
    """A server in a process of its own, ended by a signal."""
    command = [sys.executable, "-m", "localaws", "--port", str(port), "--state", str(state)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: _is_up(url) or None)
        yield World(url)
    finally:
        process.send_signal(end)
        process.wait()


def _is_up(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/_localaws/health", retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_executions_survive_a_killed_server(tmp_path: Path) -> None:
    port = free_port()
    with server(tmp_path, port, end=signal.SIGKILL) as world:
        world.prepare()
        world.put_source({"file": ""})
        world.create_project("slow", SLOW)
        codepipeline = world.client("codepipeline")
        source = {"Source": [source_action()]}
        gate = pipeline("gate", source | {"Gate": [approval_action()]})
        codepipeline.create_pipeline(pipeline=gate)
        pending = codepipeline.start_pipeline_execution(name="gate")["pipelineExecutionId"]
        token = world.pending_approval("gate", "Gate")["token"]
        running = pipeline("run", source | {"Do": [build_action("Slow", "slow")]})
        codepipeline.create_pipeline(pipeline=running)
        cut = codepipeline.start_pipeline_execution(name="run")["pipelineExecutionId"]
        until(lambda: list(tmp_path.rglob("src/began")) or None)
    with server(tmp_path, port, end=signal.SIGTERM) as world:
        codepipeline = world.client("codepipeline")
        codepipeline.put_approval_result(
            pipelineName="gate",
            stageName="Gate",
            actionName="Approve",
            result={"summary": "seen", "status": "Approved"},
            token=token,
        )
        world.execution("gate", pending, "Succeeded")
        world.execution("run", cut, "Failed")
        actions = codepipeline.list_action_executions(pipelineName="run")["actionExecutionDetails"]
        error = actions[0]["output"]["executionResult"]["errorDetails"]["message"]
        assert "The build host stopped" in error
        codepipeline.retry_stage_execution(
            pipelineName="run",
            stageName="Do",
            pipelineExecutionId=cut,
            retryMode="FAILED_ACTIONS",
        )
        world.execution("run", cut, "InProgress")
