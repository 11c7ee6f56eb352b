"""What CodeBuild tells EventBridge of builds and their phases.

https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications-ref.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from localaws.core.announcing import Announcement, Change, Notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.core.provider import Document

_SOURCE = "aws.codebuild"


def _build(change: Change) -> Iterator[Announcement]:
    if change.after is None:
        return
    build = change.after["build"]
    before = change.before["build"] if change.before else {"phases": [], "buildStatus": None}
    state = _announcement(
        build,
        "State",
        {
            "build-status": build["buildStatus"],
            "current-phase": build["currentPhase"],
            "current-phase-context": _context(build["phases"][-1]),
        },
    )
    turned = before["buildStatus"] != build["buildStatus"]
    if turned and not build["buildComplete"]:
        yield state
    for number, phase in enumerate(build["phases"]):
        ended = number < len(before["phases"]) and "phaseStatus" in before["phases"][number]
        if "phaseStatus" in phase and not ended:
            yield _phase_change(build, phase)
    if turned and build["buildComplete"]:
        yield state


#: By kind of document.
NOTICES: dict[str, Notice] = {"codebuild/build": _build}


def _phase_change(build: Document, phase: Document) -> Announcement:
    detail = {
        "completed-phase": phase["phaseType"],
        "completed-phase-status": phase["phaseStatus"],
        "completed-phase-context": _context(phase),
        "completed-phase-duration-seconds": phase.get("durationInSeconds", 0),
        "completed-phase-start": _moment(phase["startTime"]),
        "completed-phase-end": _moment(phase["endTime"]),
    }
    return _announcement(build, "Phase", detail)


def _announcement(build: Document, what: str, detail: Document) -> Announcement:
    told = {
        "project-name": build["projectName"],
        "build-id": build["arn"],
        "additional-information": _information(build),
        "version": "1",
    }
    return Announcement(_SOURCE, f"CodeBuild Build {what} Change", (build["arn"],), detail | told)


def _information(build: Document) -> Document:
    environment = build["environment"]
    logs = build["logs"]
    information: Document = {
        "artifact": _present(
            {
                "sha256sum": build["artifacts"].get("sha256sum"),
                "location": build["artifacts"].get("location"),
            }
        ),
        "environment": {
            "image": environment["image"],
            "privileged-mode": environment.get("privilegedMode", False),
            "compute-type": environment["computeType"],
            "type": environment["type"],
            "environment-variables": environment.get("environmentVariables", []),
        },
        "timeout-in-minutes": build["timeoutInMinutes"],
        "build-complete": build["buildComplete"],
        "build-number": float(build["buildNumber"]),
        "initiator": build["initiator"],
        "build-start-time": _moment(build["startTime"]),
        "source": _present(
            {"location": build["source"].get("location"), "type": build["source"]["type"]}
        ),
        "logs": {"group-name": logs["groupName"], "stream-name": logs["streamName"]},
        "phases": [_phase(phase) for phase in build["phases"]],
    }
    if version := build.get("sourceVersion"):
        information["source-version"] = version
    return information


def _phase(phase: Document) -> Document:
    shown: Document = {
        "phase-type": phase["phaseType"],
        "start-time": _moment(phase["startTime"]),
    }
    if "phaseStatus" in phase:
        shown |= {
            "phase-context": [_words(context) for context in phase.get("contexts", [])],
            "end-time": _moment(phase["endTime"]),
            "duration-in-seconds": phase.get("durationInSeconds", 0),
            "phase-status": phase["phaseStatus"],
        }
    return shown


def _context(phase: Document) -> str:
    return f"[{', '.join(_words(context) for context in phase.get('contexts', []))}]"


def _words(context: Document) -> str:
    return f"{context.get('statusCode', '')}: {context.get('message', '')}"


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


def _moment(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%b} {moment.day}, {moment.year} {moment.hour % 12 or 12}:{moment:%M:%S %p}"
