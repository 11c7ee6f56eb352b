"""What is durably known of projects and builds, in the shape the API shows.

Running builds does not belong here. A record is a wrapper {"build": API document, ...} so that
what only we need (for example a process id) never leaks into an answer.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localaws.core.context import ServerContext
    from localaws.core.provider import Document

UNDER_WAY = "IN_PROGRESS"
#: How a phase ends whose server stopped: status, code, message.
HOST_GONE = ("FAULT", "INTERNAL_SERVICE_ERROR", "The build host stopped.")


class Records:
    """Projects and builds of all accounts."""

    def __init__(self, context: ServerContext) -> None:
        self.projects = context.store.table("codebuild/project")
        self.builds = context.store.table("codebuild/build")
        self._numbers = context.store.table("codebuild/number")

    def next_number(self, project_key: str) -> int:
        """Return the project's next build number. The caller holds the provider's lock."""
        number = int((self._numbers.get(project_key) or {"last": 0})["last"]) + 1
        self._numbers.put(project_key, {"last": number})
        return number

    def change(self, key: str, change: Callable[[Document], None]) -> None:
        """Change a build's API document as one step."""
        self.builds.update(key, lambda record: change(record["build"]))

    def unfinished(self) -> Iterator[str]:
        """Yield the keys of builds that a former server left under way."""
        for key, record in self.builds.scan():
            if record["build"]["buildStatus"] == UNDER_WAY:
                yield key


def begin_phase(build: Document, name: str) -> None:
    """Note that a phase began now."""
    build["currentPhase"] = name
    build["phases"].append({"phaseType": name, "startTime": time.time()})


def end_phase(build: Document, status: str, code: str = "", message: str = "") -> None:
    """Note how the current phase ended."""
    phase = build["phases"][-1]
    phase["phaseStatus"] = status
    phase["endTime"] = time.time()
    phase["durationInSeconds"] = int(phase["endTime"] - phase["startTime"])
    phase["contexts"] = [{"statusCode": code, "message": message}]


def complete(build: Document, status: str) -> None:
    """Note the end of the whole build."""
    begin_phase(build, "COMPLETED")
    build["buildStatus"] = status
    build["buildComplete"] = True
    build["endTime"] = time.time()


def environment_of(project: Document, request: Document) -> list[dict[str, Any]]:
    """Return the project's environment variables with those of the start request over them."""
    declared = project["environment"].get("environmentVariables", [])
    merged = {variable["name"]: variable for variable in declared}
    merged |= {v["name"]: v for v in request.get("environmentVariablesOverride", [])}
    return list(merged.values())
