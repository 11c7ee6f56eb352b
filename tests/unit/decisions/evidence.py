"""Good evidence to spoil, for the tests of the gates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from decisions.gates import Evidence
from decisions.reports import BiasReport, DataReport, EvaluationReport, FacetReport, Metrics

CHAMPION = "arn:aws:sagemaker:us-east-1:555555555555:model-package/flight-delay/1"


def metrics(**changes: Any) -> Metrics:
    given = {"auc": 0.7, "log_loss": 0.5, "brier": 0.17, "rows": 6000, "positives": 1500}
    return Metrics(**{**given, **changes})


def facet(value: str, **changes: Any) -> FacetReport:
    given = {
        "facet": "origin",
        "value": value,
        "rows": 2000,
        "positive_rate_label": 0.25,
        "positive_rate_prediction": 0.25,
        "auc": 0.7,
    }
    return FacetReport(**{**given, **changes})


def evaluation(**changes: Any) -> EvaluationReport:
    given = {
        "challenger": metrics(),
        "champion": metrics(auc=0.69),
        "champion_package_arn": CHAMPION,
        "test_from": datetime.fromisoformat("2013-02-21"),
        "test_through": datetime.fromisoformat("2013-02-28"),
        "roc": ((0.0, 0.0), (1.0, 1.0)),
        "calibration": (),
        "feature_importance": {"temp": 1.0},
        "model_sha256": "a" * 64,
        "champion_sha256": "b" * 64,
    }
    return EvaluationReport(**{**given, **changes})


def evidence(**changes: Any) -> Evidence:
    given = {
        "evaluation": evaluation(),
        "bias": BiasReport(facets=(facet("EWR"), facet("JFK"))),
        "data": DataReport(rows=40000, label_rate=0.25, columns=()),
        "evaluation_sha256": "1" * 64,
        "bias_sha256": "2" * 64,
        "data_report_sha256": "3" * 64,
    }
    return Evidence(**{**given, **changes})
