"""One serving process: its folder, its start until it answers /ping, its end.

Which endpoint it serves, and when it is exchanged, belongs to `fleet.py` and `endpoints.py`.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from localaws.core import sandbox
from localaws.core.archives import ArchiveError, extract_tar_gz
from localaws.services.sagemaker.jobs.workspace import rewrite, tail
from localaws.services.sagemaker.objects import ObjectError, Objects

if TYPE_CHECKING:
    import subprocess

    from localaws.core.provider import Document

_PROGRAM = Path(__file__).with_name("serve_host.py")
_MODEL = "/opt/ml/model"
_POLL_SECONDS = 0.03
_READY = "ready"


class HostError(Exception):
    """The model cannot be served; the text is fit for a FailureReason."""


@dataclass(frozen=True)
class Plan:
    """What to serve, and where.

    Attributes:
        folder: The process's own folder.
        container: ModelDataUrl and Environment.
        timeout: Seconds it may take until /ping answers.
        env: Environment that every container of the account has.
        deployment: The endpoint's deployment that this is.
    """

    folder: Path
    container: Document
    timeout: float
    env: dict[str, str]
    deployment: Document


class Host:
    """A process that serves a model on a port of its own."""

    def __init__(self, plan: Plan, process: subprocess.Popen[bytes], port: int) -> None:
        self.plan = plan
        self.process = process
        self.url = f"http://127.0.0.1:{port}"

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End the process."""
        sandbox.stop(self.process, grace=1.0)


def launch(plan: Plan, objects: Objects) -> Host:
    """Fetch the model if need be, start the process, and return when it answers /ping.

    Raises:
        HostError: Any of this failed.
    """
    environment = plan.container.get("Environment", {})
    program = environment.get("SAGEMAKER_PROGRAM")
    if not program:
        raise HostError(
            "The container's environment lacks SAGEMAKER_PROGRAM: containers do not run here, and "
            "without it there is no inference code to serve."
        )
    _fetch_model(plan, objects)
    process, port_file = _spawn(plan, program, environment)
    try:
        return Host(plan, process, _wait_for_ping(plan, process, port_file))
    except BaseException:
        sandbox.stop(process, grace=0.0)
        raise


def _fetch_model(plan: Plan, objects: Objects) -> None:
    # The mark is written last: a folder without it is what an interrupted start left.
    if (plan.folder / _READY).is_file():
        return
    url = plan.container.get("ModelDataUrl")
    if not url:
        raise HostError("The container has no ModelDataUrl: there is no model to serve.")
    shutil.rmtree(plan.folder, ignore_errors=True)
    archive = plan.folder / "model.tar.gz"
    try:
        objects.download_file(url, archive)
        extract_tar_gz(archive, _inside(plan, _MODEL))
    except (ObjectError, ArchiveError) as error:
        raise HostError(f"Failed to download or extract model data: {error}") from error
    archive.unlink()
    (plan.folder / _READY).touch()


def _spawn(plan: Plan, program: str, environment: Document) -> tuple[subprocess.Popen[bytes], Path]:
    port_file = plan.folder / "port"
    port_file.unlink(missing_ok=True)
    code = environment.get("SAGEMAKER_SUBMIT_DIRECTORY") or f"{_MODEL}/code"
    arguments = {
        "--model": str(_inside(plan, _MODEL)),
        "--code": rewrite(code, plan.folder),
        "--program": program,
        "--port-file": str(port_file),
        "--parent": str(os.getpid()),
    }
    argv = [sys.executable, str(_PROGRAM), *(part for pair in arguments.items() for part in pair)]
    env = plan.env | {name: rewrite(value, plan.folder) for name, value in environment.items()}
    return sandbox.spawn(argv, folder=plan.folder, env=env, log=_log(plan)), port_file


def _wait_for_ping(plan: Plan, process: subprocess.Popen[bytes], port_file: Path) -> int:
    deadline = time.monotonic() + plan.timeout
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise HostError(
                "The primary container did not pass the ping health check: its process ended "
                f"with code {process.returncode}: {tail(_log(plan))}"
            )
        if port_file.is_file():
            port = int(port_file.read_text())
            if _answers(port):
                return port
        time.sleep(_POLL_SECONDS)
    raise HostError(
        "The primary container did not pass the ping health check within "
        f"{plan.timeout:g} s: {tail(_log(plan))}"
    )


def _answers(port: int) -> bool:
    try:
        response = urllib3.request(
            "GET", f"http://127.0.0.1:{port}/ping", timeout=2.0, retries=False
        )
    except urllib3.exceptions.HTTPError:
        return False
    return bool(response.status == 200)  # noqa: PLR2004 - HTTP's OK


def _inside(plan: Plan, container_path: str) -> Path:
    return plan.folder / container_path.lstrip("/")


def _log(plan: Plan) -> Path:
    return plan.folder / "host.log"
