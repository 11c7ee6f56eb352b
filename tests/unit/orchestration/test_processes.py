"""A long-running process is started once, found by its pid and start time, and stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from orchestration import processes
from orchestration.processes import Service, started_at
from resources.errors import Terminal

if TYPE_CHECKING:
    from pathlib import Path

SLEEP = ["sleep", "60"]


def start(service: Service, argv: list[str] = SLEEP) -> bool:
    return service.start(argv, env=dict(os.environ), ready=lambda: True)


def test_a_service_runs_once_and_stops(tmp_path: Path) -> None:
    service = Service("sleeper", tmp_path)
    assert service.pid() is None
    assert start(service)
    pid = service.pid()
    try:
        assert pid is not None
        assert not start(service)
        assert service.pid() == pid
    finally:
        assert service.stop()
    assert started_at(pid) is None
    assert not service.pid_file.exists()
    assert not service.stop()


def test_a_pid_that_another_process_was_given_is_not_ours(tmp_path: Path) -> None:
    service = Service("sleeper", tmp_path)
    other = subprocess.Popen(SLEEP)
    try:
        service.pid_file.parent.mkdir(parents=True)
        service.pid_file.write_text(json.dumps({"pid": other.pid, "started_at": "1"}))
        assert service.pid() is None
        assert not service.stop()
        assert other.poll() is None
        assert not service.pid_file.exists()
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("text", ["", "{", "4711", "[]", "{}", '{"pid": "x", "started_at": "1"}'])
def test_a_broken_pid_file_is_no_service(tmp_path: Path, text: str) -> None:
    service = Service("sleeper", tmp_path)
    service.pid_file.parent.mkdir(parents=True)
    service.pid_file.write_text(text)
    assert service.pid() is None


def test_a_service_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    service = Service("doomed", tmp_path)
    argv = [sys.executable, "-c", "raise SystemExit('no such port')"]
    with pytest.raises(Terminal) as refusal:
        service.start(argv, env=dict(os.environ), ready=lambda: False, timeout=20)
    assert "doomed" in str(refusal.value)
    assert "no such port" in str(refusal.value)
    assert str(service.log) in str(refusal.value)
    assert service.pid() is None
    assert not service.stop()


def test_a_service_that_is_never_ready_is_stopped(tmp_path: Path) -> None:
    service = Service("slow", tmp_path)
    with pytest.raises(Terminal, match="slow was not ready within 1 s"):
        service.start(SLEEP, env=dict(os.environ), ready=lambda: False, timeout=0.6)
    assert service.pid() is None


def test_a_service_that_ignores_the_request_is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_STOP_SECONDS", 0.3)
    service = Service("deaf", tmp_path)
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(1); time.sleep(60)"
    )
    service.start(
        [sys.executable, "-u", "-c", deaf],
        env=dict(os.environ),
        ready=lambda: service.log.exists() and bool(service.log.read_text()),
    )
    pid = service.pid()
    assert pid is not None
    assert service.stop()
    assert started_at(pid) is None
