"""Gate `calibration`: probabilities must mean what they say. Ranking belongs to `performance`."""

from typing import Literal

from pydantic import Field

from decisions.gates.evidence import Evidence, GateParameters
from decisions.reports import GateResult


class Calibration(GateParameters):
    """Largest Brier score allowed: the mean squared error of the probability, 0 being perfect."""

    gate: Literal["calibration"] = "calibration"
    maximum_brier: float = Field(gt=0.0, le=1.0)


def judge(parameters: Calibration, evidence: Evidence) -> GateResult:
    """Pass when the challenger's Brier score stays within the maximum."""
    maximum = parameters.maximum_brier
    if evidence.evaluation is None:
        return parameters.refuse("There is no evaluation report to judge.", threshold=maximum)
    brier = evidence.evaluation.challenger.brier
    if brier is None:
        return parameters.refuse(
            f"The challenger's Brier score is missing or not finite; at most {maximum:.4f} "
            "is allowed.",
            threshold=maximum,
        )
    passed = brier <= maximum
    relation = "stays within" if passed else "exceeds"
    return parameters.answer(
        passed=passed,
        observed=brier,
        threshold=maximum,
        why=f"The challenger's Brier score {brier:.4f} {relation} the maximum {maximum:.4f}.",
    )
