"""Carries a build's log file to CloudWatch Logs, where people look for it.

The file on disk is written by the build's own processes; nothing else of a build belongs here.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from pathlib import Path

_EVENTS_PER_CALL = 1000
_LONGEST_EVENT = 16_000
_LONGEST_TAIL = 1500
#: Written before each command, as CodeBuild does.
COMMAND_MARK = " Running command "


class LogCarrier:
    """Sends what the log file gained since the last call. Used by one build's thread only."""

    def __init__(self, client: Any, path: Path, group: str, stream: str) -> None:
        self._client = client
        self._path = path
        self._group = group
        self._stream = stream
        self._offset = 0
        self._ready = False

    def note(self, text: str) -> None:
        """Write a line of CodeBuild's own into the log."""
        stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime())
        with self._path.open("a", encoding="utf-8") as log:
            log.write(f"[Container] {stamp} {text}\n")

    def carry(self) -> None:
        """Send new lines. A log that cannot be delivered does not fail a build, as on AWS."""
        lines = self._new_lines()
        try:
            self._ensure_stream()
            for start in range(0, len(lines), _EVENTS_PER_CALL):
                self._put(lines[start : start + _EVENTS_PER_CALL])
        except (BotoCoreError, ClientError) as error:
            self.note(f"The log could not be sent to {self._group}: {error}")

    def last_output(self) -> str:
        """Return what the last command wrote (its end, if it wrote much)."""
        log = self._path.read_text(encoding="utf-8", errors="replace")
        output = log.rpartition(COMMAND_MARK)[2].partition("\n")[2]
        return output[-_LONGEST_TAIL:].strip()

    def _new_lines(self) -> list[str]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as log:
            log.seek(self._offset)
            raw = log.read()
            self._offset = log.tell()
        return raw.decode("utf-8", "replace").splitlines()

    def _ensure_stream(self) -> None:
        if self._ready:
            return
        exists = self._client.exceptions.ResourceAlreadyExistsException
        with contextlib.suppress(exists):
            self._client.create_log_group(logGroupName=self._group)
        with contextlib.suppress(exists):
            self._client.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
        self._ready = True

    def _put(self, lines: list[str]) -> None:
        now = int(time.time() * 1000)
        # CloudWatch refuses empty messages.
        events = [{"timestamp": now, "message": line[:_LONGEST_EVENT] or " "} for line in lines]
        self._client.put_log_events(
            logGroupName=self._group, logStreamName=self._stream, logEvents=events
        )
