"""The commands of one phase, run by one bash; environment and folder carry over to the next.

CodeBuild runs all commands of a version 0.2 buildspec in one shell. Here each phase has its own
bash, so that a phase can be timed and stopped by itself, and hands environment and working folder
on through files. Variables count as exported (``set -a``), or ``X=1`` would not reach the next
phase as it does on AWS; shell options and aliases do not carry over.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from localaws.core import sandbox
from localaws.services.codebuild.logs import COMMAND_MARK

_BASH = "/bin/bash"
# What bash sets by itself; handing it on would only hide what the next bash sets.
_SHELL_OWN = {"_", "SHLVL", "PWD", "OLDPWD"}


class TimedOutError(Exception):
    """The build's deadline passed while a command was running."""


class StoppedError(Exception):
    """Someone asked for the build to stop while a command was running."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The command that ended a phase, and how."""

    command: str
    reason: str


class Shell:
    """Runs phases one after the other.

    Attributes:
        environment: What the next command will see; after a phase, what that phase left.
        process: The bash that runs now, if one does.
    """

    def __init__(self, source: Path, scratch: Path, log: Path, environment: dict[str, str]) -> None:
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None
        self._source = source
        self._folder = source
        self._scratch = scratch
        self._log = log
        self._stop = False

    def run(self, phase: str, commands: tuple[str, ...], deadline: float) -> Failure | None:
        """Run commands until one fails; return that failure.

        Raises:
            TimedOutError: ``deadline`` (epoch seconds) passed; the command was killed.
            StoppedError: ``stop`` was called; the command was killed.
        """
        if not commands:
            return None
        script = self._scratch / f"{phase}.sh"
        result = self._scratch / f"{phase}.result"
        script.write_text(_script(commands, result, self._scratch), encoding="utf-8")
        code = self._execute([_BASH, str(script)], deadline)
        return self._outcome(commands, result, code)

    def stop(self) -> None:
        """Kill what runs now and let nothing further start. Callable from any thread."""
        self._stop = True
        process = self.process
        if process is not None:
            sandbox.stop(process, grace=0.0)

    def _execute(self, argv: list[str], deadline: float) -> int:
        if self._stop:
            raise StoppedError
        self.process = sandbox.spawn(argv, folder=self._folder, env=self.environment, log=self._log)
        try:
            if self._stop:  # it came while the process was being started
                raise StoppedError
            code = _wait(self.process, deadline)
        finally:
            # Background children end with their phase, as they do when a container's build ends.
            sandbox.stop(self.process, grace=0.0)
            self.process = None
        if self._stop:
            raise StoppedError
        return code

    def _outcome(self, commands: tuple[str, ...], result: Path, code: int) -> Failure | None:
        if not result.exists():
            return Failure(commands[0], f"the shell ended by itself with status {code}")
        status, number = result.read_text(encoding="utf-8").split()
        self._carry_over()
        if status == "0":
            return None
        return Failure(commands[int(number)], f"exit status {status}")

    def _carry_over(self) -> None:
        raw = (self._scratch / "environment").read_bytes().decode("utf-8", "surrogateescape")
        pairs = (item.partition("=") for item in raw.split("\0") if item)
        self.environment = {
            name: value
            for name, _, value in pairs
            if name not in _SHELL_OWN and "__cb_" not in name
        }
        # A command may have deleted the folder it stood in; then the source is the next start.
        folder = Path((self._scratch / "folder").read_text(encoding="utf-8"))
        self._folder = folder if folder.is_dir() else self._source


def make_bin(folder: Path) -> Path:
    """Make a folder in which ``python``, ``python3`` and ``pip`` mean this very interpreter.

    Wrappers, not links: a link outside the virtual environment would start the base interpreter.
    """
    folder.mkdir(parents=True, exist_ok=True)
    python = shlex.quote(sys.executable)
    for name, command in {
        "python": python,
        "python3": python,
        "pip": f"{python} -m pip",
        "pip3": f"{python} -m pip",
    }.items():
        wrapper = folder / name
        wrapper.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
    return folder


def _wait(process: subprocess.Popen[bytes], deadline: float) -> int:
    try:
        return process.wait(max(0.0, deadline - time.time()))
    except subprocess.TimeoutExpired as error:
        raise TimedOutError from error


def _script(commands: tuple[str, ...], result: Path, scratch: Path) -> str:
    head = f"""\
__cb_save() {{
  __cb_code=$?
  trap - EXIT
  printf '%s %s\\n' "$__cb_code" "$__cb_number" > {_quote(result)}
  printf '%s' "$PWD" > {_quote(scratch / "folder")}
  /usr/bin/env -0 > {_quote(scratch / "environment")}
  exit "$__cb_code"
}}
trap __cb_save EXIT
set -a
"""
    return head + "".join(_step(number, command) for number, command in enumerate(commands))


def _step(number: int, command: str) -> str:
    # eval on lines of its own: inside && or || a command's own "set -e" would have no effect.
    text = shlex.quote(command)
    return f"""\
__cb_number={number}
printf '[Container] %(%Y/%m/%d %H:%M:%S)T{COMMAND_MARK}%s\\n' -1 {text}
eval {text}
__cb_code=$?
[ "$__cb_code" -eq 0 ] || exit "$__cb_code"
"""


def _quote(path: Path) -> str:
    return shlex.quote(str(path))
