from __future__ import annotations

from datetime import datetime

import pytest

from decisions.model_monitor.reporting import ExecutionFact, ExecutionStatus, reports_of
from decisions.model_monitor.shapes import Violation, Violations

AT = datetime.fromisoformat("2026-03-01T05:00")
MOVED = Violation(
    feature_name="age",
    constraint_check_type="baseline_drift_check",
    description="Baseline drift distance: 0.31 exceeds threshold: 0.1",
)
EMPTY = Violation(feature_name="state", constraint_check_type="completeness_check")


def execution(status: ExecutionStatus, why: str = "") -> ExecutionFact:
    return ExecutionFact(schedule="hourly", status=status, scheduled_at=AT, why=why)


def test_a_drift_is_a_reason_to_train_and_broken_data_is_told_only() -> None:
    found = Violations(violations=(MOVED, EMPTY))
    drift, quality = reports_of("hourly", "Scheduled", execution("CompletedWithViolations"), found)
    assert (drift.monitor, drift.verdict, drift.retrains) == ("data_drift", "drifted", True)
    assert "age (baseline_drift_check): Baseline drift distance: 0.31" in drift.why
    assert (quality.monitor, quality.verdict, quality.retrains) == (
        "data_quality", "drifted", False,
    )  # fmt: skip
    assert drift.window_through == AT
    assert drift.observed == 1.0


def test_nothing_found_is_stable() -> None:
    drift, quality = reports_of("hourly", "Scheduled", execution("Completed"), None)
    assert {drift.verdict, quality.verdict} == {"stable"}
    assert drift.observed == 0.0


@pytest.mark.parametrize(
    ("status", "last", "violations", "said"),
    [
        ("Scheduled", None, None, "No execution of the schedule hourly has ended yet."),
        ("Stopped", execution("Completed"), None, "is Stopped: it judges nothing any more"),
        ("Scheduled", execution("Failed", "AlgorithmError: no data"), None, "failed: Algorithm"),
        ("Scheduled", execution("Stopped"), None, "stopped: SageMaker gives no reason"),
        ("Scheduled", execution("CompletedWithViolations"), None, "their file is gone"),
        ("Scheduled", execution("CompletedWithViolations"), "x.json is no JSON", "is no JSON"),
    ],
)
def test_what_cannot_be_told_is_never_a_pass(
    status: str, last: ExecutionFact | None, violations: str | None, said: str
) -> None:
    for report in reports_of("hourly", status, last, violations):
        assert report.verdict == "cannot_tell"
        assert said in report.why
        assert report.observed is None


def test_many_violations_are_counted_and_the_first_are_named() -> None:
    found = Violations(violations=(MOVED,) * 8)
    last = execution("CompletedWithViolations")
    drift, _ = reports_of("hourly", "Scheduled", last, found, retrains=False)
    assert drift.observed == 8.0
    assert "and 3 more" in drift.why
    assert drift.retrains is False
