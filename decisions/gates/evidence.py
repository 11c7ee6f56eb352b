"""What the gates look at, and the base of their parameters. No gate's own rule belongs here."""

from decisions.model import Fact, Finite
from decisions.reports import BiasReport, DataReport, EvaluationReport, GateResult


class Evidence(Fact):
    """The three reports of one training run, with the sha256 of each stored file.

    A report that is missing is None; every gate that needs it then fails.
    """

    evaluation: EvaluationReport | None
    bias: BiasReport | None
    data: DataReport | None
    evaluation_sha256: str = ""
    bias_sha256: str = ""
    data_report_sha256: str = ""

    @property
    def model_sha256(self) -> str:
        """The model that was evaluated, or the empty string when there is no evaluation."""
        return self.evaluation.model_sha256 if self.evaluation else ""


class GateParameters(Fact):
    """What every gate has: a name (the discriminator), and whether it can stop a release."""

    gate: str
    blocking: bool = True

    def answer(
        self, *, passed: bool, why: str, observed: Finite = None, threshold: Finite = None
    ) -> GateResult:
        """Build this gate's result."""
        return GateResult(
            gate=self.gate,
            passed=passed,
            blocking=self.blocking,
            observed=observed,
            threshold=threshold,
            why=why,
        )

    def refuse(self, why: str, *, threshold: Finite = None) -> GateResult:
        """Fail closed: the evidence does not allow an answer."""
        return self.answer(passed=False, why=why, threshold=threshold)
