"""Sixth step: ask the gates, and bind their answer by digest to what they judged.

Exits 0 whenever it could judge: the pipeline's condition decides what a refusal means. The gates'
rules belong to `decisions.gates`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from decisions.gates import Evidence, Gate, judge_all
from decisions.reports import BiasReport, DataReport, EvaluationReport, GateReport
from pipelines.steps import command
from pipelines.steps.command import ML_INPUT, ML_OUTPUT, StepError
from pipelines.steps.config import read_config

if TYPE_CHECKING:
    from collections.abc import Sequence

_Report = TypeVar("_Report", bound=BaseModel)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step; the options are its contract."""
    parser = command.parser("judge", __doc__ or "")
    places = {
        "data-report": "data_report/data_report.json",
        "evaluation": "evaluation/evaluation.json",
        "bias": "bias/bias.json",
        "model": "model/model.tar.gz",
        "config": "config/config.json",
    }
    for name, place in places.items():
        parser.add_argument(f"--{name}", type=Path, default=Path(ML_INPUT, place))
    parser.add_argument("--output", type=Path, default=Path(ML_OUTPUT, "gate_report"))
    found = parser.parse_args(command.arguments(argv))

    def body() -> None:
        gates = TypeAdapter(tuple[Gate, ...]).validate_python(read_config(found.config).gates)
        evidence = gather(found.data_report, found.evaluation, found.bias, found.model)
        report = judge_all(gates, evidence)
        command.write_json(found.output / "gate_report.json", report.model_dump(mode="json"))
        _print(report)

    return command.run("judge", body, found.message)


def gather(data_report: Path, evaluation: Path, bias: Path, model: Path) -> Evidence:
    """Read the three reports with their digests, and check that they speak of this model.

    Raises:
        StepError: A report is missing or malformed, or another model was evaluated.
    """
    evidence = Evidence(
        evaluation=_report(evaluation, EvaluationReport),
        bias=_report(bias, BiasReport),
        data=_report(data_report, DataReport),
        evaluation_sha256=command.sha256_of(evaluation),
        bias_sha256=command.sha256_of(bias),
        data_report_sha256=command.sha256_of(data_report),
    )
    found = command.sha256_of(model)
    if found != evidence.model_sha256:
        raise StepError(
            f"{model} has sha256 {found} but {evaluation} evaluated {evidence.model_sha256}; "
            "expected the same artifact. Run the pipeline again from Train."
        )
    return evidence


def _report(path: Path, kind: type[_Report]) -> _Report:
    try:
        return kind.model_validate(command.read_json(path, f"the {kind.__name__}"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StepError(
            f"{path} is no {kind.__name__}: {where}: {first['msg']}. Run the step that writes it."
        ) from error


def _print(report: GateReport) -> None:
    for result in report.results:
        print(f"{'pass' if result.passed else 'FAIL'} {result.gate}: {result.why}")
    print(f"passed={report.passed}")
