"""The gates between a trained model and the registry: one file each, all judged here.

A gate is a frozen parameters model and a `judge(parameters, evidence)`. Gates fail closed: evidence
that is missing, or not a finite number, refuses. A new gate is a file and two lines below.
"""

from typing import Annotated, Any, Protocol

from pydantic import Field

from decisions.gates import bias, calibration, champion, performance, schema, size
from decisions.gates.bias import Bias
from decisions.gates.calibration import Calibration
from decisions.gates.champion import Champion
from decisions.gates.evidence import Evidence, GateParameters
from decisions.gates.performance import Performance
from decisions.gates.schema import Schema
from decisions.gates.size import Size
from decisions.reports import GateReport, GateResult

Gate = Annotated[
    Performance | Champion | Calibration | Schema | Bias | Size, Field(discriminator="gate")
]
"""Any gate, told apart by its `gate` field."""


class _Judge(Protocol):
    def __call__(self, parameters: Any, evidence: Evidence, /) -> GateResult: ...


_JUDGES: dict[type[GateParameters], _Judge] = {
    Performance: performance.judge,
    Champion: champion.judge,
    Calibration: calibration.judge,
    Schema: schema.judge,
    Bias: bias.judge,
    Size: size.judge,
}

__all__ = ["Evidence", "Gate", "GateParameters", "disagreements", "judge_all", "judge_one"]


def judge_one(gate: GateParameters, evidence: Evidence) -> GateResult:
    """Ask one gate."""
    return _JUDGES[type(gate)](gate, evidence)


def judge_all(gates: tuple[Gate, ...] | list[Gate], evidence: Evidence) -> GateReport:
    """Ask every gate. The report passes when at least one gate blocks and no blocking one refuses.

    Without a blocking gate nothing was verified, so nothing passes.
    """
    results = tuple(judge_one(gate, evidence) for gate in gates)
    blocking = [result for result in results if result.blocking]
    return GateReport(
        passed=bool(blocking) and all(result.passed for result in blocking),
        results=results,
        model_sha256=evidence.model_sha256,
        evaluation_sha256=evidence.evaluation_sha256,
        bias_sha256=evidence.bias_sha256,
        data_report_sha256=evidence.data_report_sha256,
    )


def disagreements(stored: GateReport, again: GateReport) -> tuple[str, ...]:
    """Say where a stored report differs from the one judged again: the registry's second lock.

    Returns:
        One sentence per difference; empty when both say the same of the same evidence.
    """
    found = [
        f"{field} is {getattr(stored, field)!r} in the stored report and {getattr(again, field)!r} "
        "in the evidence"
        for field in ("model_sha256", "evaluation_sha256", "bias_sha256", "data_report_sha256")
        if getattr(stored, field) != getattr(again, field)
    ]
    if stored.passed != again.passed:
        found.append(f"passed is {stored.passed} in the stored report and {again.passed} now")
    names = [result.gate for result in stored.results]
    if names != [result.gate for result in again.results]:
        found.append(f"the stored report judged the gates {names}, not the declared ones")
    return tuple(found)
