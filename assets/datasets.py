"""Datasets: SQL files that Athena runs into tables, as assets with their contract checks.

A dataset whose SQL asks for a window has a partition per day of its event time, made again when an
input of that day changed; another is made as a whole. The days of a dataset are an asset of their
own (ADR 0017), which the days of the raw tables lead to and which a backfill makes; the dataset is
their sum, and brings up to date what is not. How they are made is the business of
dataset_partitions and dataset_tables; feature groups do not belong here.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

import dagster as dg

from assets.contracts import contract_check
from assets.dataset_inputs import Inputs, table_reach
from assets.dataset_partitions import Partitioned, make_days
from assets.dataset_tables import make_whole, whole_digest
from assets.dataset_versions import Versions, version_of_days, versions_of
from assets.day_tables import DayMade
from assets.iceberg_publish import SNAPSHOT
from assets.lineage import column_lineage
from assets.parts import (
    asset_key,
    daily_partitions,
    digest_of,
    query_totals,
    table_schema,
    without_beta_warnings,
)
from assets.quarantine_check import quarantine_result, quarantine_spec
from assets.statements import count_rows
from assets.windows import dataset_days, landed_through
from resources.errors import Terminal
from resources.platform import Platform
from usecases import asset_keys
from usecases.declaration import UseCase
from usecases.fields import Dataset


def dataset_assets(use_case: UseCase) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """Return each dataset's asset and blocking contract check, and its days' where it has any."""
    made: list[dg.AssetsDefinition | dg.AssetChecksDefinition] = []
    for dataset in use_case.datasets:
        if dataset.partition_by:
            made += [_days(use_case, dataset), _sum_of_days(use_case, dataset)]
        else:
            made.append(_whole(use_case, dataset))
        made.append(contract_check(use_case, dataset))
    return made


def _daily(use_case: UseCase) -> dg.DailyPartitionsDefinition:
    start = use_case.sources.start
    assert start is not None  # noqa: S101 - usecases.checks saw to it
    return daily_partitions(start)


def _kinds(dataset: Dataset) -> set[str]:
    return {"athena", "iceberg" if dataset.table_format == "iceberg" else "glue", "sql"}


def _code_version(use_case: UseCase, dataset: Dataset) -> str:
    return digest_of({"sql": use_case.queries[dataset.name]})[:12]


def _whole(use_case: UseCase, dataset: Dataset) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(asset_keys.dataset(use_case.name, dataset.name)),
        description=dataset.description,
        group_name=use_case.group,
        kinds=_kinds(dataset),
        owners=[use_case.owner],
        code_version=_code_version(use_case, dataset),
        deps=[asset_key(key) for key in upstream(use_case, dataset)],
    )
    def dataset_asset(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        inputs = Inputs(platform, use_case, dataset)
        as_of = landed_through(platform, use_case)
        digest = whole_digest(use_case, dataset, inputs, as_of)
        took = make_whole(
            platform, use_case, dataset, as_of=as_of, digest=digest, salt=context.run_id
        )
        context.log.info("%s: %s", dataset.name, "unchanged" if took is None else "made")
        return dg.MaterializeResult(
            metadata={
                **(took or {}),
                **_rows(_counted(platform, use_case, dataset, salt=context.run_id)),
                **_shown(platform, use_case, dataset),
                "as_of": str(as_of),
            },
            data_version=dg.DataVersion(digest),
        )

    return dataset_asset


@without_beta_warnings
def _days(use_case: UseCase, dataset: Dataset) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(asset_keys.dataset_days(use_case.name, dataset.name)),
        description=f"{dataset.description} By day: backfill what is to be made anew.",
        group_name=use_case.group,
        kinds=_kinds(dataset),
        owners=[use_case.owner],
        code_version=_code_version(use_case, dataset),
        deps=_partition_deps(use_case, dataset),
        partitions_def=_daily(use_case),
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[quarantine_spec(asset_keys.dataset_days(use_case.name, dataset.name))],
    )
    def dataset_days_asset(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:  # type: ignore[type-arg] # else Dagster expects a tuple
        asked = [date.fromisoformat(key) for key in context.partition_keys]
        as_of = landed_through(platform, use_case)
        _refuse_the_future(use_case, dataset, asked, as_of)
        done = make_days(
            platform,
            use_case,
            dataset,
            Inputs(platform, use_case, dataset),
            days=asked,
            as_of=as_of,
            asked=asked,
            salt=context.run_id,
        )
        context.log.info("%s: %s", dataset.name, done.plan.why)
        return dg.MaterializeResult(
            metadata=_of_days(done, as_of),
            check_results=[quarantine_result(use_case, done.quarantined)],
        )

    return dataset_days_asset


def _sum_of_days(use_case: UseCase, dataset: Dataset) -> dg.AssetsDefinition:
    days = asset_key(asset_keys.dataset_days(use_case.name, dataset.name))

    @dg.asset(
        key=asset_key(asset_keys.dataset(use_case.name, dataset.name)),
        description=dataset.description,
        group_name=use_case.group,
        kinds=_kinds(dataset),
        owners=[use_case.owner],
        code_version=_code_version(use_case, dataset),
        deps=[days],
        check_specs=[quarantine_spec(asset_keys.dataset(use_case.name, dataset.name))],
    )
    def dataset_asset(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:  # type: ignore[type-arg] # else Dagster expects a tuple
        as_of = landed_through(platform, use_case)
        wanted = dataset_days(use_case, as_of)
        inputs = Inputs(platform, use_case, dataset)
        done = make_days(
            platform, use_case, dataset, inputs, days=wanted, as_of=as_of, salt=context.run_id
        )
        context.log.info("%s: %s", dataset.name, done.plan.why)
        for day in done.made:
            context.log_event(_day_made(days, day))
        now = versions_of(platform, use_case, dataset.name)
        return dg.MaterializeResult(
            metadata={
                **_of_days(done, as_of),
                **_rows(now.rows),
                **_shown(platform, use_case, dataset),
            },
            data_version=_version(dataset, done, now, wanted),
            check_results=[quarantine_result(use_case, done.quarantined)],
        )

    return dataset_asset


def _version(
    dataset: Dataset, done: Partitioned, now: Versions, wanted: Sequence[date]
) -> dg.DataVersion | None:
    # A day in quarantine may have no good version yet: then the sum has no version either.
    if done.quarantined:
        return None
    return dg.DataVersion(version_of_days(dataset.name, now, wanted))


def _of_days(done: Partitioned, as_of: datetime) -> dict[str, Any]:
    return {
        **query_totals(done.queries),
        "as_of": str(as_of),
        "plan": done.plan.why,
        "days_made": len(done.made),
        "days_kept": done.plan.kept,
        "days_quarantined": len(done.quarantined),
        "made": _table_of_days(done),
    }


def _refuse_the_future(
    use_case: UseCase, dataset: Dataset, asked: list[date], as_of: datetime
) -> None:
    ahead = [day for day in asked if datetime.combine(day, time()) >= as_of]
    if ahead:
        raise Terminal(
            f"{use_case.name}.{dataset.name}: {ahead[0]} was asked for, and the sources have "
            f"landed through {as_of} only. Ask for days before that, or land data first."
        )


def _day_made(key: dg.AssetKey, day: DayMade) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        key,
        partition=day.day.isoformat(),
        metadata={
            "dagster/partition_row_count": day.rows,
            "dagster/uri": day.location,
            "why": day.why,
        },
        tags={"dagster/data_version": day.digest},
    )


def _table_of_days(done: Partitioned) -> dg.MetadataValue[Any]:
    records = [
        dg.TableRecord({"day": day.day.isoformat(), "rows": day.rows, "why": day.why})
        for day in done.made
    ]
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn("day", "string"),
            dg.TableColumn("rows", "int"),
            dg.TableColumn("why", "string"),
        ]
    )
    return dg.MetadataValue.table(records, schema=schema)


def _shown(platform: Platform, use_case: UseCase, dataset: Dataset) -> dict[str, Any]:
    """Return what every materialization shows of its table, from the catalogue."""
    database = platform.names.curated_database(use_case.name)
    table = platform.catalogue.table(database, dataset.name)
    return {
        "dagster/column_schema": table_schema(table.columns),
        "dagster/column_lineage": column_lineage(use_case, dataset),
        "dagster/uri": table.location,
        "dagster/table_name": f"{database}.{dataset.name}",
        **(
            {"iceberg_snapshot": table.parameters[SNAPSHOT]} if SNAPSHOT in table.parameters else {}
        ),
    }


def _rows(rows: int | None) -> dict[str, int]:
    return {} if rows is None else {"dagster/row_count": rows}


def _counted(platform: Platform, use_case: UseCase, dataset: Dataset, *, salt: str) -> int:
    """Ask Athena for the rows of a table that has no partitions to say it."""
    database = platform.names.curated_database(use_case.name)
    counted = platform.athena.select(
        count_rows(dataset.name),
        database=database,
        intent=f"rows of {database}.{dataset.name}",
        salt=salt,
    )
    return int(counted[0]["n"])


@without_beta_warnings
def _partition_deps(use_case: UseCase, dataset: Dataset) -> list[dg.AssetDep]:
    """Return the tables a dataset reads, each with the days that one of its days is made from."""
    reach = table_reach(use_case, dataset)
    deps = []
    for table in use_case.reads(dataset.name):
        key = asset_key(asset_keys.source(use_case.sources.database, table))
        days = reach[table]
        if days is None:
            deps.append(dg.AssetDep(key))
            continue
        mapping = dg.TimeWindowPartitionMapping(
            start_offset=days.first,
            end_offset=days.last,
            allow_nonexistent_upstream_partitions=True,
        )
        deps.append(dg.AssetDep(key, partition_mapping=mapping))
    return deps


def upstream(use_case: UseCase, dataset: Dataset) -> list[list[str]]:
    """Return the keys of the tables a dataset's SQL reads."""
    return [
        asset_keys.source(use_case.sources.database, table)
        for table in use_case.reads(dataset.name)
    ]
