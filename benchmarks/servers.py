"""The servers that benchmarks measure side by side, each a process of its own on loopback.

What is asked of them does not belong here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "111111111111"
OURS, PEER = "embedded AWS", "moto server"
_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        start_seconds: From the start of its process to its first answer.
    """

    name: str
    endpoint_url: str
    pid: int
    start_seconds: float

    def client(self, service: str) -> Any:
        """Return a boto3 client that never retries: a failure is to be counted, not mended."""
        session = boto3.session.Session(f"LOCALAWS{ACCOUNT}", "unchecked", region_name="us-east-1")
        config = Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            max_pool_connections=16,
        )
        return session.client(service, endpoint_url=self.endpoint_url, config=config)

    def resident_megabytes(self) -> float:
        """Return the memory the process holds now (VmRSS), in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@contextlib.contextmanager
def embedded(state: Path) -> Iterator[Server]:
    """Run the embedded AWS on a state folder."""
    port = free_port()
    argv = ["-m", "localaws", "--port", str(port), "--state", str(state)]
    with _running(OURS, argv, port, "/_localaws/health") as server:
        yield server


@contextlib.contextmanager
def plain_moto() -> Iterator[Server]:
    """Run moto's own server as its documentation starts it."""
    port = free_port()
    argv = ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(PEER, argv, port, "/moto-api/data.json") as server:
        yield server


@contextlib.contextmanager
def _running(name: str, argv: list[str], port: int, path: str) -> Iterator[Server]:
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *argv],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _first_answer(process, port, path)
        taken = time.perf_counter() - began
        yield Server(name, f"http://127.0.0.1:{port}", process.pid, taken)
    finally:
        process.terminate()
        process.wait(30)


def _first_answer(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    ask = f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"{process.args} ended with {process.returncode} before it answered")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as sock:
            sock.sendall(ask)
            if sock.recv(1):
                return
        time.sleep(0.005)
    raise SystemExit(f"{process.args} did not answer within {_START_SECONDS} s")


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
