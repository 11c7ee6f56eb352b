"""Training: one SageMaker Pipeline run becomes the model, its reports and the gates' verdict.

Shows what one execution brought (execution.py starts and follows it). Registering and approving
belong to registry.py.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets import costs, plots
from assets.compiling import commit
from assets.execution import TrainingRun, train
from assets.parts import asset_key
from assets.registry import Reports, read_reports
from assets.training_set import current
from decisions.gates import GateParameters
from resources.glue import TableFacts
from resources.platform import Platform
from resources.sagemaker import StepFacts
from usecases import asset_keys
from usecases import run_tags as tags
from usecases.declaration import UseCase


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
        context.instance.add_run_tags(context.run_id, {tags.SPENDING: "true"})
        run = train(
            platform,
            use_case,
            run_id=context.run_id,
            log=context.log.info,
            ended=lambda steps: _tag_cost(context, use_case, steps),
        )
        reports = read_reports(platform, run.run_uri, run.model_uri)
        _tag(context, current(platform, use_case), refused=run.refused)
        yield from _results(use_case, run, reports)
        yield from _checks(use_case, reports)

    return training


def _tag(context: dg.AssetExecutionContext, table: TableFacts, *, refused: bool) -> None:
    """Tell the governor what this run tried, and how it ended."""
    found = {tags.TRIED_THROUGH: table.parameters["perennial.trained_through"]}
    if refused:
        found[tags.OUTCOME] = "refused"
    context.instance.add_run_tags(context.run_id, found)


def _tag_cost(
    context: dg.AssetExecutionContext, use_case: UseCase, steps: Sequence[StepFacts]
) -> None:
    """Tell the governor what this run cost, whatever becomes of it."""
    record = context.instance.get_run_record_by_id(context.run_id)
    since = record.create_timestamp if record else datetime.min.replace(tzinfo=UTC)
    jobs = costs.pipeline_usd(use_case, steps, since=since)
    if jobs is not None:
        total = jobs + costs.queries_usd(context.instance, context.run_id)
        context.instance.add_run_tags(context.run_id, {tags.COST: f"{total:.6f}"})


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
