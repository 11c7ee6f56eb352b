"""Serving: how a model reads a flight, a customer, a row, and answers with a probability.

This file travels inside the model artifact (`code/inference.py`) and is all that serving needs, so
it imports numpy and LightGBM and nothing of the project. The encoding lives here for that reason:
training, evaluation and serving all encode with this very code.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MODEL_FORMAT = 1
MAX_INSTANCES = 1000
UNKNOWN_CODE = 0
"""Code of a category that training did not see, or saw too rarely. Codes of known ones follow."""

MAX_CATEGORIES = 254
MIN_CATEGORY_ROWS = 10
_JSON = "application/json"

Matrix = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How raw values become the numbers a model was trained on.

    Attributes:
        features: (name, "numeric" or "categorical") in the order of the model's columns.
        categories: Known values of each categorical feature; a value's code is its place plus one.
    """

    features: tuple[tuple[str, str], ...]
    categories: dict[str, tuple[str, ...]]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Encoding:
        """Read the `features` and `categories` of an `encoding.json` or `model.json`."""
        features = tuple((item["name"], item["kind"]) for item in document["features"])
        categories = {name: tuple(values) for name, values in document["categories"].items()}
        return cls(features, categories)

    def document(self) -> dict[str, Any]:
        """Give the JSON form that `from_document` reads."""
        return {
            "features": [{"name": name, "kind": kind} for name, kind in self.features],
            "categories": {name: list(values) for name, values in self.categories.items()},
        }

    def matrix(self, columns: Mapping[str, Any]) -> Matrix:
        """Encode raw columns: numbers (NaN or None if missing), or texts (None if missing)."""
        encoded = [self._encode(name, kind, columns[name]) for name, kind in self.features]
        return np.column_stack(encoded)

    def _encode(self, name: str, kind: str, values: Any) -> Matrix:
        if kind == "numeric":
            return np.asarray(values, dtype=np.float64)
        codes = {value: at for at, value in enumerate(self.categories[name], UNKNOWN_CODE + 1)}
        missing = float("nan")
        return np.array(
            [missing if value is None else codes.get(value, UNKNOWN_CODE) for value in values],
            dtype=np.float64,
        )


def learn_categories(values: Sequence[str | None]) -> tuple[str, ...]:
    """Choose the values that get a code of their own: frequent first, then by name."""
    counted = Counter(value for value in values if value is not None)
    kept = [(-rows, value) for value, rows in counted.items() if rows >= MIN_CATEGORY_ROWS]
    return tuple(value for _, value in sorted(kept)[:MAX_CATEGORIES])


@dataclass(frozen=True, slots=True)
class Model:
    """A trained model with what it takes to use it."""

    booster: Any
    encoding: Encoding
    decision_threshold: float

    def probabilities(self, columns: Mapping[str, Any]) -> Matrix:
        """Give the probability of label 1 for raw columns."""
        # One thread: a request is small, and an endpoint's threads are its concurrent requests.
        found: Matrix = self.booster.predict(self.encoding.matrix(columns), num_threads=1)
        return found


def lightgbm() -> Any:
    """Import LightGBM without its optional pandas and scikit-learn halves, unused here.

    They would make every step, and every endpoint's start, some four seconds slower.
    """
    with _absent("pandas", "sklearn", "matplotlib"):
        import lightgbm as found
    return found


