"""How a CodeBuild action starts its build, waits for it, and words its failure.

Nothing of stages or executions belongs here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localaws.services.codepipeline import actiontypes, variables

if TYPE_CHECKING:
    import threading

    from localaws.core.provider import Document
    from localaws.services.codepipeline.actions import Job

_FIRST_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 0.5
_POLL_GROWTH = 1.2


class UnfitProjectError(ValueError):
    """The CodeBuild project does not exist or does not take its source from CodePipeline."""


def start_request(job: Job, output: dict[str, str] | None) -> Document:
    """Return StartBuild's parameters for an action.

    Raises:
        UnfitProjectError: The project cannot be run by a pipeline.
        UnresolvedError: An environment variable refers to a variable without a value.
    """
    project = job.configuration["ProjectName"]
    _check_project(job, project)
    source = job.execution["artifacts"][job.declared["inputArtifacts"][0]["name"]]
    return {
        "projectName": project,
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": f"{source['bucket']}/{source['key']}",
        "artifactsOverride": _artifacts(output),
        "environmentVariablesOverride": _environment(job),
        "idempotencyToken": job.action_id,
    }


def _check_project(job: Job, project: str) -> None:
    found = job.client("codebuild").batch_get_projects(names=[project])["projects"]
    if not found:
        raise UnfitProjectError(
            f"CodeBuild project {project} does not exist in account {job.account}"
        )
    if found[0]["source"]["type"] != "CODEPIPELINE":
        raise UnfitProjectError(f"CodeBuild project {project} must have source type CODEPIPELINE")


def _artifacts(output: dict[str, str] | None) -> Document:
    if output is None:
        return {"type": "NO_ARTIFACTS"}
    path, _, name = output["key"].rpartition("/")
    return {
        "type": "S3",
        "location": output["bucket"],
        "path": path,
        "name": name,
        "namespaceType": "NONE",
        "packaging": "ZIP",
    }


def _environment(job: Job) -> list[dict[str, Any]]:
    # Read before resolving: a value with a quote in it must not be able to change the JSON.
    declared = job.declared["configuration"].get("EnvironmentVariables")
    if declared is None:
        return []
    known = job.known_variables()
    return [
        variable | {"value": variables.resolve(variable["value"], known)}
        for variable in actiontypes.parse_environment(job.declared["name"], declared)
    ]


def wait(codebuild: Any, build_id: str, stopping: threading.Event) -> Document | None:
    """Wait until a build has ended and return it; None if the server stops first."""
    pause = _FIRST_POLL_SECONDS
    while not stopping.wait(pause):
        build: Document = codebuild.batch_get_builds(ids=[build_id])["builds"][0]
        if build["buildStatus"] != "IN_PROGRESS":
            return build
        pause = min(pause * _POLL_GROWTH, _LONGEST_POLL_SECONDS)
    return None


def failure_message(build: Document) -> str:
    """Say which phase of a build failed, and with what message, in CodePipeline's words."""
    for phase in build["phases"]:
        if phase.get("phaseStatus") not in (None, "SUCCEEDED"):
            context = (phase.get("contexts") or [{}])[0]
            return (
                f"Build terminated with state: {build['buildStatus']}. "
                f"Phase: {phase['phaseType']}, Code: {context.get('statusCode', '')}, "
                f"Message: {context.get('message', '')}"
            )
    return f"Build terminated with state: {build['buildStatus']}. {json.dumps(build['id'])}"
