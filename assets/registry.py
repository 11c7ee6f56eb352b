"""The registry: the second lock before anything may be released.

The SageMaker Pipeline registers a version once its own gates pass. Here the stored reports are
judged again, bound by digest to the stored model, because a blocked check stops one run only.
Approving belongs to approval.py.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import dagster as dg
from pydantic import ValidationError

from assets.parts import asset_key
from decisions.gates import Evidence, disagreements, judge_all
from decisions.reports import BiasReport, DataReport, EvaluationReport, GateReport
from resources.errors import PerennialError, Terminal
from resources.model_registry import PackageFacts
from resources.objects import parse_s3_uri
from resources.platform import Platform
from usecases import asset_keys
from usecases.declaration import UseCase


@dataclass(frozen=True, slots=True)
class Reports:
    """What one training run left behind, with the digests of the bytes that were read."""

    data: DataReport
    evaluation: EvaluationReport
    bias: BiasReport
    gates: GateReport
    model_sha256: str
    digests: dict[str, str]

    def evidence(self) -> Evidence:
        """Return what the gates judge."""
        return Evidence(
            data=self.data,
            evaluation=self.evaluation,
            bias=self.bias,
            evaluation_sha256=self.digests["evaluation"],
            bias_sha256=self.digests["bias"],
            data_report_sha256=self.digests["data_report"],
        )


def read_reports(platform: Platform, run_uri: str, model_uri: str) -> Reports:
    """Read a run's reports and digest its model.

    Raises:
        Missing: A report or the model is gone.
        Terminal: A report is not what its schema says.
    """
    paths = {
        "data_report": "validate/data_report.json",
        "evaluation": "evaluate/evaluation.json",
        "bias": "bias/bias.json",
        "gate_report": "judge/gate_report.json",
    }
    bodies = {
        name: platform.artifacts.read_uri(f"{run_uri}/{path}") for name, path in paths.items()
    }
    try:
        return Reports(
            data=DataReport.model_validate_json(bodies["data_report"]),
            evaluation=EvaluationReport.model_validate_json(bodies["evaluation"]),
            bias=BiasReport.model_validate_json(bodies["bias"]),
            gates=GateReport.model_validate_json(bodies["gate_report"]),
            model_sha256=platform.artifacts.sha256(parse_s3_uri(model_uri)[1]),
            digests={name: hashlib.sha256(body).hexdigest() for name, body in bodies.items()},
        )
    except ValidationError as error:
        raise Terminal(
            f"A report below {run_uri} does not have the expected shape: {error}. "
            "It was written by another version of the steps; train again."
        ) from error


def registry_asset(use_case: UseCase) -> dg.AssetsDefinition:
    """Return the asset that judges every version that awaits judgement."""

    @dg.asset(
        key=asset_key(asset_keys.registry(use_case.name)),
        deps=[
            asset_key(asset_keys.model(use_case.name)),
            asset_key(asset_keys.gate_report(use_case.name)),
        ],
        description="The newest version in the Model Registry of the assets account, judged twice.",
        group_name=use_case.group,
        kinds={"sagemaker"},
        owners=[use_case.owner],
    )
    def registry(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        refusals = []
        for package in reversed(unjudged(platform, use_case)):
            refusal = judge_package(platform, use_case, package)
            context.log.info("version %s: %s", package.version, refusal or "gates passed")
            refusals += [f"version {package.version}: {refusal}"] if refusal else []
        if refusals:
            raise dg.Failure(
                f"Rejected: {'; '.join(refusals)}. What serves was left alone.", allow_retries=False
            )
        return _newest(platform, use_case)

    return registry


def unjudged(platform: Platform, use_case: UseCase) -> list[PackageFacts]:
    """Return the versions that await approval and that nobody judged here yet, newest first."""
    return [
        package
        for package in platform.registry(use_case.name).packages()
        if package.approval == "PendingManualApproval" and not package.metadata.get("gates")
    ]


def judge_package(platform: Platform, use_case: UseCase, package: PackageFacts) -> str | None:
    """Judge a version by its stored reports; annotate or reject it; return why it was refused."""
    registry = platform.registry(use_case.name)
    try:
        reports = read_reports(
            platform, package.metadata.get("run_uri", ""), package.model_data_url
        )
        problems = problems_of(reports, use_case)
    except Terminal as error:
        reports, problems = None, [str(error)]
    if problems:
        why = "; ".join(problems)
        registry.annotate(package.arn, {"gates": f"failed: {why}"})
        registry.reject(package.arn, "registry", why)
        return why
    assert reports is not None  # noqa: S101 - no problem was found without reports
    registry.annotate(
        package.arn,
        {
            "model_sha256": reports.model_sha256,
            **{f"{name}_sha256": digest for name, digest in reports.digests.items()},
            "gates": "passed",
        },
    )
    return None


def problems_of(reports: Reports, use_case: UseCase) -> list[str]:
    """Judge again by the gates declared today, and compare with what the pipeline's judge said."""
    again = judge_all(use_case.gates, reports.evidence())
    refused = [f"{result.gate}: {result.why}" for result in again.refusals]
    if not again.passed and not refused:
        refused = ["no blocking gate is declared, so nothing was verified"]
    if reports.model_sha256 != reports.evaluation.model_sha256:
        refused.append(
            f"the stored model is {reports.model_sha256[:12]}, "
            f"evaluated was {reports.evaluation.model_sha256[:12]}"
        )
    return refused + list(disagreements(reports.gates, again))


def _newest(platform: Platform, use_case: UseCase) -> dg.MaterializeResult[None]:
    packages = platform.registry(use_case.name).packages()
    if not packages:
        return dg.MaterializeResult(metadata={"verdict": "nothing is registered yet"})
    return dg.MaterializeResult(metadata=package_metadata(platform, packages[0]))


def package_metadata(platform: Platform, package: PackageFacts) -> dict[str, Any]:
    """Return what the UI shows of a version."""
    region = platform.accounts.settings.region
    console = (
        f"https://{region}.console.aws.amazon.com/sagemaker/home?region={region}#/model-packages"
    )
    metadata = {
        "model_package_arn": package.arn,
        "version": package.version,
        "approval": package.approval,
        "model": package.model_data_url,
        "console": dg.MetadataValue.url(console),
        **{f"package/{key}": value for key, value in sorted(package.metadata.items())},
    }
    run_uri = package.metadata.get("run_uri")
    if run_uri:
        try:
            metadata |= _scores(platform, run_uri)
        except PerennialError as error:
            metadata["scores"] = f"unreadable: {error}"
    return metadata


def _scores(platform: Platform, run_uri: str) -> dict[str, Any]:
    body = platform.artifacts.read_uri(f"{run_uri}/evaluate/evaluation.json")
    report = EvaluationReport.model_validate_json(body)
    return {"auc": report.challenger.auc, "log_loss": report.challenger.log_loss}
