"""Gate `performance`: the challenger must rank test rows well enough on its own."""

from typing import Literal

from pydantic import Field

from decisions.gates.evidence import Evidence, GateParameters
from decisions.reports import GateResult


class Performance(GateParameters):
    """Minimum area under the ROC curve, 0.5 being chance."""

    gate: Literal["performance"] = "performance"
    minimum_auc: float = Field(ge=0.5, le=1.0)


def judge(parameters: Performance, evidence: Evidence) -> GateResult:
    """Pass when the challenger's AUC reaches the minimum."""
    minimum = parameters.minimum_auc
    if evidence.evaluation is None:
        return parameters.refuse("There is no evaluation report to judge.", threshold=minimum)
    auc = evidence.evaluation.challenger.auc
    if auc is None:
        return parameters.refuse(
            f"The challenger's AUC is missing or not finite; at least {minimum:.4f} is required.",
            threshold=minimum,
        )
    passed = auc >= minimum
    relation = "reaches" if passed else "is below"
    return parameters.answer(
        passed=passed,
        observed=auc,
        threshold=minimum,
        why=f"The challenger's AUC {auc:.4f} {relation} the minimum {minimum:.4f}.",
    )
