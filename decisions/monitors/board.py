"""All sampled monitors at once: measured windows in, a report of each monitor out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from decisions.monitors import attribution, bias, multivariate, performance, predictions
from decisions.monitors.measured import Measurements
from decisions.monitors.verdicts import Answer, MonitorPolicy, cannot_tell, persistent, report
from decisions.reports import MonitorName, MonitorReport

JUDGES: Mapping[MonitorName, Callable[[Measurements, Any], Answer]] = {
    "multivariate_drift": multivariate.judge,
    "prediction_drift": predictions.judge,
    "performance_estimate": performance.judge,
    "bias_drift": bias.judge,
    "attribution_drift": attribution.judge,
}


def judge_all(
    policies: Mapping[MonitorName, MonitorPolicy], windows: Sequence[Measurements]
) -> tuple[MonitorReport, ...]:
    """Judge the newest window by every policy, with the windows before it for persistence.

    Args:
        policies: The monitors that are on.
        windows: Oldest first; at least one.
    """
    return tuple(
        report(name, policy, _answer(name, policy, windows), windows[-1])
        for name, policy in policies.items()
    )


def untold(policies: Mapping[MonitorName, MonitorPolicy], why: str) -> tuple[MonitorReport, ...]:
    """Give every monitor's report where the newest window could not be measured."""
    return tuple(report(name, policy, cannot_tell(why), None) for name, policy in policies.items())


def judge(name: MonitorName, policy: MonitorPolicy, window: Measurements) -> Answer:
    """Judge one window by itself."""
    return JUDGES[name](window, policy) if window.rows else cannot_tell(_EMPTY[window.source])


_EMPTY = {
    "landed": "No row of the window has landed with its label.",
    "served": "No predictions of this version were captured in the window.",
}


def _answer(name: MonitorName, policy: MonitorPolicy, windows: Sequence[Measurements]) -> Answer:
    looked = windows[-policy.persistence :]
    return persistent([judge(name, policy, each) for each in looked], policy.persistence)
