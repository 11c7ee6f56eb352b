"""Fourth step: challenger and champion on the very same raw test rows.

Measures only; whether the numbers are enough belongs to `decisions.gates`. Also writes the probe
that the release's smoke test replays against the endpoint.
"""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decisions.reports import EvaluationReport, Metrics
from pipelines.steps import command, data, inference, metrics
from pipelines.steps.command import ML_INPUT, ML_OUTPUT, StepError
from pipelines.steps.config import Feature, StepConfig, read_config
from pipelines.steps.model_io import ARCHIVE, open_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.steps.inference import Matrix, Model

_WHAT = "the test part"
_PROBE_INSTANCES = 5
_NONE = "none"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step; the options are its contract."""
    parser = command.parser("evaluate", __doc__ or "")
    parser.add_argument("--test", type=Path, default=Path(ML_INPUT, "test"))
    parser.add_argument("--model", type=Path, default=Path(ML_INPUT, "model"))
    parser.add_argument("--champion", type=Path, default=Path(ML_INPUT, "champion"))
    parser.add_argument("--champion-package-arn", default=_NONE)
    parser.add_argument("--config", type=Path, default=Path(ML_INPUT, "config/config.json"))
    parser.add_argument("--output", type=Path, default=Path(ML_OUTPUT, "evaluation"))
    found = parser.parse_args(command.arguments(argv))

    def body() -> None:
        config = read_config(found.config)
        test = data.read_table(found.test, _WHAT)
        champion = champion_archive(found.champion, found.champion_package_arn)
        with tempfile.TemporaryDirectory() as folder:
            challenger = _open(found.model / ARCHIVE, folder, "challenger")
            report = challenger_fields(test, config, challenger)
            if champion is not None:
                model = _open(champion, folder, "champion")
                report["champion"] = champion_metrics(test, config, model)
                report["champion_package_arn"] = found.champion_package_arn
                report["champion_sha256"] = command.sha256_of(champion)
            report["model_sha256"] = command.sha256_of(found.model / ARCHIVE)
            probe = make_probe(test, challenger)
        checked = EvaluationReport.model_validate(report)
        command.write_json(found.output / "evaluation.json", checked.model_dump(mode="json"))
        command.write_json(found.output / "probe.json", probe)

    return command.run("evaluate", body, found.message)


def _open(archive: Path, folder: str, what: str) -> Model:
    place = Path(folder, what)
    place.mkdir()
    return open_model(archive, place, f"the {what}")


def champion_archive(folder: Path, package_arn: str) -> Path | None:
    """Find the champion's artifact, or None where the pipeline was told that there is none.

    Raises:
        StepError: Parameters and folder disagree; guessing could let a worse model pass.
    """
    archive = folder / ARCHIVE
    if package_arn == _NONE and (folder / "none.json").is_file() and not archive.exists():
        return None
    if package_arn != _NONE and archive.is_file():
        return archive
    listed = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    raise StepError(
        f"ChampionPackageArn is {package_arn!r} but {folder} holds {listed}; expected {ARCHIVE} "
        "for a package, or none.json with 'none'. Start the pipeline with a matching ChampionUri."
    )


def challenger_fields(test: Any, config: StepConfig, challenger: Model) -> dict[str, Any]:
    """Measure the challenger and give the report's fields, as they are without a champion."""
    labels = data.numbers(data.column(test, config.label, _WHAT))
    probabilities = score(challenger, test)
    moments = data.times(data.column(test, config.event_time, _WHAT))
    return {
        "challenger": measure("challenger", labels, probabilities),
        "champion": None,
        "champion_package_arn": None,
        "champion_sha256": None,
        "test_from": moments.min().item(),
        "test_through": moments.max().item(),
        "roc": tuple(metrics.roc(labels, probabilities)),
        "calibration": tuple(metrics.calibration(labels, probabilities)),
        "feature_importance": importance(challenger),
    }


def champion_metrics(test: Any, config: StepConfig, champion: Model) -> Metrics | None:
    """Measure the champion, or give None where it cannot read these rows: its gate then refuses."""
    labels = data.numbers(data.column(test, config.label, _WHAT))
    try:
        return measure("champion", labels, score(champion, test))
    except StepError as error:
        print(f"champion: cannot score these rows: {error}")
        return None


def score(model: Model, test: Any) -> Matrix:
    """Give a model's probabilities for raw rows, encoded by the model's own encoding.

    Raises:
        StepError: The rows lack a feature of this model.
    """
    features = tuple(Feature(name, kind) for name, kind in model.encoding.features)  # type: ignore[arg-type]
    return model.probabilities(data.raw_features(test, features, _WHAT))


def measure(name: str, labels: Matrix, probabilities: Matrix) -> Metrics:
    """Compute and print one model's metrics."""
    found = Metrics(
        auc=metrics.auc(labels, probabilities),
        log_loss=metrics.log_loss(labels, probabilities),
        brier=metrics.brier(labels, probabilities),
        rows=len(labels),
        positives=int(labels.sum()),
    )
    print(f"{name}: rows={found.rows} auc={found.auc} log_loss={found.log_loss}")
    return found


def importance(model: Model) -> dict[str, float]:
    """Give each feature's share of the total gain; all are 0 if no split gained anything."""
    gains = model.booster.feature_importance("gain")
    total = float(gains.sum()) or 1.0
    return {
        name: float(gain) / total
        for (name, _), gain in zip(model.encoding.features, gains, strict=True)
    }


def make_probe(test: Any, model: Model) -> dict[str, Any]:
    """Choose rows spread over the test part and answer them through the serving functions."""
    at = np.unique(np.linspace(0, test.num_rows - 1, _PROBE_INSTANCES).round().astype(int))
    names = [name for name, _ in model.encoding.features]
    rows = test.select(names).take(at).to_pylist()
    instances = [{name: _plain(value) for name, value in row.items()} for row in rows]
    body = json.dumps({"instances": instances}, allow_nan=False)
    answered = inference.predict_fn(inference.input_fn(body, "application/json"), model)
    return {
        "content_type": "application/json",
        "instances": instances,
        "expected": [answer["probability"] for answer in answered],
    }


def _plain(value: Any) -> Any:
    """Give a parquet value as JSON has it: NaN is null, a decimal is a number."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else float(value)
