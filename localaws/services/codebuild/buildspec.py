"""A buildspec as data: read strictly, so that nothing in it is silently ignored.

Executing one does not belong here. Keys that real CodeBuild knows but nobody here performs are
refused by name; a build that ignored half of its instructions would be a canned success.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")

_TOP_KEYS = {"version", "env", "phases", "artifacts"}
_ENV_KEYS = {"shell", "variables", "parameter-store", "exported-variables"}
_PHASE_KEYS = {"commands", "finally", "runtime-versions"}
_ARTIFACT_KEYS = {"files", "base-directory", "discard-paths", "name"}
_LARGEST_BYTES = 256 * 1024


class BuildspecError(ValueError):
    """The buildspec cannot be performed; the text says which key, and what was expected."""


@dataclass(frozen=True, slots=True)
class Phase:
    """The commands of one phase; ``finally_`` runs whether they succeed or not."""

    commands: tuple[str, ...] = ()
    finally_: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Which files of the build become its output artifact."""

    files: tuple[str, ...]
    base_directory: str = "."
    discard_paths: bool = False


@dataclass(frozen=True, slots=True)
class Buildspec:
    """A whole buildspec, version 0.2."""

    variables: dict[str, str] = field(default_factory=dict)
    parameter_store: dict[str, str] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    phases: dict[str, Phase] = field(default_factory=dict)
    artifacts: Artifacts | None = None


def parse(text: str) -> Buildspec:
    """Read a buildspec.

    Raises:
        BuildspecError: It is no YAML, not version 0.2, or holds something not performed here.
    """
    document = _load(text)
    _only(document, _TOP_KEYS, "buildspec")
    if str(document.get("version")) != "0.2":
        raise BuildspecError(f"version: expected 0.2, found {document.get('version')!r}")
    environment = _mapping(document.get("env"), "env")
    _only(environment, _ENV_KEYS, "env")
    if environment.get("shell", "bash") != "bash":
        raise BuildspecError(f"env.shell: only bash is performed, not {environment['shell']!r}")
    return Buildspec(
        variables=_texts_by_name(environment.get("variables"), "env.variables"),
        parameter_store=_texts_by_name(environment.get("parameter-store"), "env.parameter-store"),
        exported=_texts(environment.get("exported-variables"), "env.exported-variables"),
        phases=_phases(document.get("phases")),
        artifacts=_artifacts(document.get("artifacts")),
    )


def _load(text: str) -> dict[str, Any]:
    if len(text) > _LARGEST_BYTES:
        raise BuildspecError(f"larger than {_LARGEST_BYTES} bytes")
    try:
        return _mapping(yaml.safe_load(text), "buildspec")
    except yaml.YAMLError as error:
        raise BuildspecError(f"not readable as YAML: {error}") from error


def _phases(value: Any) -> dict[str, Phase]:
    phases = _mapping(value, "phases")
    _only(phases, set(PHASES), "phases")
    if not phases:
        raise BuildspecError("phases: at least one of " + ", ".join(PHASES) + " is expected")
    return {name: _phase(phases[name], f"phases.{name}") for name in PHASES if name in phases}


def _phase(value: Any, where: str) -> Phase:
    phase = _mapping(value, where)
    # runtime-versions chooses among an image's interpreters; here there is exactly one, this one.
    _only(phase, _PHASE_KEYS, where)
    return Phase(
        commands=_texts(phase.get("commands"), f"{where}.commands"),
        finally_=_texts(phase.get("finally"), f"{where}.finally"),
    )


def _artifacts(value: Any) -> Artifacts | None:
    if value is None:
        return None
    artifacts = _mapping(value, "artifacts")
    _only(artifacts, _ARTIFACT_KEYS, "artifacts")
    files = _texts(artifacts.get("files"), "artifacts.files")
    if not files:
        raise BuildspecError("artifacts.files: at least one pattern is expected")
    discard = artifacts.get("discard-paths", False)
    return Artifacts(
        files=files,
        base_directory=str(artifacts.get("base-directory", ".")),
        discard_paths=discard is True or discard == "yes",
    )


def _only(mapping: dict[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(mapping) - known)
    if unknown:
        raise BuildspecError(
            f"{where}: {', '.join(unknown)} is not performed by the embedded CodeBuild; "
            f"it knows {', '.join(sorted(known))}"
        )


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BuildspecError(f"{where}: expected a mapping, found {type(value).__name__}")
    return {str(key): item for key, item in value.items()}


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BuildspecError(
            f"{where}: expected a list of strings; a command with ': ' in it needs quotes"
        )
    return tuple(value)


def _texts_by_name(value: Any, where: str) -> dict[str, str]:
    mapping = _mapping(value, where)
    for name, item in mapping.items():
        if isinstance(item, dict | list) or item is None:
            raise BuildspecError(f"{where}.{name}: expected a string")
    return {name: str(item) for name, item in mapping.items()}
