"""Second step: split by time, and learn the encoding from the training part alone.

Train and validation are written encoded, as the booster wants them. The test part keeps its raw
columns, because challenger and champion each encode it by their own `model.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pipelines.steps import command, data
from pipelines.steps.command import ML_INPUT, ML_OUTPUT, StepError
from pipelines.steps.config import StepConfig, read_config
from pipelines.steps.inference import Encoding, learn_categories

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHAT = "the training set"
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Parts:
    """The three parts as tables, oldest first."""

    train: Any
    validation: Any
    test: Any


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step; the options are its contract."""
    parser = command.parser("prepare", __doc__ or "")
    parser.add_argument("--training-set", type=Path, default=Path(ML_INPUT, "training_set"))
    parser.add_argument("--config", type=Path, default=Path(ML_INPUT, "config/config.json"))
    for name in ("train", "validation", "test", "encoding"):
        parser.add_argument(f"--{name}", type=Path, default=Path(ML_OUTPUT, name))
    found = parser.parse_args(command.arguments(argv))

    def body() -> None:
        config = read_config(found.config)
        parts = split(data.read_table(found.training_set / "data", _WHAT), config)
        encoding = learn_encoding(parts.train, config)
        data.write_table(encoded(parts.train, encoding, config), found.train / "data.parquet")
        data.write_table(
            encoded(parts.validation, encoding, config), found.validation / "data.parquet"
        )
        data.write_table(parts.test, found.test / "data.parquet")
        command.write_json(found.encoding / "encoding.json", encoding.document())

    return command.run("prepare", body, found.message)


def split(table: Any, config: StepConfig) -> Parts:
    """Cut the rows at fixed distances before the newest event time.

    Rows are first ordered by event time and id, so that the order of files does not matter.

    Raises:
        StepError: A part is empty or has only one class.
    """
    ordered = table.sort_by([(config.event_time, "ascending"), (config.id, "ascending")])
    moments = data.times(data.column(ordered, config.event_time, _WHAT))
    if not len(moments):
        raise StepError(f"{_WHAT} is empty; expected at least {config.minimum_rows} rows.")
    test_after = moments[-1] - config.split.test_days * _DAY
    validation_after = test_after - config.split.validation_days * _DAY
    cuts = (
        int(np.searchsorted(moments, validation_after, side="right")),
        int(np.searchsorted(moments, test_after, side="right")),
    )
    parts = Parts(
        ordered.slice(0, cuts[0]),
        ordered.slice(cuts[0], cuts[1] - cuts[0]),
        ordered.slice(cuts[1]),
    )
    span = f"{moments[0]} to {moments[-1]}"
    for name in ("train", "validation", "test"):
        _check(name, getattr(parts, name), config, span)
    return parts


def _check(name: str, part: Any, config: StepConfig, span: str) -> None:
    """Print the part's size, or refuse it."""
    labels = data.numbers(data.column(part, config.label, _WHAT))
    rate = float(labels.mean()) if len(labels) else float("nan")
    print(f"{name}: rows={len(labels)} label_rate={rate:.4f}")
    if 0.0 < rate < 1.0:
        return
    fault = "is empty" if not len(labels) else f"has the single class {rate:g}"
    raise StepError(
        f"the {name} part {fault} ({len(labels)} rows); expected rows of both classes. The set "
        f"spans {span}, with the last {config.split.test_days} days for test and "
        f"{config.split.validation_days} before them for validation. Widen the training window "
        "or shorten `split` in the use case's declaration."
    )


def learn_encoding(train: Any, config: StepConfig) -> Encoding:
    """Choose the codes of categories from the training part, and from nothing later."""
    categories = {
        name: learn_categories(data.texts(data.column(train, name, _WHAT)))
        for name in config.categorical
    }
    return Encoding(tuple((item.name, item.kind) for item in config.features), categories)


def encoded(part: Any, encoding: Encoding, config: StepConfig) -> Any:
    """Give the part as the booster reads it: float features in the model's order, and the label."""
    matrix = encoding.matrix(data.raw_features(part, config.features, _WHAT))
    columns = {name: matrix[:, at] for at, (name, _) in enumerate(encoding.features)}
    labels = data.numbers(data.column(part, config.label, _WHAT)).astype(np.int8)
    return pa.table({**columns, config.label: labels})
