"""Feature groups: rows of a dataset in the Feature Store, online and offline, and their skew check.

What is written, and how it is resumed, is intake.py's. Joining features to labels does not belong
here.
"""

from typing import Any

import dagster as dg

from assets import resync, skew
from assets.intake import Intake, Work, take_in
from assets.parts import asset_key
from decisions.feature_groups import FeatureType
from resources.feature_groups import FeatureGroupFacts, FeatureGroupSpec
from resources.names import SAGEMAKER_ROLE
from resources.platform import Platform
from usecases import asset_keys
from usecases.declaration import UseCase
from usecases.fields import FeatureGroup

_FEATURE_TYPES: dict[str, FeatureType] = {
    "bigint": "Integral",
    "int": "Integral",
    "boolean": "Integral",
    "double": "Fractional",
}


class FeatureGroupConfig(dg.Config):
    """What a person may ask of one materialization.

    Attributes:
        resync_online: Compare every record online with the offline store's newest, and put right
            what differs: the remedy for what the skew check shows.
    """

    resync_online: bool = False


def feature_group_assets(use_case: UseCase) -> list[dg.AssetsDefinition]:
    """Return one asset per declared feature group."""
    return [_feature_group(use_case, group) for group in use_case.feature_groups]


def feature_group_checks(use_case: UseCase) -> list[dg.AssetChecksDefinition]:
    """Return the skew check of each group that has both stores."""
    return [
        _skew(use_case, group)
        for group in use_case.feature_groups
        if group.online and group.offline
    ]


def spec_of(platform: Platform, use_case: UseCase, group: FeatureGroup) -> FeatureGroupSpec:
    """Return the feature group that a declaration asks for."""
    columns = use_case.dataset(group.dataset).columns
    names = [group.record_id, *group.features]
    typed = [(name, _FEATURE_TYPES.get(columns[name].type, "String")) for name in names]
    return FeatureGroupSpec(
        name=platform.names.feature_group(use_case.name, group.name, group.version),
        record_id=group.record_id,
        event_time=group.event_time,
        features=((typed[0]), (group.event_time, "String"), *typed[1:]),
        bucket_uri=platform.names.feature_store_uri,
        role_arn=platform.names.role_arn("experimentation", SAGEMAKER_ROLE),
        online=group.online,
        table_format=_table_format(group),
        ttl=group.ttl,
        description=group.description,
        remedy=f"give feature group {group.name} version: {group.version + 1} in "
        f"{use_case.folder / 'usecase.yaml'}, and a new one is made and filled beside it",
    )


def _feature_group(use_case: UseCase, group: FeatureGroup) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(asset_keys.feature_group(use_case.name, group.name)),
        deps=[asset_key(asset_keys.dataset(use_case.name, group.dataset))],
        description=group.description,
        group_name=use_case.group,
        kinds={"sagemaker", "featurestore"},
        owners=[use_case.owner],
    )
    def feature_group(
        context: dg.AssetExecutionContext,
        config: FeatureGroupConfig,
        platform: dg.ResourceParam[Platform],
    ) -> dg.MaterializeResult[None]:
        facts = platform.feature_store.ensure_group(spec_of(platform, use_case, group))
        work = Work(platform, use_case, group, facts, context.run_id)
        done = take_in(work)
        context.log.info(
            "%s: of %s rows, %s written (%s) and %s unchanged in %.1f s",
            facts.name, done.rows, done.written, done.way, done.unchanged, done.seconds,
        )  # fmt: skip
        replaced = resync.resync(work) if config.resync_online else 0
        return dg.MaterializeResult(
            metadata={
                **_account(done),
                "resynced_online": replaced,
                "feature_group": facts.name,
                "feature_group_arn": facts.arn,
                "offline_table": f"{facts.glue_database}.{facts.glue_table}",
                "dagster/column_schema": _schema(facts),
            }
        )

    return feature_group


def _skew(use_case: UseCase, group: FeatureGroup) -> dg.AssetChecksDefinition:
    # Not blocking: training reads the offline store alone, so it learns nothing wrong, and holding
    # it back would mend nothing. But what is served now may be wrong, hence an error to look at.
    @dg.asset_check(
        asset=asset_key(asset_keys.feature_group(use_case.name, group.name)),
        name="skew",
        blocking=False,
        description="The newest records are the same online and offline, on a fixed sample.",
    )
    def skew_check(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        name = platform.names.feature_group(use_case.name, group.name, group.version)
        facts = platform.feature_store.describe(name)
        verdict = skew.compare(Work(platform, use_case, group, facts, context.run.run_id))
        passed = verdict.verdict != "skewed"
        remedy = "" if passed else " Materialize it with resync_online: true to put it right."
        return dg.AssetCheckResult(
            passed=passed,
            severity=dg.AssetCheckSeverity.ERROR,
            description=verdict.why + remedy,
            metadata={
                "compared": verdict.compared,
                "counts": dict(verdict.counts),
                "examples": {kind: list(told) for kind, told in verdict.examples.items()},
            },
        )

    return skew_check


def _table_format(group: FeatureGroup) -> Any:
    return {"glue": "Glue", "iceberg": "Iceberg"}[group.table_format] if group.offline else None


def _account(done: Intake) -> dict[str, Any]:
    changed, partitions = done.partitions
    return {
        "dagster/row_count": done.rows,
        "way": done.way,
        "written": done.written,
        "unchanged": done.unchanged,
        "skipped": done.skipped,
        "repeated": done.repeated,
        "mended_online": done.mended,
        "failed": 0,  # or the asset would have failed, with the reasons and examples
        "partitions_compared": changed,
        "partitions": partitions,
        "seconds": done.seconds,
    }


def _schema(facts: FeatureGroupFacts) -> Any:
    return dg.MetadataValue.table_schema(
        dg.TableSchema(
            columns=[dg.TableColumn(name=name, type=kind) for name, kind in facts.features.items()]
        )
    )
