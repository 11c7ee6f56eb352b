"""Training: one SageMaker Pipeline run becomes the model, its reports and the gates' verdict.

The pipeline stands alone; here it is started once per training set and champion, its steps are told
as they end, and its reports are shown. Registering and approving belong to registry.py.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets import plots
from assets.baseline import ensure_baseline
from assets.compiling import Compiled, commit, ensure_pipeline
from assets.parts import asset_key, digest_of
from assets.registry import Reports, read_reports
from assets.training_set import current
from decisions.gates import GateParameters
from resources.errors import Terminal
from resources.glue import TableFacts
from resources.model_registry import PackageFacts
from resources.objects import parse_s3_uri
from resources.platform import Platform
from resources.sagemaker import ExecutionFacts, StepFacts
from resources.serving import champion_of
from usecases import asset_keys
from usecases import run_tags as tags
from usecases.declaration import UseCase

_GOING = frozenset({"Executing", "Stopping", "Succeeded"})
_REFUSE = "Refuse"


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A pipeline execution that ended, by a gate's refusal or well."""

    execution: ExecutionFacts
    run_uri: str
    model_uri: str
    compiled: Compiled

    @property
    def refused(self) -> bool:
        """Say whether the pipeline's gates refused the model."""
        return not self.execution.succeeded


