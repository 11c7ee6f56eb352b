"""Gate `schema`: a model trained on data that broke its promise is not released."""

from typing import Literal

from decisions.gates.evidence import Evidence, GateParameters
from decisions.reports import GateResult

_SHOWN = 3
"""Problems quoted in `why`; the data report holds them all."""


class Schema(GateParameters):
    """The data report must exist, hold rows and both classes, and name no problem."""

    gate: Literal["schema"] = "schema"


def judge(parameters: Schema, evidence: Evidence) -> GateResult:
    """Pass when validation found rows of both classes and no problem."""
    data = evidence.data
    if data is None:
        return parameters.refuse("There is no data report to judge.", threshold=0.0)
    if data.rows <= 0:
        return parameters.refuse("The training set has 0 rows.", threshold=0.0)
    if data.label_rate is None or not 0.0 < data.label_rate < 1.0:
        rate = "missing" if data.label_rate is None else f"{data.label_rate:.4f}"
        return parameters.refuse(
            f"The label rate is {rate} over {data.rows} rows; both classes are required.",
            threshold=0.0,
        )
    found = len(data.problems)
    named = "; ".join(data.problems[:_SHOWN]) + (" ..." if found > _SHOWN else "")
    return parameters.answer(
        passed=found == 0,
        observed=float(found),
        threshold=0.0,
        why=f"Validation found {found} problem(s) in {data.rows} rows"
        + (f": {named}." if found else "."),
    )
