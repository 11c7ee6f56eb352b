"""The judges of production, asked about the past: gates over a challenger, drift over a window.

The one place that knows how they are called. Their rules belong to `decisions`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from decisions import drift
from decisions.gates import Evidence, judge_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from decisions.baseline import Baseline, Profile
    from decisions.gates import Gate
    from decisions.reports import DataReport, DriftReport, GateReport
    from usecases.declaration import UseCase

    Count = Callable[[Baseline, date, date], Profile]
    Named = tuple[Any, str]


def judge(use_case: UseCase, baseline: Baseline, last: date, count: Count) -> DriftReport:
    """Judge the monitor's window that ends with a day."""
    monitor = use_case.monitors.drift
    profile = count(baseline, last - monitor.window + timedelta(days=1), last)
    return drift.judge(baseline, profile, monitor.policy)


def gates(
    config: Any,
    declared: tuple[Gate, ...],
    report: DataReport,
    test: Any,
    challenger: Named,
    champion: Named | None,
) -> GateReport:
    """Ask the gates about a challenger on its test rows, with the champion on the very same.

    Args:
        config: The steps' configuration.
        declared: The gates.
        report: What validation found in the training set.
        test: The raw test rows.
        challenger: The model and its sha256.
        champion: The model to beat and its sha256, if there is one.
    """
    from decisions.reports import BiasReport, EvaluationReport
    from pipelines.steps import bias, data, evaluate

    fields = evaluate.challenger_fields(test, config, challenger[0])
    fields["model_sha256"] = challenger[1]
    if champion is not None:
        fields["champion"] = evaluate.champion_metrics(test, config, champion[0])
        fields |= {"champion_package_arn": champion[1], "champion_sha256": champion[1]}
    labels = data.numbers(data.column(test, config.label, "the test part"))
    probabilities = evaluate.score(challenger[0], test)
    facets = tuple(
        each
        for facet in config.bias_facets
        for each in bias.by_value(test, facet, labels, probabilities, config.decision_threshold)
    )
    evidence = Evidence(
        evaluation=EvaluationReport.model_validate(fields),
        bias=BiasReport(facets=facets),
        data=report,
    )
    return judge_all(declared, evidence)
