"""Third step: fit the booster under SageMaker's script mode.

Channels come from SM_CHANNEL_*, the artifact goes to SM_MODEL_DIR. Equal input gives an equal
model, byte for byte. How good it is on unseen rows belongs to `evaluate`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.steps import command, data, inference, metrics
from pipelines.steps.command import StepError
from pipelines.steps.config import StepConfig, read_config
from pipelines.steps.inference import Encoding
from pipelines.steps.model_io import save_model

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROUNDS = ("num_boost_round", "num_iterations", "n_estimators")
_PATIENCE = ("early_stopping_rounds", "early_stopping_round")
_DEFAULT_ROUNDS = 300
_DEFAULT_PATIENCE = 30
_FIXED: dict[str, Any] = {
    "objective": "binary",
    "metric": ["auc", "binary_logloss"],
    "deterministic": True,
    "force_row_wise": True,  # column- or row-wise chosen by timing would make runs differ
    "verbosity": -1,
}
_DEFAULT_THREADS = 1
"""Two threads on two busy cores waited for each other at every split: 16.3 s instead of 0.2 s for
30 rounds on 51,000 rows. On a quiet machine, raise it by the hyperparameter `num_threads`."""

_OWN = frozenset({"seed", "random_state", "sagemaker_program", "sagemaker_submit_directory"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step. SageMaker's environment names the places; an option overrides it."""
    found = _parse(command.arguments(argv))

    def body() -> None:
        config = read_config(found.config / "config.json")
        encoding = Encoding.from_document(
            command.read_json(found.encoding / "encoding.json", "the encoding")
        )
        train = read_part(found.train, encoding, config, "the train channel")
        validation = read_part(found.validation, encoding, config, "the validation channel")
        text = fit(train, validation, encoding, config)
        save_model(found.model_dir, text, encoding, config)

    return command.run("train", body, found.message)


def _parse(argv: list[str]) -> Any:
    parser = command.parser("train", __doc__ or "")
    for name in ("train", "validation", "config", "encoding"):
        default = os.environ.get(f"SM_CHANNEL_{name.upper()}", f"/opt/ml/input/data/{name}")
        parser.add_argument(f"--{name}", type=Path, default=Path(default))
    model_dir = os.environ.get("SM_MODEL_DIR", "/opt/ml/model")
    parser.add_argument("--model-dir", "--model_dir", type=Path, default=Path(model_dir))
    output = os.environ.get("SM_OUTPUT_DATA_DIR", "/opt/ml/output/data")
    parser.set_defaults(message=Path(output).parent / "failure")
    # Script mode passes every hyperparameter as an option; the model's own are in config.json.
    found, _ = parser.parse_known_args(argv)
    return found


def read_part(
    folder: Path, encoding: Encoding, config: StepConfig, what: str
) -> tuple[inference.Matrix, inference.Matrix]:
    """Read an encoded part as (features, labels).

    Raises:
        StepError: The part is missing, or lacks a column.
    """
    table = data.read_table(folder, what)
    columns = [data.numbers(data.column(table, name, what)) for name, _ in encoding.features]
    return np.column_stack(columns), data.numbers(data.column(table, config.label, what))


def parameters(config: StepConfig) -> tuple[dict[str, Any], int, int]:
    """Give LightGBM's parameters, the number of rounds and the early-stopping patience.

    Raises:
        StepError: A hyperparameter would change what the pipeline itself decides.
    """
    given = dict(config.hyperparameters)
    taken = sorted((set(_FIXED) | _OWN) & set(given))
    if taken:
        raise StepError(
            f"config.json: hyperparameters.{taken[0]} is the pipeline's own; "
            "remove it from the use case's declaration (the seed has a field of its own)."
        )
    rounds = _take(given, _ROUNDS, _DEFAULT_ROUNDS)
    patience = _take(given, _PATIENCE, _DEFAULT_PATIENCE)
    return (
        {"num_threads": _DEFAULT_THREADS, **given, **_FIXED, "seed": config.seed},
        rounds,
        patience,
    )


def _take(given: dict[str, Any], names: tuple[str, ...], default: int) -> int:
    found = [given.pop(name) for name in names if name in given]
    try:
        return int(found[0]) if found else default
    except ValueError:
        raise StepError(
            f"config.json: hyperparameters.{names[0]} is {found[0]!r}; expected a whole number."
        ) from None


def fit(
    train: tuple[inference.Matrix, inference.Matrix],
    validation: tuple[inference.Matrix, inference.Matrix],
    encoding: Encoding,
    config: StepConfig,
) -> str:
    """Train with early stopping on the validation part and give the booster's text.

    Raises:
        StepError: LightGBM refuses the parameters or the data.
    """
    lightgbm = inference.lightgbm()
    given, rounds, patience = parameters(config)
    names = [name for name, _ in encoding.features]
    shared = {"feature_name": names, "categorical_feature": list(config.categorical)}
    fitted = lightgbm.Dataset(train[0], train[1], params=given, **shared)
    held_out = lightgbm.Dataset(validation[0], validation[1], reference=fitted, params=given)
    stop = lightgbm.early_stopping(patience, first_metric_only=True, verbose=False)
    try:
        booster = lightgbm.train(given, fitted, rounds, valid_sets=[held_out], callbacks=[stop])
    except lightgbm.basic.LightGBMError as error:
        raise StepError(
            f"LightGBM refused to train: {error}. Check hyperparameters in the declaration."
        ) from error
    best = booster.best_iteration or rounds
    _print_metrics(booster, best, train, validation)
    text: str = booster.model_to_string(num_iteration=best)
    return text


def _print_metrics(booster: Any, best: int, train: Any, validation: Any) -> None:
    """Print the lines that the job's metric definitions match."""
    print(f"train_rows={len(train[1])} validation_rows={len(validation[1])}")
    print(f"best_iteration={best}")
    for name, (features, labels) in {"train": train, "validation": validation}.items():
        probabilities = booster.predict(features, num_iteration=best, num_threads=1)
        print(f"{name}_auc={metrics.auc(labels, probabilities):.6f}")
        print(f"{name}_log_loss={metrics.log_loss(labels, probabilities):.6f}", flush=True)
