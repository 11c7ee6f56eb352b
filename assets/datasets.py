"""Datasets: SQL files that Athena runs into Parquet, named by what they were made from.

A dataset's table points at a location named by the digest of its SQL, window and inputs. Making it
again from the same inputs changes nothing; a new one is switched to in one step, so readers never
see half of it and a failed run leaves the last good one. Feature groups do not belong here.
"""

from typing import Any

import dagster as dg

from assets.contracts import (
    SAMPLE_ROWS,
    breaches_of,
    contract_sql,
    pandera_failures,
    schema_breaches,
    source_breaches,
)
from assets.parts import asset_key, digest_of, query_metadata, table_schema
from assets.statements import count_rows, sample
from assets.statements import create_table_as as create_table_as_sql
from assets.windows import Window, training_window
from resources.athena import REPEATS
from resources.errors import Missing, Terminal, Transient
from resources.glue import TableFacts
from resources.platform import Platform
from usecases import asset_keys, sql
from usecases.declaration import UseCase
from usecases.fields import Dataset

DIGEST = "perennial.digest"


def dataset_assets(use_case: UseCase) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """Return one asset and one blocking contract check per declared dataset."""
    made: list[dg.AssetsDefinition | dg.AssetChecksDefinition] = []
    for dataset in use_case.datasets:
        made += [_dataset(use_case, dataset), _contract(use_case, dataset)]
    return made


