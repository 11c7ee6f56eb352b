"""The kinds of action that are performed, and what each may be configured with.

How actions fit together in a pipeline belongs to ``declaration``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.provider import Document

NAME = re.compile(r"[A-Za-z0-9.@\-_]{1,100}")
_LONGEST_VALUE = 1000  # ActionConfigurationValue

#: (category, provider) -> configuration keys performed; required ones end with "!".
PERFORMED: dict[tuple[str, str], tuple[str, ...]] = {
    ("Source", "S3"): ("S3Bucket!", "S3ObjectKey!", "PollForSourceChanges",
                       "AllowOverrideForS3ObjectKey"),
    ("Build", "CodeBuild"): ("ProjectName!", "EnvironmentVariables", "PrimarySource"),
    ("Test", "CodeBuild"): ("ProjectName!", "EnvironmentVariables", "PrimarySource"),
    ("Approval", "Manual"): ("CustomData", "ExternalEntityLink"),
}  # fmt: skip


def action_error(message: str) -> ServiceError:
    """Return CodePipeline's answer to an action that cannot be performed."""
    return ServiceError("InvalidActionDeclarationException", message)


def check_action(stage: Document, action: Document) -> None:
    """Check one action by itself.

    Raises:
        ServiceError: InvalidActionDeclarationException, naming the action and what is at fault.
    """
    where = f"Action {action['name']} in stage {stage['name']}"
    kind = action["actionTypeId"]
    performed = PERFORMED.get((kind["category"], kind["provider"]))
    if performed is None or kind["owner"] != "AWS":
        known = ", ".join(f"{category}/{provider}" for category, provider in PERFORMED)
        raise action_error(
            f"{where}: provider {kind['owner']}/{kind['category']}/{kind['provider']} is not "
            f"performed by the embedded CodePipeline; it performs {known}"
        )
    if not NAME.fullmatch(action["name"]):
        raise action_error(f"{where}: the name must match {NAME.pattern}")
    for member in ("commands", "outputVariables", "environmentVariables", "region"):
        if action.get(member):
            raise action_error(f"{where}: {member} is not performed")
    _check_configuration(where, action["configuration"], performed)
    _check_artifact_counts(where, action)


def _check_configuration(where: str, given: Document, performed: tuple[str, ...]) -> None:
    known = {key.rstrip("!") for key in performed}
    missing = [key[:-1] for key in performed if key.endswith("!") and key[:-1] not in given]
    if missing or set(given) - known:
        raise action_error(
            f"{where}: configuration needs {', '.join(performed)}; missing: {missing}, "
            f"not performed: {sorted(set(given) - known)}"
        )
    for key, value in given.items():
        if not 1 <= len(value) <= _LONGEST_VALUE:
            raise action_error(
                f"{where}: configuration {key} has {len(value)} characters; 1 to "
                f"{_LONGEST_VALUE} are allowed"
            )
    if "S3Bucket" in given and given.get("PollForSourceChanges", "true") != "false":
        raise action_error(
            f"{where}: change detection is not performed; set PollForSourceChanges to 'false'"
        )
    if "EnvironmentVariables" in given:
        parse_environment(where, given["EnvironmentVariables"])


def parse_environment(where: str, text: str) -> list[dict[str, Any]]:
    """Read a CodeBuild action's EnvironmentVariables.

    Raises:
        ServiceError: InvalidActionDeclarationException: not a JSON list of name and value.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise action_error(f"{where}: EnvironmentVariables is not JSON: {error}") from error
    if not isinstance(value, list) or not all(
        isinstance(item, dict) and {"name", "value"} <= set(item) <= {"name", "value", "type"}
        for item in value
    ):
        raise action_error(f"{where}: EnvironmentVariables must be a list of name, value, type")
    return value


def _check_artifact_counts(where: str, action: Document) -> None:
    inputs, outputs = len(action["inputArtifacts"]), len(action["outputArtifacts"])
    allowed = {"Source": ((0, 0), (1, 1)), "Approval": ((0, 0), (0, 0))}.get(
        action["actionTypeId"]["category"], ((1, 1), (0, 1))
    )
    for count, (least, most), word in (
        (inputs, allowed[0], "input"),
        (outputs, allowed[1], "output"),
    ):
        if not least <= count <= most:
            raise action_error(
                f"{where}: {count} {word} artifacts, but {least} to {most} are performed"
            )
