"""A pipeline definition read and checked: its steps as nodes with what each one needs.

What cannot be performed here is refused when the pipeline is created, naming type and step.
Resolving expressions is in `expressions.py`, running in `executor.py`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.sagemaker.pipelines import conditions
from localaws.services.sagemaker.pipelines.expressions import ExpressionError, gets, split_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.core.provider import Document

#: https://aws-sagemaker-mlops.github.io/sagemaker-model-building-pipeline-definition-JSON-schema/
VERSION = "2020-12-01"
STEP_TYPES = {"Processing", "Training", "RegisterModel", "Model", "Condition", "Fail"}
PARAMETER_TYPES = {"String", "Integer", "Float", "Boolean"}
EXECUTION_VARIABLES = {
    "StartDateTime", "CurrentDateTime", "PipelineName", "PipelineArn", "PipelineExecutionId",
    "PipelineExecutionArn", "TrainingJobName", "ProcessingJobName",
}  # fmt: skip
_STEP_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")


@dataclass(frozen=True)
class Node:
    """One step.

    Attributes:
        parent: Condition step it belongs to and the branch, or None at the top.
        needs: Steps that must have succeeded before.
    """

    name: str
    kind: str
    step: Document
    parent: tuple[str, bool] | None
    needs: frozenset[str]

    @property
    def arguments(self) -> Document:
        """The step's Arguments."""
        arguments: Document = self.step.get("Arguments", {})
        return arguments


@dataclass(frozen=True)
class Definition:
    """A checked definition: parameters by name, nodes by name in order of appearance."""

    parameters: dict[str, Document]
    nodes: dict[str, Node]


def read(text: str) -> Definition:
    """Read and check a definition.

    Raises:
        ServiceError: ValidationException saying what is wrong, and in which step.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _invalid(f"it is not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Steps"), list):
        raise _invalid("it has no list of Steps")
    if document.get("Version") != VERSION:
        raise _invalid(f"its Version is {document.get('Version')!r}, not {VERSION!r}")
    nodes: dict[str, Node] = {}
    for node in _nodes(document["Steps"], None):
        if node.name in nodes:
            raise _invalid(f"two steps have the name {node.name!r}")
        nodes[node.name] = node
    if not nodes:
        raise _invalid("it has no steps")
    definition = Definition(_parameters(document), nodes)
    for node in nodes.values():
        _check_references(node, definition)
    _check_order(nodes)
    return definition


def _nodes(steps: list[Document], parent: tuple[str, bool] | None) -> Iterator[Node]:
    for step in steps:
        name, kind = str(step.get("Name")), str(step.get("Type"))
        if not _STEP_NAME.fullmatch(name):
            raise _invalid(f"the step name {name!r} does not match {_STEP_NAME.pattern}")
        if kind not in STEP_TYPES:
            raise _invalid(
                f"step {name!r} is of type {kind!r}, which the embedded AWS does not perform "
                f"(it performs {', '.join(sorted(STEP_TYPES))})"
            )
        own = {key: value for key, value in step.items() if key != "Arguments"}
        arguments = dict(step.get("Arguments", {}))
        branches = [(arguments.pop(key, []), taken) for key, taken in _BRANCHES]
        _check_step(name, kind, arguments)
        needs = {_step_of(name, each) for each in gets(arguments) if each.startswith("Steps.")}
        needs |= set(step.get("DependsOn", []))
        yield Node(name, kind, own | {"Arguments": arguments}, parent, frozenset(needs))
        for nested, taken in branches:
            yield from _nodes(nested, (name, taken))


_BRANCHES = (("IfSteps", True), ("ElseSteps", False))


def _check_step(name: str, kind: str, arguments: Document) -> None:
    if kind == "Condition":
        unknown = conditions.types_of(arguments.get("Conditions", [])) - conditions.TYPES
        if unknown or not arguments.get("Conditions"):
            raise _invalid(f"step {name!r} has no or unknown conditions {sorted(unknown)}")
    if kind == "Fail" and "ErrorMessage" not in arguments:
        raise _invalid(f"step {name!r} has no ErrorMessage")


def _step_of(name: str, target: str) -> str:
    try:
        return split_step(target)[0]
    except ExpressionError as error:
        raise _invalid(f"step {name!r}: {error}") from error


def _parameters(document: Document) -> dict[str, Document]:
    parameters = {}
    for parameter in document.get("Parameters", []):
        if parameter.get("Type") not in PARAMETER_TYPES:
            raise _invalid(
                f"parameter {parameter.get('Name')!r} is of unknown type {parameter.get('Type')!r}"
            )
        parameters[str(parameter["Name"])] = parameter
    return parameters


def _check_references(node: Node, definition: Definition) -> None:
    for need in node.needs:
        if need not in definition.nodes or need == node.name:
            raise _invalid(f"step {node.name!r} depends on the unknown step {need!r}")
    for target in gets(node.arguments):
        family, _, rest = target.partition(".")
        known = {
            "Parameters": rest in definition.parameters,
            "Execution": rest in EXECUTION_VARIABLES,
            "Steps": True,
        }
        if not known.get(family, False):
            raise _invalid(f"step {node.name!r} refers to the unknown {target!r}")
        if family == "Steps":
            _check_property_file(node.name, target, definition)


def _check_property_file(name: str, target: str, definition: Definition) -> None:
    step, path = split_step(target)
    if not path.startswith(".PropertyFiles."):
        return
    files = definition.nodes[step].step.get("PropertyFiles", [])
    wanted = path.removeprefix(".PropertyFiles.")
    if wanted not in {each["PropertyFileName"] for each in files}:
        raise _invalid(f"step {name!r} refers to the unknown property file {target!r}")


def _check_order(nodes: dict[str, Node]) -> None:
    settled: set[str] = set()
    while len(settled) < len(nodes):
        free = {
            node.name
            for node in nodes.values()
            if node.name not in settled
            and node.needs <= settled
            and (node.parent is None or node.parent[0] in settled)
        }
        if not free:
            raise _invalid(f"the steps {sorted(nodes.keys() - settled)} depend on one another")
        settled |= free


def _invalid(problem: str) -> ServiceError:
    return ServiceError("ValidationException", f"Invalid pipeline definition: {problem}.")
