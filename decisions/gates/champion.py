"""Gate `champion`: the challenger must not be worse than what serves now, on the same rows."""

from typing import Literal

from pydantic import Field

from decisions.gates.evidence import Evidence, GateParameters
from decisions.reports import EvaluationReport, GateResult


class Champion(GateParameters):
    """How much AUC the challenger may lose against the champion and still replace it."""

    gate: Literal["champion"] = "champion"
    tolerance: float = Field(ge=0.0, le=0.5)


def judge(parameters: Champion, evidence: Evidence) -> GateResult:
    """Pass when challenger AUC >= champion AUC - tolerance, or when there is no champion yet."""
    if evidence.evaluation is None:
        return parameters.refuse("There is no evaluation report to judge.")
    report = evidence.evaluation
    if report.challenger.auc is None:
        return parameters.refuse("The challenger's AUC is missing or not finite.")
    if report.champion_package_arn is None and report.champion is None:
        return parameters.answer(
            passed=True,
            observed=report.challenger.auc,
            why=f"There is no champion yet; the challenger's AUC is {report.challenger.auc:.4f}.",
        )
    return _compare(parameters, report, report.challenger.auc)


def _compare(parameters: Champion, report: EvaluationReport, auc: float) -> GateResult:
    champion = report.champion
    if champion is None or champion.auc is None:
        return parameters.refuse(
            f"The champion {report.champion_package_arn} has no finite AUC on these rows; "
            f"the challenger's AUC {auc:.4f} cannot be compared."
        )
    if champion.rows != report.challenger.rows:
        return parameters.refuse(
            f"The champion was evaluated on {champion.rows} rows and the challenger on "
            f"{report.challenger.rows}; only the same rows compare."
        )
    threshold = champion.auc - parameters.tolerance
    passed = auc >= threshold
    relation = "reaches" if passed else "is below"
    return parameters.answer(
        passed=passed,
        observed=auc,
        threshold=threshold,
        why=f"The challenger's AUC {auc:.4f} {relation} the champion's {champion.auc:.4f} minus "
        f"the tolerance {parameters.tolerance:.4f}, on the same {champion.rows} rows.",
    )
