"""What a pipeline may be: a declaration is checked whole before it is stored.

Pure. Checks follow CodePipeline's structure reference; what nobody here performs is refused by
name, so that a pipeline that was accepted can also run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError
from localaws.services.codepipeline import variables
from localaws.services.codepipeline.actiontypes import NAME, action_error, check_action

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from localaws.core.provider import Document

_FEWEST_STAGES = 2
_MODES = ("SUPERSEDED", "QUEUED")


def structure_error(message: str) -> ServiceError:
    """Return CodePipeline's answer to a pipeline whose parts do not fit together."""
    return ServiceError("InvalidStructureException", message)


def _stage_error(message: str) -> ServiceError:
    return ServiceError("InvalidStageDeclarationException", message)


def normalized(pipeline: Document) -> Document:
    """Return the declaration with the defaults that CodePipeline shows in its answers."""
    return pipeline | {
        "executionMode": pipeline.get("executionMode", "SUPERSEDED"),
        "stages": [
            stage | {"actions": [_normalized_action(action) for action in stage["actions"]]}
            for stage in pipeline["stages"]
        ],
    }


def _normalized_action(action: Document) -> Document:
    empty = {"runOrder": 1, "configuration": {}, "inputArtifacts": [], "outputArtifacts": []}
    return empty | action


def check(pipeline: Document) -> None:
    """Check a normalized declaration.

    Raises:
        ServiceError: One of CodePipeline's Invalid...Exceptions, naming what is at fault.
    """
    _check_head(pipeline)
    _unique((stage["name"] for stage in pipeline["stages"]), "stage", structure_error)
    _check_sources_first(pipeline["stages"])
    for stage in pipeline["stages"]:
        _check_stage(stage)
    for stage, action in actions_of(pipeline):
        check_action(stage, action)
    _check_artifacts(pipeline)
    _check_references(pipeline)


def actions_of(pipeline: Document) -> Iterator[tuple[Document, Document]]:
    """Yield (stage, action) in the order in which they can run."""
    for stage in pipeline["stages"]:
        for action in sorted(stage["actions"], key=lambda a: int(a["runOrder"])):
            yield stage, action


def _check_head(pipeline: Document) -> None:
    if not NAME.fullmatch(pipeline["name"]):
        raise structure_error(f"Pipeline name {pipeline['name']!r} must match {NAME.pattern}")
    if pipeline.get("pipelineType") != "V2":
        raise structure_error("Only pipelineType V2 is performed; V1 has no variables")
    if pipeline["executionMode"] not in _MODES:
        raise structure_error(
            f"executionMode {pipeline['executionMode']} is not performed; use {' or '.join(_MODES)}"
        )
    if pipeline.get("triggers"):
        raise structure_error("triggers are not performed: start executions through the API")
    if "artifactStore" not in pipeline or "artifactStores" in pipeline:
        raise structure_error("Exactly one artifactStore is needed; artifactStores (cross-region) "
                              "is not performed")  # fmt: skip
    if len(pipeline["stages"]) < _FEWEST_STAGES:
        raise structure_error("Pipeline has fewer than 2 stages")
    _check_variables(pipeline.get("variables", []))


def _check_variables(declared: list[Document]) -> None:
    _unique((variable["name"] for variable in declared), "variable", structure_error)
    for variable in declared:
        if not variables.NAME.fullmatch(variable["name"]):
            raise structure_error(f"Variable name {variable['name']!r} is not valid")


def _check_sources_first(stages: list[Document]) -> None:
    for number, stage in enumerate(stages):
        for action in stage["actions"]:
            if (action["actionTypeId"]["category"] == "Source") != (number == 0):
                raise structure_error(
                    f"Action {action['name']} in stage {stage['name']}: the first stage must hold "
                    "only source actions, and no other stage any"
                )


def _check_stage(stage: Document) -> None:
    if not NAME.fullmatch(stage["name"]) or not stage["actions"]:
        raise _stage_error(f"Stage {stage['name']!r} needs a valid name and at least one action")
    for member in ("blockers", "onFailure", "onSuccess", "beforeEntry"):
        if stage.get(member):
            raise _stage_error(f"Stage {stage['name']}: {member} is not performed")
    _unique(
        (action["name"] for action in stage["actions"]),
        f"action in stage {stage['name']}",
        action_error,
    )


def _check_artifacts(pipeline: Document) -> None:
    produced: set[str] = set()
    waiting: list[tuple[tuple[str, int], set[str]]] = []
    for stage, action in actions_of(pipeline):
        place = (stage["name"], int(action["runOrder"]))
        # Outputs of actions with the same runOrder run in parallel and cannot be inputs.
        for _, outputs in [item for item in waiting if item[0] != place]:
            produced |= outputs
        for artifact in action["inputArtifacts"]:
            if artifact["name"] not in produced:
                raise action_error(
                    f"Action {action['name']} in stage {stage['name']}: input artifact "
                    f"{artifact['name']} is not produced by an earlier action"
                )
        for artifact in action["outputArtifacts"]:
            if any(artifact["name"] in outputs for _, outputs in waiting):
                raise action_error(f"Artifact {artifact['name']} is produced by two actions")
        waiting.append((place, {artifact["name"] for artifact in action["outputArtifacts"]}))


def _check_references(pipeline: Document) -> None:
    declared = {variable["name"] for variable in pipeline.get("variables", [])}
    namespaces: set[str] = set()
    for stage, action in actions_of(pipeline):
        for namespace, name in variables.references(action["configuration"]):
            known = (
                name in declared
                if namespace == "variables"
                else namespace == "codepipeline" or namespace in namespaces
            )
            if not known:
                raise action_error(
                    f"Action {action['name']} in stage {stage['name']} refers to "
                    f"#{{{namespace}.{name}}}, which no variable or earlier namespace declares"
                )
        if own := action.get("namespace"):
            if own in namespaces | {"variables", "codepipeline"}:
                raise action_error(f"Namespace {own} is used twice or reserved")
            namespaces.add(own)


def _unique(names: Iterable[str], what: str, error: Any) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise error(f"There are two {what}s named {name}")
        seen.add(name)