def training_assets(use_case: UseCase) -> dg.AssetsDefinition:
    """Return the model and its reports, made together by one pipeline run."""
    name = use_case.name
    training_set, model = asset_keys.training_set(name), asset_keys.model(name)
    data, evaluation, bias = (
        asset_keys.data_report(name),
        asset_keys.evaluation(name),
        asset_keys.bias(name),
    )
    # Key, what it comes from, what it is: the pipeline's own graph.
    made = [
        (data, [training_set], "What validation found in the training set."),
        (model, [training_set], "The challenger, in LightGBM's own text format."),
        (evaluation, [model], "Challenger and champion on the same rows."),
        (bias, [model], "How each group is treated."),
        (asset_keys.gate_report(name), [data, evaluation, bias], "The verdict of every gate."),
    ]
    specs = [
        dg.AssetSpec(
            asset_key(key),
            deps=[asset_key(each) for each in deps],
            description=description,
            group_name=use_case.group,
            kinds={"sagemaker", "lightgbm"} if key == model else {"sagemaker"},
            owners=[use_case.owner],
        )
        for key, deps, description in made
    ]

    @dg.multi_asset(
        name=f"{name}__training",
        specs=specs,
        check_specs=[_check_spec(use_case, gate) for gate in use_case.gates],
    )
    def training(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        run = train(platform, use_case, run_id=context.run_id, log=context.log.info)
        reports = read_reports(platform, run.run_uri, run.model_uri)
        _tag(context, current(platform, use_case), refused=run.refused)
        yield from _results(use_case, run, reports)
        yield from _checks(use_case, reports)

    return training


def train(
    platform: Platform, use_case: UseCase, *, run_id: str, log: Callable[[str], None]
) -> TrainingRun:
    """Train on the newest training set, or re-attach to the execution that did or does.

    Raises:
        Terminal: There is no training set, or a step failed; the message has step and reason.
        CompileError: The pipeline could not be compiled.
    """
    table = current(platform, use_case)
    compiled = ensure_pipeline(platform, use_case)
    log(f"pipeline {compiled.name}: {'compiled and updated' if compiled.changed else 'unchanged'}")
    packages = platform.registry(use_case.name).packages()
    parameters = _parameters(platform, use_case, table, _opponent(packages, table, compiled))
    intent = digest_of(
        {"parameters": parameters, "code": compiled.code_sha256, "config": compiled.config_sha256}
    )
    arn = _start(
        platform,
        compiled,
        {**parameters, "Commit": commit(), "DagsterRunId": run_id},
        prefix=f"{platform.names.slug(use_case.name)}-{intent[:16]}-",
    )
    log(f"execution {arn}")
    execution = platform.training.wait(arn, on_step=lambda step: log(_line(step)))
    return _ended(platform, use_case, execution, compiled)


def _start(
    platform: Platform, compiled: Compiled, parameters: dict[str, str], *, prefix: str
) -> str:
    """Start an execution, unless the newest attempt at the very same training is good to attach to.

    An attempt is named by what goes into it. One that failed before the gates had their say is
    tried again under the next number; one that runs, succeeded or was refused is the answer.
    """
    attempts = platform.training.named(compiled.name, prefix)
    numbers = {int(name.removeprefix(prefix)): arn for name, arn in attempts.items()}
    newest = max(numbers, default=0)
    if newest:
        facts = platform.training.describe(numbers[newest])
        if facts.status in _GOING or _refused(platform, facts.arn):
            return facts.arn
    display_name = f"{prefix}{newest + 1}"
    return platform.training.start(
        compiled.name,
        parameters,
        intent=f"{display_name} {parameters['DagsterRunId']}",
        display_name=display_name,
    )


def _ended(
    platform: Platform, use_case: UseCase, execution: ExecutionFacts, compiled: Compiled
) -> TrainingRun:
    """Read an ended execution.

    Raises:
        Terminal: A step failed for another reason than a gate's refusal.
    """
    steps = {step.name: step for step in platform.training.steps(execution.arn)}
    if not execution.succeeded and _REFUSE not in steps:
        failed = [
            f"{step.name}: {step.failure_reason}" for step in steps.values() if step.failure_reason
        ]
        raise Terminal(
            f"{execution.arn} ended {execution.status}. "
            f"{'; '.join(failed) or execution.failure_reason}. What serves was left alone."
        )
    job = steps["Train"].metadata["TrainingJob"]["Arn"].rpartition("/")[2]
    run_id = execution.arn.rpartition("/")[2]
    run_uri = platform.artifacts.uri(f"runs/{platform.names.slug(use_case.name)}/{run_id}")
    return TrainingRun(execution, run_uri, f"{run_uri}/train/{job}/output/model.tar.gz", compiled)


def _refused(platform: Platform, arn: str) -> bool:
    return any(step.name == _REFUSE for step in platform.training.steps(arn))


def _opponent(
    packages: Iterable[PackageFacts], table: TableFacts, compiled: Compiled
) -> PackageFacts | None:
    """Return the version to beat: the champion, if it was made from anything else than is now.

    Where nothing has changed since, a challenger could only be the champion again. The champion's
    own opponent names the execution that made it, which is then attached to.
    """
    known = {package.arn: package for package in packages}
    champion = champion_of(known.values())
    if champion is None:
        return None
    now = {
        "training_set_sha256": json.loads(table.parameters["perennial.summary"])["sha256"],
        "code_sha256": compiled.code_sha256,
        "config_sha256": compiled.config_sha256,
    }
    if any(champion.metadata.get(name) != digest for name, digest in now.items()):
        return champion
    return known.get(champion.metadata.get("champion_package_arn", "none"))


def _parameters(
    platform: Platform, use_case: UseCase, table: TableFacts, champion: PackageFacts | None
) -> dict[str, str]:
    summary = json.loads(table.parameters["perennial.summary"])
    return {
        "TrainingSetUri": summary["uri"],
        "TrainingSetSha256": summary["sha256"],
        "ChampionUri": _champion_uri(platform, champion),
        "ChampionPackageArn": champion.arn if champion else "none",
        "TrainedFrom": table.parameters["perennial.trained_from"],
        "TrainedThrough": table.parameters["perennial.trained_through"],
        "DriftBaselineUri": ensure_baseline(platform, use_case, table),
    }


def _champion_uri(platform: Platform, champion: PackageFacts | None) -> str:
    """Return the S3 prefix that holds the champion's model.tar.gz, or the one that says none.

    Raises:
        Terminal: The champion's artifact lies in another bucket.
    """
    if champion is None:
        return platform.names.no_champion_uri
    bucket, key = parse_s3_uri(champion.model_data_url)
    if bucket != platform.artifacts.bucket:
        raise Terminal(f"{champion.arn} has its model in {bucket}, not in the artifact bucket.")
    return platform.artifacts.uri(key.rpartition("/")[0])


def _tag(context: dg.AssetExecutionContext, table: TableFacts, *, refused: bool) -> None:
    """Tell the governor what this run tried, and how it ended."""
    found = {tags.TRIED_THROUGH: table.parameters["perennial.trained_through"]}
    if refused:
        found[tags.OUTCOME] = "refused"
    context.instance.add_run_tags(context.run_id, found)


def _results(
    use_case: UseCase, run: TrainingRun, reports: Reports
) -> Iterator[dg.MaterializeResult[None]]:
    name = use_case.name
    base = {"execution_arn": run.execution.arn, "uri": run.run_uri}
    challenger, champion = reports.evaluation.challenger, reports.evaluation.champion
    yield _result(
        asset_keys.data_report(name),
        base
        | {
            "dagster/row_count": reports.data.rows,
            "label_rate": reports.data.label_rate,
            "problems": list(reports.data.problems),
        },
    )
    yield _result(
        asset_keys.model(name),
        base
        | {
            "model": run.model_uri,
            "model_sha256": reports.model_sha256,
            "code_sha256": run.compiled.code_sha256,
            "config_sha256": run.compiled.config_sha256,
            "commit": commit(),
            "feature_importance": reports.evaluation.feature_importance,
        },
        version=reports.model_sha256,
    )
    yield _result(
        asset_keys.evaluation(name),
        base
        | {
            "auc": challenger.auc,
            "champion_auc": champion.auc if champion else None,
            "champion": reports.evaluation.champion_package_arn,
            "log_loss": challenger.log_loss,
            "brier": challenger.brier,
            "rows": challenger.rows,
            "test_window": f"{reports.evaluation.test_from} to {reports.evaluation.test_through}",
            "roc": plots.roc(reports.evaluation),
            "calibration": plots.calibration(reports.evaluation),
        },
    )
    yield _result(asset_keys.bias(name), base | {"facets": _facets(reports)})
    yield _result(
        asset_keys.gate_report(name),
        base | {"passed": reports.gates.passed, "refused_by_pipeline": run.refused},
    )


def _checks(use_case: UseCase, reports: Reports) -> Iterator[dg.AssetCheckResult]:
    """Yield every gate's verdict as the pipeline's judge gave it."""
    for result in reports.gates.results:
        yield dg.AssetCheckResult(
            check_name=result.gate,
            asset_key=asset_key(asset_keys.gate_report(use_case.name)),
            passed=result.passed,
            description=result.why,
            metadata={
                key: value
                for key, value in {
                    "observed": result.observed,
                    "threshold": result.threshold,
                }.items()
                if value is not None
            },
        )


def _check_spec(use_case: UseCase, gate: GateParameters) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        gate.gate,
        asset=asset_key(asset_keys.gate_report(use_case.name)),
        blocking=gate.blocking,
        description=(type(gate).__doc__ or gate.gate).splitlines()[0],
    )


def _result(
    key: list[str], metadata: dict[str, Any], *, version: str | None = None
) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(
        asset_key=asset_key(key),
        metadata={name: value for name, value in metadata.items() if value is not None},
        data_version=dg.DataVersion(version) if version else None,
    )


def _facets(reports: Reports) -> dg.MetadataValue[Any]:
    header = "| facet | value | rows | label rate | predicted rate |\n|---|---|---|---|---|"
    rows = [
        f"| {f.facet} | {f.value} | {f.rows} | {_share(f.positive_rate_label)} | "
        f"{_share(f.positive_rate_prediction)} |"
        for f in reports.bias.facets
    ]
    return dg.MetadataValue.md("\n".join([header, *rows]))


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _line(step: StepFacts) -> str:
    took = ""
    if step.started_at and step.ended_at:
        took = f" after {(step.ended_at - step.started_at).total_seconds():.1f} s"
    return f"step {step.name}: {step.status}{took} {step.failure_reason}".rstrip()