@contextlib.contextmanager
def _absent(*names: str) -> Iterator[None]:
    """Make packages that are not imported yet look as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment] # the documented way to block an import
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def model_fn(model_dir: str) -> Model:
    """Load `model.txt` and `model.json` from the model folder.

    Raises:
        ValueError: `model.json` is of a format this code does not know.
    """
    folder = Path(model_dir)
    document = json.loads((folder / "model.json").read_bytes())
    if document.get("format") != MODEL_FORMAT:
        raise ValueError(
            f"{folder / 'model.json'} has format {document.get('format')!r}; "
            f"expected {MODEL_FORMAT}. Serve it with the code that it was trained with."
        )
    booster = lightgbm().Booster(model_file=str(folder / "model.txt"))
    return Model(booster, Encoding.from_document(document), float(document["decision_threshold"]))


def input_fn(body: bytes | str, content_type: str) -> list[dict[str, Any]]:
    """Read `{"instances": [{feature: value, ...}, ...]}`.

    Raises:
        ValueError: The content type, the JSON or its shape is not that, or, inside an artifact, an
            instance does not fit its features.
    """
    if content_type.partition(";")[0].strip().lower() != _JSON:
        raise ValueError(f"content type is {content_type!r}; expected {_JSON}")
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"the request body is not JSON: {error}") from error
    if not isinstance(document, dict) or set(document) != {"instances"}:
        raise ValueError('the request body must be {"instances": [...]} and nothing else')
    instances = document["instances"]
    if not isinstance(instances, list) or not 0 < len(instances) <= MAX_INSTANCES:
        raise ValueError(f"instances must be a list of 1 to {MAX_INSTANCES} objects")
    encoding = _own_encoding()
    if encoding is not None:  # here already, where a refusal counts as the caller's fault
        instance_columns(instances, encoding)
    return instances


def predict_fn(data: list[dict[str, Any]], model: Model) -> list[dict[str, Any]]:
    """Give probability and label for each instance.

    Raises:
        ValueError: An instance lacks a feature, has an unknown one, or a value of a wrong type.
    """
    columns = instance_columns(data, model.encoding)
    threshold = model.decision_threshold
    return [
        {"probability": float(probability), "label": int(probability >= threshold)}
        for probability in model.probabilities(columns)
    ]


def output_fn(prediction: list[dict[str, Any]], accept: str) -> str:
    """Write `{"predictions": [{"probability": ..., "label": ...}, ...]}`.

    Raises:
        ValueError: The caller accepts no JSON.
    """
    accepted = {part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")}
    if not accepted & {_JSON, "application/*", "*/*"}:
        raise ValueError(f"accept is {accept!r}; only {_JSON} is answered")
    return json.dumps({"predictions": prediction}, allow_nan=False)


def instance_columns(instances: Sequence[Any], encoding: Encoding) -> dict[str, list[Any]]:
    """Turn instances into raw columns, checking each value.

    Raises:
        ValueError: Names the instance and the feature that is missing, unknown or of a wrong type.
    """
    expected = {name for name, _ in encoding.features}
    for at, instance in enumerate(instances):
        if not isinstance(instance, dict):
            raise ValueError(f"instances[{at}] must be an object of features")  # noqa: TRY004
        for name in sorted(expected - set(instance)):
            raise ValueError(
                f"instances[{at}] lacks the feature {name!r}; give it, null if unknown"
            )
        for name in sorted(set(instance) - expected):
            raise ValueError(f"instances[{at}] has {name!r}, which is no feature of this model")
    return {
        name: [_value(at, name, kind, row[name]) for at, row in enumerate(instances)]
        for name, kind in encoding.features
    }


def _value(at: int, name: str, kind: str, value: Any) -> float | str | None:
    if value is None:
        return None
    if kind == "categorical" and isinstance(value, str | int):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if kind == "numeric" and isinstance(value, int | float):
        number = float(value) if abs(value) < sys.float_info.max else math.inf
        if math.isfinite(number):
            return number
    expected = "a finite number" if kind == "numeric" else "a text, whole number or boolean"
    raise ValueError(f"instances[{at}].{name} is {str(value)[:80]!r}; expected {expected} or null")


@functools.cache
def _own_encoding() -> Encoding | None:
    """Give the encoding of the artifact in whose `code/` this file lies, if it lies in one."""
    path = Path(__file__).resolve().parent.parent / "model.json"
    return Encoding.from_document(json.loads(path.read_bytes())) if path.is_file() else None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"the request body has {name}, which JSON does not know; give null instead")
