"""Fifth step, beside `evaluate`: how the challenger treats each group among the test rows.

Facts by facet value; how much difference is too much belongs to `decisions.gates.bias`.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decisions.reports import BiasReport, FacetReport
from pipelines.steps import command, data, metrics
from pipelines.steps.command import ML_INPUT, ML_OUTPUT
from pipelines.steps.config import read_config
from pipelines.steps.evaluate import score
from pipelines.steps.model_io import ARCHIVE, open_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipelines.steps.inference import Matrix

_WHAT = "the test part"
MAX_VALUES = 50
OTHER = "(other)"
MISSING = "(missing)"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step; the options are its contract."""
    parser = command.parser("bias", __doc__ or "")
    parser.add_argument("--test", type=Path, default=Path(ML_INPUT, "test"))
    parser.add_argument("--model", type=Path, default=Path(ML_INPUT, "model"))
    parser.add_argument("--config", type=Path, default=Path(ML_INPUT, "config/config.json"))
    parser.add_argument("--output", type=Path, default=Path(ML_OUTPUT, "bias"))
    found = parser.parse_args(command.arguments(argv))

    def body() -> None:
        config = read_config(found.config)
        test = data.read_table(found.test, _WHAT)
        labels = data.numbers(data.column(test, config.label, _WHAT))
        with tempfile.TemporaryDirectory() as folder:
            model = open_model(found.model / ARCHIVE, Path(folder), "the challenger")
            probabilities = score(model, test)
        facets = [
            report
            for facet in config.bias_facets
            for report in by_value(test, facet, labels, probabilities, config.decision_threshold)
        ]
        report = BiasReport(facets=tuple(facets))
        command.write_json(found.output / "bias.json", report.model_dump(mode="json"))
        print(f"facets={len(config.bias_facets)} values={len(facets)}")

    return command.run("bias", body, found.message)


def by_value(
    test: Any, facet: str, labels: Matrix, probabilities: Matrix, threshold: float
) -> Iterator[FacetReport]:
    """Report each of a facet's frequent values, and all rarer ones together as `(other)`."""
    values = facet_values(test, facet)
    predicted = probabilities >= threshold
    for value in sorted(set(values.tolist())):
        rows = values == value
        yield FacetReport(
            facet=facet,
            value=value,
            rows=int(rows.sum()),
            positive_rate_label=float(labels[rows].mean()),
            positive_rate_prediction=float(predicted[rows].mean()),
            auc=metrics.auc(labels[rows], probabilities[rows]),
        )


def facet_values(test: Any, facet: str) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Give each row's facet value, rare ones folded into `(other)`, null ones `(missing)`."""
    texts = [MISSING if text is None else text for text in data.texts(_column(test, facet))]
    ranked = sorted((-rows, text) for text, rows in Counter(texts).items())
    kept = {text for _, text in ranked[:MAX_VALUES]}
    return np.array([text if text in kept else OTHER for text in texts], dtype=object)


def _column(test: Any, facet: str) -> Any:
    return data.column(test, facet, _WHAT)
