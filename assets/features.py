"""Feature groups: rows of a dataset written to the Feature Store, online and offline.

What is missing is found by comparing dataset and offline store, so an ingest resumes where one was
killed, and a restated row is written again. Joining features to labels does not belong here.
"""

from datetime import timedelta
from typing import Any

import dagster as dg
from sqlglot import exp

from assets.parts import asset_key
from assets.statements import unwritten_records
from resources.feature_store import FeatureGroupFacts, FeatureGroupSpec, FeatureType
from resources.names import SAGEMAKER_ROLE
from resources.platform import Platform
from resources.polling import wait_for
from usecases import asset_keys
from usecases.declaration import UseCase
from usecases.fields import FeatureGroup

#: AWS makes written records visible offline within 15 minutes.
OFFLINE_DEADLINE = timedelta(minutes=20)

_FEATURE_TYPES: dict[str, FeatureType] = {
    "bigint": "Integral",
    "int": "Integral",
    "boolean": "Integral",
    "double": "Fractional",
}


def feature_group_assets(use_case: UseCase) -> list[dg.AssetsDefinition]:
    """Return one asset per declared feature group."""
    return [_feature_group(use_case, group) for group in use_case.feature_groups]


def spec_of(platform: Platform, use_case: UseCase, group: FeatureGroup) -> FeatureGroupSpec:
    """Return the feature group that a declaration asks for."""
    columns = use_case.dataset(group.dataset).columns
    names = [group.record_id, *group.features]
    typed = [(name, _FEATURE_TYPES.get(columns[name].type, "String")) for name in names]
    return FeatureGroupSpec(
        name=platform.names.feature_group(use_case.name, group.name),
        record_id=group.record_id,
        event_time=group.event_time,
        features=((typed[0]), (group.event_time, "String"), *typed[1:]),
        bucket_uri=platform.names.feature_store_uri,
        role_arn=platform.names.role_arn("experimentation", SAGEMAKER_ROLE),
        online=group.online,
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
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        facts = platform.feature_store.ensure_group(spec_of(platform, use_case, group))
        sql = unwritten(platform, use_case, group, facts)
        database = platform.names.curated_database(use_case.name)
        intent = f"unwritten {facts.arn}"
        run = platform.athena.run(sql, database=database, intent=intent, salt=context.run_id)
        name = platform.names.feature_group(use_case.name, group.name)
        report = platform.feature_store.ingest(name, platform.athena.rows(run.query_id))
        context.log.info("%s: %s records written in %.1f s", name, report.written, report.seconds)
        rows = _visible(platform, facts, sql, database, salt=context.run_id)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows,
                "written": report.written,
                "skipped": report.skipped,
                "seconds": report.seconds,
                "feature_group_arn": facts.arn,
                "offline_table": f"{facts.glue_database}.{facts.glue_table}",
                "dagster/column_schema": _schema(platform, use_case, group),
            }
        )

    return feature_group


def unwritten(
    platform: Platform, use_case: UseCase, group: FeatureGroup, facts: FeatureGroupFacts
) -> str:
    """Return the SELECT of the dataset's rows that the offline store lacks."""
    database = platform.names.curated_database(use_case.name)
    return unwritten_records(
        exp.table_(group.dataset, db=database, quoted=True),
        exp.table_(facts.glue_table, db=facts.glue_database, quoted=True),
        record_id=group.record_id,
        event_time=group.event_time,
        columns=[group.record_id, group.event_time, *group.features],
    )


def _visible(
    platform: Platform, facts: FeatureGroupFacts, sql: str, database: str, *, salt: str
) -> int:
    """Wait until the offline store shows every row; return how many records it holds."""
    missing = exp.select(exp.alias_(exp.Count(this=exp.Star()), "missing"))
    counting = missing.from_(f"({sql}) AS unwritten", dialect="athena").sql("athena")
    looks = iter(range(1_000_000))

    def look() -> bool | None:
        number = next(looks)
        answer = platform.athena.select(
            counting, database=database, intent=f"unwritten {facts.arn}", salt=f"{salt}/{number}"
        )
        return True if int(answer[0]["missing"]) == 0 else None

    wait_for(
        look,
        f"feature group {facts.arn} to show its records offline",
        deadline=OFFLINE_DEADLINE,
        first=0.3,
    )
    stored = exp.table_(facts.glue_table, db=facts.glue_database, quoted=True)
    total = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(stored).sql("athena")
    answer = platform.athena.select(
        total, database=database, intent=f"count {facts.arn}", salt=salt
    )
    return int(answer[0]["n"])


def _schema(platform: Platform, use_case: UseCase, group: FeatureGroup) -> Any:
    spec = spec_of(platform, use_case, group)
    return dg.MetadataValue.table_schema(
        dg.TableSchema(
            columns=[dg.TableColumn(name=name, type=kind) for name, kind in spec.features]
        )
    )
