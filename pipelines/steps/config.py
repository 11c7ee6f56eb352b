"""What a step is told about its use case: `config.json`, read strictly.

Shapes and their checks only. Where values come from belongs to the use case's declaration.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, cast

from pipelines.steps.command import StepError, read_json

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["numeric", "categorical"]
_MEND = "Mend the use case's declaration and start the pipeline again."


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the model."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Split:
    """How many last days are tested on, and how many before them steer early stopping."""

    validation_days: int
    test_days: int


@dataclass(frozen=True, slots=True)
class StepConfig:
    """Everything the steps need to know of a use case.

    Attributes:
        gates: Gate parameters as declared; `decisions.gates` parses them.
        decision_threshold: Probability from which a row is called positive.
    """

    use_case: str
    label: str
    event_time: str
    id: str
    features: tuple[Feature, ...]
    split: Split
    seed: int
    minimum_rows: int
    decision_threshold: float
    hyperparameters: dict[str, str | int | float | bool] = field(default_factory=dict)
    gates: tuple[dict[str, Any], ...] = ()
    bias_facets: tuple[str, ...] = ()

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categorical features, in order."""
        return tuple(feature.name for feature in self.features if feature.kind == "categorical")

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column a training set must have, each once."""
        names = (self.id, self.event_time, self.label)
        inputs = tuple(feature.name for feature in self.features)
        return tuple(dict.fromkeys(names + inputs + self.bias_facets))


def read_config(path: Path) -> StepConfig:
    """Read and check a `config.json`.

    Raises:
        StepError: It is missing, is not JSON, or a field is unknown, missing or of a wrong type.
    """
    return parse_config(read_json(path, "the step configuration"), str(path))


def parse_config(document: Any, where: str) -> StepConfig:
    """Check a step configuration that was read already.

    Raises:
        StepError: A field is unknown, missing or of a wrong type.
    """
    names = {item.name: item for item in fields(StepConfig)}
    optional = {"hyperparameters", "gates", "bias_facets"}
    _keys(document, set(names), set(names) - optional, where)
    split = _object(document, "split", where)
    _keys(split, {"validation_days", "test_days"}, {"validation_days", "test_days"}, where)
    return StepConfig(
        use_case=_text(document, "use_case", where),
        label=_text(document, "label", where),
        event_time=_text(document, "event_time", where),
        id=_text(document, "id", where),
        features=_features(document, where),
        split=Split(
            _whole(split, "validation_days", where, 1), _whole(split, "test_days", where, 1)
        ),
        seed=_whole(document, "seed", where, 0),
        minimum_rows=_whole(document, "minimum_rows", where, 1),
        decision_threshold=_share(document, "decision_threshold", where),
        hyperparameters=_hyperparameters(document, where),
        gates=tuple(_list(document, "gates", where, dict)),
        bias_facets=tuple(_list(document, "bias_facets", where, str)),
    )


def _problem(where: str, name: str, found: Any, expected: str) -> StepError:
    return StepError(f"{where}: {name} is {found!r}; expected {expected}. {_MEND}")


def _keys(document: Any, allowed: set[str], required: set[str], where: str) -> None:
    if not isinstance(document, dict):
        raise _problem(where, "the configuration", type(document).__name__, "a JSON object")
    for name in sorted(set(document) - allowed):
        raise _problem(where, "unknown field", name, f"one of {sorted(allowed)}")
    for name in sorted(required - set(document)):
        raise _problem(where, name, None, "a value; the field is missing")


def _object(document: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    value = document[name]
    if not isinstance(value, dict):
        raise _problem(where, name, value, "a JSON object")
    return value


def _text(document: dict[str, Any], name: str, where: str) -> str:
    value = document[name]
    if not isinstance(value, str) or not value:
        raise _problem(where, name, value, "a text that is not empty")
    return value


def _whole(document: dict[str, Any], name: str, where: str, least: int) -> int:
    value = document[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _problem(where, name, value, f"a whole number of at least {least}")
    return value


def _share(document: dict[str, Any], name: str, where: str) -> float:
    value = document[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise _problem(where, name, value, "a number between 0 and 1")
    return float(value)


def _list(document: dict[str, Any], name: str, where: str, kind: type) -> list[Any]:
    value = document.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise _problem(where, name, value, f"a list of {kind.__name__}")
    return value


def _features(document: dict[str, Any], where: str) -> tuple[Feature, ...]:
    found = []
    for item in _list(document, "features", where, dict):
        _keys(item, {"name", "kind"}, {"name", "kind"}, where)
        if item["kind"] not in ("numeric", "categorical"):
            raise _problem(where, f"kind of {item['name']}", item["kind"], "numeric or categorical")
        found.append(Feature(_text(item, "name", where), cast("Kind", item["kind"])))
    names = [feature.name for feature in found]
    reserved = {document["label"], document["event_time"], document["id"]}
    if not names or len(set(names)) != len(names) or reserved & set(names):
        raise _problem(where, "features", names, "distinct names, none of them label, time or id")
    return tuple(found)


def _hyperparameters(document: dict[str, Any], where: str) -> dict[str, str | int | float | bool]:
    value = document.get("hyperparameters", {})
    if not isinstance(value, dict):
        raise _problem(where, "hyperparameters", value, "a JSON object")
    for name, found in value.items():
        if not isinstance(found, str | int | float | bool):
            raise _problem(where, f"hyperparameters.{name}", found, "a text, number or boolean")
    return value
