"""The judges of production, asked about the past: gates over a challenger, drift over a window.

The one place that knows how they are called. Their rules belong to `decisions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from decisions import drift
from decisions.gates import Evidence, judge_all
from sensors.day_profiles import windows_ending
from usecases.importance import raw_importance

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from decisions.gates import Gate
    from decisions.reports import DataReport, DriftReport, GateReport
    from orchestration.backtest.days import Days
    from usecases.declaration import UseCase

    Named = tuple[Any, str]


def judge(
    use_case: UseCase, days: Days, last: date, importance: Mapping[str, float]
) -> DriftReport:
    """Judge the monitor's windows up to the one that ends with a day.

    Args:
        use_case: Whose monitor.
        days: Counts against the champion's baseline.
        last: The newest day that had landed.
        importance: The champion's features' share of its gain.
    """
    monitor = use_case.monitors.drift
    windows = days.windows(windows_ending(use_case, last))
    weights = raw_importance(use_case, importance)
    return drift.judge(days.baseline, windows, monitor.policy, weights)


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
