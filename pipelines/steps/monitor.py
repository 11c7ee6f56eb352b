"""A step of its own, outside of training: a window of new rows beside the champion's own.

Both are bounded samples that Athena drew (usecases/monitor_sql). The champion scores both; what is
measured goes into `measurements.json`. Thresholds and verdicts belong to `decisions.monitors`.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from decisions.monitors.measured import (
    SCORE_BINS,
    Attributions,
    FacetCounts,
    Measurements,
    ScoreCounts,
)
from pipelines.steps import command, data, estimating
from pipelines.steps.bias import MAX_VALUES, MISSING, OTHER
from pipelines.steps.command import ML_INPUT, ML_OUTPUT
from pipelines.steps.config import Feature, StepConfig, read_config
from pipelines.steps.model_io import ARCHIVE, open_model
from pipelines.steps.separation import Group, separate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipelines.steps.inference import Matrix, Model

PART = "_part"
"""Column of the champion's rows that says whether they were its test rows."""


@dataclass(frozen=True, slots=True)
class Side:
    """Rows of one side, encoded and scored by the champion.

    Attributes:
        labels: NaN where unknown.
        facets: Texts by facet, None where missing.
    """

    matrix: Matrix
    days: Any
    scores: Matrix
    labels: Matrix
    facets: dict[str, list[str | None]]

    def group(self) -> Group:
        """Give what the domain classifier takes."""
        return Group(self.matrix, self.days)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step; the options are its contract."""
    parser = command.parser("monitor", __doc__ or "")
    parser.add_argument("--current", type=Path, default=Path(ML_INPUT, "current"))
    parser.add_argument("--reference", type=Path, default=Path(ML_INPUT, "reference"))
    parser.add_argument("--model", type=Path, default=Path(ML_INPUT, "model"))
    parser.add_argument("--config", type=Path, default=Path(ML_INPUT, "config/config.json"))
    parser.add_argument("--output", type=Path, default=Path(ML_OUTPUT, "measurements"))
    parser.add_argument("--window-from", type=datetime.fromisoformat, required=True)
    parser.add_argument("--window-through", type=datetime.fromisoformat, required=True)
    parser.add_argument("--source", choices=("landed", "served"), default="landed")
    parser.add_argument("--attribution-rows", type=int, default=5000)
    found = parser.parse_args(command.arguments(argv))

    def body() -> None:
        config = read_config(found.config)
        with tempfile.TemporaryDirectory() as folder:
            model = open_model(found.model / ARCHIVE, Path(folder), "the champion")
            measured = measure(
                data.read_table(found.current, "the window"),
                data.read_table(found.reference, "the champion's rows"),
                model,
                config,
                window=(found.window_from, found.window_through),
                attribution_rows=found.attribution_rows,
            ).model_copy(update={"source": found.source})
        command.write_json(found.output / "measurements.json", measured.model_dump(mode="json"))
        print(f"rows={measured.rows}")

    return command.run("monitor", body, found.message)


def measure(
    current: Any,
    reference: Any,
    model: Model,
    config: StepConfig,
    *,
    window: tuple[datetime, datetime],
    attribution_rows: int,
) -> Measurements:
    """Measure everything that the two tables tell.

    Raises:
        StepError: A column is missing.
    """
    part = data.column(reference, PART, "the champion's rows")
    learnt = side_of(reference.filter(pc.not_equal(part, "test")), model, config)
    test = side_of(reference.filter(pc.equal(part, "test")), model, config)
    now = side_of(current, model, config)
    encoding, threshold = model.encoding, model.decision_threshold
    known = ~np.isnan(test.labels)
    return Measurements(
        window_from=window[0],
        window_through=window[1],
        rows=len(now.scores),
        scores_baseline=score_counts(test.scores, threshold),
        scores=score_counts(now.scores, threshold),
        facets_baseline=tuple(facet_counts(test, test, threshold)),
        facets=tuple(facet_counts(now, test, threshold)),
        attributions_baseline=attributions(learnt, model, attribution_rows),
        attributions=attributions(now, model, attribution_rows),
        separation=separate(learnt.group(), now.group(), encoding, config.seed),
        separation_within=separate(learnt.group(), test.group(), encoding, config.seed),
        estimate=estimating.estimate(
            now.scores, now.labels, test.scores[known], test.labels[known], threshold
        ),
    )


def side_of(table: Any, model: Model, config: StepConfig) -> Side:
    """Encode and score rows, in the order of event time and id."""
    what = "a monitored sample"
    ordered = table.sort_by([(config.event_time, "ascending"), (config.id, "ascending")])
    features = tuple(Feature(name, kind) for name, kind in model.encoding.features)  # type: ignore[arg-type]
    matrix = model.encoding.matrix(data.raw_features(ordered, features, what))
    moments = data.times(data.column(ordered, config.event_time, what))
    scores = model.booster.predict(matrix, num_threads=1) if len(matrix) else np.empty(0)
    return Side(
        matrix=matrix,
        days=moments.astype("datetime64[D]"),
        scores=scores,
        labels=data.numbers(data.column(ordered, config.label, what)),
        facets={name: data.texts(data.column(ordered, name, what)) for name in config.bias_facets},
    )


def score_counts(scores: Matrix, threshold: float) -> ScoreCounts:
    """Count probabilities into the fixed bins."""
    present = scores[~np.isnan(scores)]
    counts, _ = np.histogram(present, bins=SCORE_BINS, range=(0.0, 1.0))
    return ScoreCounts(
        counts=tuple(int(count) for count in counts),
        missing=len(scores) - len(present),
        positives=int((present >= threshold).sum()),
        mean=float(present.mean()) if len(present) else None,
    )


def facet_counts(side: Side, baseline: Side, threshold: float) -> Iterator[FacetCounts]:
    """Count calls and outcomes by facet value; values rare in the baseline go together."""
    called = side.scores >= threshold
    labelled = ~np.isnan(side.labels)
    correct = labelled & (called == (side.labels == 1.0))
    for facet, texts in side.facets.items():
        kept = _frequent(baseline.facets[facet])
        values = np.array([_folded(text, kept) for text in texts], dtype=object)
        for value in sorted(set(values.tolist())):
            rows = values == value
            yield FacetCounts(
                facet=facet,
                value=value,
                rows=int(rows.sum()),
                predicted=int(called[rows].sum()),
                labelled=int(labelled[rows].sum()),
                correct=int(correct[rows].sum()),
            )


def attributions(side: Side, model: Model, most: int) -> Attributions:
    """Give the mean absolute SHAP value by feature, over rows spread evenly in time."""
    rows = len(side.matrix)
    names = [name for name, _ in model.encoding.features]
    if not rows:
        return Attributions(rows=0, mean_absolute=dict.fromkeys(names, 0.0))
    at = np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(int))
    shap = model.booster.predict(side.matrix[at], pred_contrib=True, num_threads=1)
    means = np.abs(shap[:, :-1]).mean(axis=0)  # the last column is the expected value
    return Attributions(
        rows=len(at),
        mean_absolute={name: float(mean) for name, mean in zip(names, means, strict=True)},
    )


def _frequent(texts: list[str | None]) -> frozenset[str]:
    ranked = sorted((-rows, text or MISSING) for text, rows in Counter(texts).items())
    return frozenset(text for _, text in ranked[:MAX_VALUES])


def _folded(text: str | None, kept: frozenset[str]) -> str:
    named = text or MISSING
    return named if named in kept else OTHER