def _dataset(use_case: UseCase, dataset: Dataset) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(asset_keys.dataset(use_case.name, dataset.name)),
        deps=[asset_key(key) for key in upstream(use_case, dataset)],
        description=dataset.description,
        group_name=use_case.group,
        kinds={"athena", "glue", "sql"},
        owners=[use_case.owner],
        code_version=digest_of({"sql": use_case.queries[dataset.name]})[:12],
    )
    def dataset_asset(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        window = training_window(platform, use_case)
        digest = input_digest(platform, use_case, dataset, window)
        changed, metadata = materialize(
            platform, use_case, dataset, window=window, digest=digest, salt=context.run_id
        )
        context.log.info("%s: %s", dataset.name, "made" if changed else "unchanged")
        database = platform.names.curated_database(use_case.name)
        table = platform.catalogue.table(database, dataset.name)
        counted = platform.athena.select(
            count_rows(dataset.name),
            database=database,
            intent=f"rows of {table.location}",
            salt=context.run_id,
        )
        return dg.MaterializeResult(
            metadata={
                **metadata,
                "dagster/row_count": int(counted[0]["n"]),
                "dagster/column_schema": table_schema(table.columns),
                "dagster/uri": table.location,
                "window": f"{window.start} to {window.as_of}",
            },
            data_version=dg.DataVersion(digest),
        )

    return dataset_asset


def upstream(use_case: UseCase, dataset: Dataset) -> list[list[str]]:
    """Return the keys of the tables a dataset's SQL reads."""
    return [
        asset_keys.source(use_case.sources.database, table)
        for table in use_case.reads(dataset.name)
    ]


def input_digest(platform: Platform, use_case: UseCase, dataset: Dataset, window: Window) -> str:
    """Return the name of the data that would be made now: SQL, window, and each input's version.

    Raises:
        TableMissing: A source table is not in the catalogue.
        Terminal: A source table lacks a column that the use case counts on, or has it otherwise.
    """
    versions = {
        table: _table_version(platform, _source(platform, use_case, table))
        for table in use_case.reads(dataset.name)
    }
    return digest_of(
        {
            "sql": use_case.queries[dataset.name],
            "window": [window.start, window.as_of],
            "inputs": versions,
        }
    )


def materialize(
    platform: Platform,
    use_case: UseCase,
    dataset: Dataset,
    *,
    window: Window,
    digest: str,
    salt: str,
) -> tuple[bool, dict[str, Any]]:
    """Make the data unless the table has it already; say whether it did, and what it took.

    Raises:
        Terminal: Athena refused the SQL, or the result's columns are not the declared ones; the
            table is left as it was.
    """
    database = platform.names.curated_database(use_case.name)
    if _points_at(platform, database, dataset.name, digest):
        return False, {}
    made = f"{dataset.name}__{digest[:16]}"
    prefix = f"datasets/{use_case.name}/{dataset.name}/{digest}/"
    query = sql.bind(
        use_case.queries[dataset.name],
        window_start=window.start,
        window_end=window.as_of,
        as_of=window.as_of,
    )
    try:
        metadata = create_table_as(platform, database, made, prefix=prefix, query=query, salt=salt)
    except Terminal as error:
        raise Terminal(
            f"{use_case.folder / dataset.sql}: {error}. Mend the SQL of dataset {dataset.name}; "
            "its last good table was kept."
        ) from error
    table = platform.catalogue.table(database, made)
    breaches = schema_breaches(dataset, table.columns)
    if breaches:
        raise Terminal(
            f"{use_case.folder / dataset.sql}: the result is not what is declared for dataset "
            f"{dataset.name}: {'; '.join(breaches)}. Mend the SQL or the declaration in "
            f"{use_case.folder / 'usecase.yaml'}. The last good table was kept."
        )
    parameters = {DIGEST: digest, "perennial.as_of": window.as_of.isoformat()}
    platform.catalogue.point_table(
        database,
        dataset.name,
        columns=table.columns,
        location=table.location,
        parameters=parameters,
    )
    platform.catalogue.drop_table(database, made)
    return True, metadata


def create_table_as(
    platform: Platform, database: str, name: str, *, prefix: str, query: str, salt: str
) -> dict[str, Any]:
    """Run a CTAS to a location of its own, or adopt what a killed run finished there.

    Athena creates the table last, so a table means that its data is whole; data without a table is
    debris, and Athena would refuse to write beside it. A failure that Athena calls retryable may
    have left either, so each repetition looks anew.
    """
    for attempt in range(REPEATS + 1):
        attempt_salt = f"{salt}/{attempt}" if attempt else salt
        try:
            return _create_table_as(
                platform, database, name, prefix=prefix, query=query, salt=attempt_salt
            )
        except Transient as error:
            if error.code != "FAILED" or attempt == REPEATS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _create_table_as(
    platform: Platform, database: str, name: str, *, prefix: str, query: str, salt: str
) -> dict[str, Any]:
    try:
        platform.catalogue.table(database, name)
    except Missing:
        platform.lake.delete_prefix(prefix)
    else:
        return {"adopted": f"{database}.{name}"}
    run = platform.athena.run(
        create_table_as_sql(name, query, location=platform.lake.uri(prefix)),
        database=database,
        intent=f"ctas {database}.{name}",
        salt=salt,
        repeats=0,
    )
    return query_metadata(run)


def _contract(use_case: UseCase, dataset: Dataset) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(asset_keys.dataset(use_case.name, dataset.name)),
        name="contract",
        blocking=True,
        description="Every row keeps what the declaration promises of its columns.",
    )
    def contract(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        database = platform.names.curated_database(use_case.name)
        salt = context.run.run_id
        counted = platform.athena.select(
            contract_sql(dataset, database),
            database=database,
            intent=f"contract {database}.{dataset.name}",
            salt=salt,
        )[0]
        rows = int(counted["row_count"])
        problems = [str(breach) for breach in breaches_of(dataset, counted)]
        if not rows:
            problems.append(f"{database}.{dataset.name} is empty: nothing landed in the window")
        sampled = platform.athena.select(
            sample(dataset.name, list(dataset.columns), SAMPLE_ROWS),
            database=database,
            intent=f"sample {database}.{dataset.name}",
            salt=salt,
        )
        problems += pandera_failures(dataset, sampled)
        return _result(rows, len(sampled), problems)

    return contract


def _result(rows: int, sampled: int, problems: list[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not problems,
        description="; ".join(problems) or f"{rows} rows keep the contract.",
        metadata={"rows": rows, "pandera_rows": sampled, "problems": problems},
    )


def _points_at(platform: Platform, database: str, name: str, digest: str) -> bool:
    try:
        table = platform.catalogue.table(database, name)
    except Missing:
        return False
    return table.parameters.get(DIGEST) == digest


def _source(platform: Platform, use_case: UseCase, name: str) -> TableFacts:
    """Return a raw table that still has what the use case counts on."""
    table = platform.catalogue.table(use_case.sources.database, name)
    breaches = source_breaches(use_case.sources.tables[name], table.columns)
    if breaches:
        raise Terminal(
            f"Upstream changed Glue table {table.database}.{name}: {'; '.join(breaches)}. Ask its "
            f"owner to restore it, or mend sources.tables.{name} and the SQL that reads it in "
            f"{use_case.folder / 'usecase.yaml'}. The last good datasets were kept."
        )
    return table


def _table_version(platform: Platform, table: TableFacts) -> str:
    """Return a version made of catalogue entries alone: no scan, no S3 call."""
    parts: list[Any] = []
    if table.partition_keys:
        parts = [
            (each.values, dict(each.parameters), str(each.created_at))
            for each in platform.catalogue.partitions(table.database, table.name)
        ]
    return digest_of({"parameters": dict(table.parameters), "partitions": parts})
