"""Gate `size`: too few test rows prove nothing, however good their metric looks."""

from typing import Literal

from pydantic import Field

from decisions.gates.evidence import Evidence, GateParameters
from decisions.reports import GateResult


class Size(GateParameters):
    """Fewest test rows, and fewest rows of each class among them."""

    gate: Literal["size"] = "size"
    minimum_test_rows: int = Field(ge=1)
    minimum_per_class: int = Field(default=1, ge=1)


def judge(parameters: Size, evidence: Evidence) -> GateResult:
    """Pass when the test rows are enough, overall and in each class."""
    minimum = parameters.minimum_test_rows
    if evidence.evaluation is None:
        return parameters.refuse(
            "There is no evaluation report to judge.", threshold=float(minimum)
        )
    tested = evidence.evaluation.challenger
    rarer = min(tested.positives, tested.rows - tested.positives)
    passed = tested.rows >= minimum and rarer >= parameters.minimum_per_class
    return parameters.answer(
        passed=passed,
        observed=float(tested.rows),
        threshold=float(minimum),
        why=f"The test has {tested.rows} rows ({minimum} required) and its rarer class "
        f"{rarer} ({parameters.minimum_per_class} required).",
    )
