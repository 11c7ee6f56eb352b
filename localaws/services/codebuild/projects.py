"""What a CodeBuild project may be here, and how a start request becomes a build document.

Pure: no state, no AWS. What nobody here performs is refused by name instead of stored and ignored.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError
from localaws.services.codebuild import records

if TYPE_CHECKING:
    from localaws.core.provider import Call, Document

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-_]{1,149}")
_DEFAULT_TIMEOUT_MINUTES = 60
_SOURCES = ("S3", "CODEPIPELINE", "NO_SOURCE")
_VARIABLE_TYPES = ("PLAINTEXT", "PARAMETER_STORE")
_NOT_PERFORMED = (
    "secondarySources", "secondaryArtifacts", "fileSystemLocations", "buildBatchConfig",
)  # fmt: skip
_START_PERFORMED = {
    "projectName", "sourceVersion", "artifactsOverride", "environmentVariablesOverride",
    "sourceTypeOverride", "sourceLocationOverride", "buildspecOverride", "serviceRoleOverride",
    "timeoutInMinutesOverride", "idempotencyToken",
}  # fmt: skip


def invalid(message: str) -> ServiceError:
    """Return CodeBuild's answer to a request it cannot accept."""
    return ServiceError("InvalidInputException", message)


def check_project(project: Document) -> None:
    """Refuse a project that is malformed or asks for what is not performed.

    Raises:
        ServiceError: InvalidInputException, naming the member.
    """
    if not _NAME.fullmatch(project["name"]):
        raise invalid(f"Project name {project['name']!r} must match {_NAME.pattern}")
    refused = [member for member in _NOT_PERFORMED if project.get(member)]
    if refused:
        raise invalid(f"The embedded CodeBuild does not perform {', '.join(refused)}")
    if project["environment"].get("privilegedMode"):
        raise invalid("The embedded CodeBuild has no containers: privilegedMode is not performed")
    _check_source(project["source"])
    _check_pair(project["source"]["type"], project["artifacts"]["type"])
    check_variables(project["environment"].get("environmentVariables", []))


def _check_source(source: Document) -> None:
    if source["type"] not in _SOURCES:
        raise invalid(f"Source type {source['type']} is not performed; use {', '.join(_SOURCES)}")
    if source["type"] == "S3" and "/" not in source.get("location", ""):
        raise invalid("An S3 source needs location 'bucket/key.zip'")
    if source["type"] == "NO_SOURCE" and "\n" not in source.get("buildspec", ""):
        raise invalid("A project without source needs an inline buildspec")


def _check_pair(source: str, artifacts: str) -> None:
    if (source == "CODEPIPELINE") != (artifacts == "CODEPIPELINE"):
        raise invalid("Source and artifacts must both be CODEPIPELINE or neither")


def check_variables(variables: list[Document]) -> None:
    """Refuse environment variable types that are not performed.

    Raises:
        ServiceError: InvalidInputException, naming the variable.
    """
    for variable in variables:
        if variable.get("type", "PLAINTEXT") not in _VARIABLE_TYPES:
            raise invalid(
                f"Environment variable {variable['name']}: type {variable['type']} is not "
                f"performed; use {', '.join(_VARIABLE_TYPES)}"
            )


def new_build(project: Document, request: Document, call: Call, number: int, uuid: str) -> Document:
    """Return the document of a build that starts now.

    Raises:
        ServiceError: InvalidInputException: the request asks for what is not performed.
    """
    unknown = sorted(set(request) - _START_PERFORMED)
    if unknown:
        raise invalid(f"The embedded CodeBuild does not perform {', '.join(unknown)}")
    check_variables(request.get("environmentVariablesOverride", []))
    source = _source(project, request)
    build_id = f"{project['name']}:{uuid}"
    now = time.time()
    group = f"/aws/codebuild/{project['name']}"
    submitted = {"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED", "startTime": now}
    build: Document = {
        "id": build_id,
        "arn": f"arn:aws:codebuild:{call.region}:{call.account_id}:build/{build_id}",
        "buildNumber": number,
        "startTime": now,
        "currentPhase": "QUEUED",
        "buildStatus": records.UNDER_WAY,
        "projectName": project["name"],
        "phases": [submitted | {"endTime": now, "durationInSeconds": 0}],
        "source": source,
        "artifacts": _artifacts(request.get("artifactsOverride") or project["artifacts"], build_id),
        "environment": project["environment"]
        | {"environmentVariables": records.environment_of(project, request)},
        "serviceRole": request.get("serviceRoleOverride") or project["serviceRole"],
        "logs": {"groupName": group, "streamName": uuid},
        "timeoutInMinutes": _timeout(project, request),
        "buildComplete": False,
        "initiator": _initiator(call),
        "exportedEnvironmentVariables": [],
    }
    if version := request.get("sourceVersion") or project.get("sourceVersion"):
        build["sourceVersion"] = version
    return build


def _source(project: Document, request: Document) -> Document:
    source = dict(project["source"])
    overrides = {
        "type": request.get("sourceTypeOverride"),
        "location": request.get("sourceLocationOverride"),
        "buildspec": request.get("buildspecOverride"),
    }
    source |= {name: value for name, value in overrides.items() if value}
    if source["type"] == "CODEPIPELINE":
        raise invalid(
            f"Project {project['name']} has source type CODEPIPELINE: only CodePipeline starts it, "
            "or a start with sourceTypeOverride"
        )
    _check_source(source)
    return source


def _artifacts(declared: Document, build_id: str) -> dict[str, Any]:
    if declared["type"] != "S3":
        return {"location": ""}
    parts = [declared.get("path", "").strip("/")]
    if declared.get("namespaceType") == "BUILD_ID":
        parts.append(build_id.rsplit(":", 1)[-1])
    parts.append(declared.get("name") or build_id.split(":", 1)[0])
    key = "/".join(part for part in parts if part)
    return {"location": f"arn:aws:s3:::{declared['location']}/{key}"}


def _timeout(project: Document, request: Document) -> int:
    minutes = request.get("timeoutInMinutesOverride") or project.get("timeoutInMinutes")
    return int(minutes or _DEFAULT_TIMEOUT_MINUTES)


def _initiator(call: Call) -> str:
    return call.principal_arn.rsplit(":", 1)[-1]
