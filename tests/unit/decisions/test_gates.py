"""Every gate lets good evidence through, refuses bad, and refuses what is not there."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from decisions.gates import Evidence, Gate, disagreements, judge_all, judge_one
from decisions.reports import BiasReport, DataReport, GateReport
from tests.unit.decisions.evidence import evaluation, evidence, facet, metrics

GATES = TypeAdapter(tuple[Gate, ...]).validate_python(
    [
        {"gate": "schema"},
        {"gate": "size", "minimum_test_rows": 2000, "minimum_per_class": 200},
        {"gate": "performance", "minimum_auc": 0.6},
        {"gate": "champion", "tolerance": 0.01},
        {"gate": "calibration", "maximum_brier": 0.25},
        {"gate": "bias", "maximum_spread": 0.5, "minimum_rows": 300},
    ]
)
BY_NAME = {gate.gate: gate for gate in GATES}
NOT_FINITE = st.sampled_from([math.nan, math.inf, -math.inf, None])

SPOILED = {
    "performance": evidence(evaluation=evaluation(challenger=metrics(auc=0.59))),
    "champion": evidence(evaluation=evaluation(challenger=metrics(auc=0.67))),
    "calibration": evidence(evaluation=evaluation(challenger=metrics(brier=0.26))),
    "size": evidence(evaluation=evaluation(challenger=metrics(rows=6000, positives=5900))),
    "schema": evidence(data=DataReport(rows=9, label_rate=0.2, columns=(), problems=("x gone",))),
    "bias": evidence(
        bias=BiasReport(facets=(facet("EWR"), facet("JFK", positive_rate_prediction=0.5)))
    ),
}


def test_good_evidence_passes_every_gate_and_says_why() -> None:
    report = judge_all(GATES, evidence())
    assert report.passed
    assert all(result.passed and result.why.endswith(".") for result in report.results)
    assert report.model_sha256 == "a" * 64


@pytest.mark.parametrize("name", sorted(SPOILED))
def test_bad_evidence_is_refused_by_its_gate_alone(name: str) -> None:
    report = judge_all(GATES, SPOILED[name])
    assert not report.passed
    assert name in [result.gate for result in report.refusals]
    assert any(character.isdigit() for character in report.refusals[0].why)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_no_evidence_at_all_is_refused_by_every_gate(name: str) -> None:
    result = judge_one(BY_NAME[name], Evidence(evaluation=None, bias=None, data=None))
    assert not result.passed
    assert "no " in result.why


@given(bad=NOT_FINITE)
def test_a_number_that_is_not_finite_never_passes(bad: float | None) -> None:
    for name, spoiled in {
        "performance": evidence(evaluation=evaluation(challenger=metrics(auc=bad))),
        "champion": evidence(evaluation=evaluation(challenger=metrics(auc=bad))),
        "calibration": evidence(evaluation=evaluation(challenger=metrics(brier=bad))),
        "schema": evidence(data=DataReport(rows=9, label_rate=bad, columns=())),
        "bias": evidence(
            bias=BiasReport(facets=(facet("EWR"), facet("JFK", positive_rate_prediction=bad)))
        ),
    }.items():
        result = judge_one(BY_NAME[name], spoiled)
        assert not result.passed, name
        assert "missing" in result.why or "finite" in result.why, result.why


def test_a_champion_without_a_finite_metric_is_not_beaten() -> None:
    spoiled = evidence(evaluation=evaluation(champion=metrics(auc=math.nan)))
    assert "no finite AUC" in judge_one(BY_NAME["champion"], spoiled).why
    absent = evidence(evaluation=evaluation(champion=None))
    assert not judge_one(BY_NAME["champion"], absent).passed


def test_champion_and_challenger_are_compared_on_the_same_rows_only() -> None:
    spoiled = evidence(evaluation=evaluation(champion=metrics(rows=5999)))
    result = judge_one(BY_NAME["champion"], spoiled)
    assert not result.passed
    assert "only the same rows" in result.why


def test_the_first_model_has_no_champion_to_beat() -> None:
    first = evidence(evaluation=evaluation(champion=None, champion_package_arn=None))
    assert judge_all(GATES, first).passed


def test_bias_leaves_small_groups_out_but_not_all_of_them() -> None:
    small = facet("LGA", rows=10, positive_rate_prediction=0.9)
    with_small = evidence(bias=BiasReport(facets=(facet("EWR"), facet("JFK"), small)))
    assert judge_one(BY_NAME["bias"], with_small).passed
    assert not judge_one(BY_NAME["bias"], evidence(bias=BiasReport(facets=(small,)))).passed


def test_nothing_passes_when_no_gate_blocks() -> None:
    assert not judge_all((), evidence()).passed
    advisory = BY_NAME["schema"].model_copy(update={"blocking": False})
    assert not judge_all((advisory,), evidence()).passed


def test_an_advisory_gate_is_told_but_does_not_stop() -> None:
    advisory = BY_NAME["performance"].model_copy(update={"blocking": False})
    report = judge_all((BY_NAME["schema"], advisory), SPOILED["performance"])
    assert report.passed
    assert [result.passed for result in report.results] == [True, False]


def test_a_forged_report_disagrees_with_the_evidence() -> None:
    honest = judge_all(GATES, SPOILED["performance"])
    forged = honest.model_copy(update={"passed": True, "model_sha256": "f" * 64})
    assert disagreements(honest, honest) == ()
    told = " ".join(disagreements(forged, honest))
    assert "passed is True" in told
    assert "model_sha256" in told
    assert disagreements(judge_all(GATES[:2], evidence()), judge_all(GATES, evidence()))


def test_a_report_survives_json_and_json_holds_no_nan() -> None:
    report = judge_all(GATES, evidence(evaluation=evaluation(challenger=metrics(auc=math.nan))))
    text = report.model_dump_json()
    assert "NaN" not in text
    assert GateReport.model_validate_json(text) == report


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ValidationError, match="minimum_acu"):
        TypeAdapter(Gate).validate_python({"gate": "performance", "minimum_acu": 0.6})
