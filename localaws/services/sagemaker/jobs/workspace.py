"""A job's folder, laid out as a container's `/opt/ml`, and the program that runs in it.

Belongs here: paths, rewriting `/opt/ml`, starting and ending the one process of a job. What inputs
and outputs a job has belongs to `processing.py` and `training.py`.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from localaws.core import sandbox
from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

_ROOT = "/opt/ml"
# Only where a path starts: "s3://bucket/opt/ml" and "/data/opt/ml" are other places.
_ROOT_IN_TEXT = re.compile(r"(?<![\w/.-])/opt/ml(?![\w.-])")
_TAIL_BYTES = 4000
_LOG_BYTES = 16 * 1024**2
_TAIL_CHARACTERS = 900
_MESSAGE_CHARACTERS = 1024
_PYTHONS = {"python", "python3"}
_NOT_FOUND = 127
#: From SIGTERM to SIGKILL for a job that is stopped or late. AWS gives 120 s:
#: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
GRACE_SECONDS = 30.0


class StoppedError(Exception):
    """Somebody stopped the job."""


class TimeLimitError(Exception):
    """The job took longer than its StoppingCondition allows."""


class Workspace:
    """The folder of one job and the process in it.

    Attributes:
        folder: The folder itself; holds the log and, as ``opt/ml``, what the container would see.
        log: stdout and stderr of the job.
    """

    def __init__(self, folder: Path, slots: threading.Semaphore) -> None:
        self.folder = folder
        self.log = folder / "algo-1.log"
        self._slots = slots
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def discard_files(self) -> None:
        """Remove inputs and outputs; the log stays."""
        shutil.rmtree(self.folder / "opt", ignore_errors=True)

    def path(self, container_path: str) -> Path:
        """Return where a path below `/opt/ml` lies here.

        Raises:
            ServiceError: ValidationException, if it leads elsewhere.
        """
        parts = Path(container_path).parts
        if parts[:3] != ("/", "opt", "ml") or ".." in parts:
            raise ServiceError(
                "ValidationException", f"The path {container_path!r} must lie below {_ROOT}."
            )
        return self.folder.joinpath(*parts[1:])

    def rewrite(self, text: str) -> str:
        """Replace `/opt/ml`, where it starts a path, by its place here."""
        return rewrite(text, self.folder)

    def write_json(self, container_path: str, document: object) -> None:
        """Write one of the files that SageMaker lays into a container."""
        path = self.path(container_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, default=str, sort_keys=True))

    def message(self, container_path: str) -> str | None:
        """Return what the job wrote for its caller, cut to AWS's limit."""
        path = self.path(container_path)
        if not path.is_file():
            return None
        with path.open("rb") as file:
            text = file.read(4 * _MESSAGE_CHARACTERS).decode(errors="replace").strip()
        return text[:_MESSAGE_CHARACTERS] or None

    def log_tail(self) -> str:
        """Return the end of the log: usually what an exception said."""
        return tail(self.log)

    def run(
        self,
        argv: list[str],
        env: dict[str, str],
        *,
        folder: Path,
        timeout: float,
        on_start: Callable[[], None] = lambda: None,
    ) -> int:
        """Run the job's program to its end, when one of the slots is free; return its exit code.

        Raises:
            StoppedError: ``stop`` was called.
            TimeLimitError: It took longer than ``timeout`` seconds.
        """
        program = sys.executable if Path(argv[0]).name in _PYTHONS else argv[0]
        command = [program, *(self.rewrite(each) for each in argv[1:])]
        environment = {name: self.rewrite(value) for name, value in env.items()}
        self._wait_for_slot()
        try:
            on_start()
            return self._run(command, environment, folder, timeout)
        finally:
            self._slots.release()

    def stop(self, *, grace: float) -> None:
        """End the program, or let it not start; return at once.

        Args:
            grace: Seconds between SIGTERM and SIGKILL.
        """
        with self._lock:
            self._stop.set()
            process = self._process
        if process is not None:
            threading.Thread(
                target=sandbox.stop, args=(process,), kwargs={"grace": grace}, daemon=True
            ).start()

    def check(self) -> None:
        """Raise StoppedError if ``stop`` was called."""
        if self._stop.is_set():
            raise StoppedError

    def _wait_for_slot(self) -> None:
        while not self._slots.acquire(timeout=0.2):
            self.check()

    def _run(self, command: list[str], env: dict[str, str], folder: Path, timeout: float) -> int:
        with self._lock:
            if self._stop.is_set():
                raise StoppedError
            try:
                process = sandbox.spawn(command, folder=folder, env=env, log=self.log)
            except FileNotFoundError as error:
                self._say(str(error))
                return _NOT_FOUND
            self._process = process
        late = threading.Event()

        def end() -> None:
            late.set()
            sandbox.stop(process, grace=GRACE_SECONDS)

        timer = threading.Timer(timeout, end)
        timer.daemon = True
        timer.start()
        try:
            code = process.wait()
        finally:
            timer.cancel()
            sandbox.stop(process, grace=0.0)
        self.check()
        if late.is_set():
            raise TimeLimitError
        return code

    def _say(self, text: str) -> None:
        with self.log.open("a") as log:
            log.write(f"{text}\n")


def tail(log: Path) -> str:
    """Return the end of a log file, fit for a FailureReason."""
    return last_text(log, _TAIL_BYTES).strip()[-_TAIL_CHARACTERS:]


def last_text(log: Path, size: int = _LOG_BYTES) -> str:
    """Return the last bytes of a log file as text, or nothing if there is none.

    A job may write more than this server should have in its memory.
    """
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - size))
        return file.read(size).decode(errors="replace")


def rewrite(text: str, folder: Path) -> str:
    """Replace `/opt/ml`, where it starts a path, by its place below ``folder``."""
    return _ROOT_IN_TEXT.sub(str(folder / "opt" / "ml"), text)
