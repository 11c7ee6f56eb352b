"""The training set: every labelled row with the features known at its event time, named by content.

A manifest lists the files with their sha256 and what they were made from; its own digest names the
set. The same manifest always means the same bytes. Splitting and encoding belong to the pipeline.
"""

import hashlib
import json
from typing import Any

import dagster as dg

from assets.ctas import create_table_as
from assets.dataset_tables import DIGEST
from assets.dataset_versions import dataset_version
from assets.parts import asset_key, digest_of, table_schema
from assets.windows import Window, training_window
from resources.errors import Missing, Terminal
from resources.glue import TableFacts
from resources.objects import parse_s3_uri
from resources.platform import Platform
from usecases import asset_keys, point_in_time
from usecases.declaration import UseCase

TABLE = "training_set"


def training_set_asset(use_case: UseCase) -> dg.AssetsDefinition:
    """Return the asset that joins labels and features as they were known at the time."""
    spine = asset_keys.dataset(use_case.name, use_case.training_set.spine)
    groups = [
        asset_keys.feature_group(use_case.name, join.group) for join in use_case.training_set.joins
    ]

    @dg.asset(
        key=asset_key(asset_keys.training_set(use_case.name)),
        deps=[asset_key(key) for key in [spine, *groups]],
        description="Labels joined, point in time, with the features known then.",
        group_name=use_case.group,
        kinds={"athena", "parquet"},
        owners=[use_case.owner],
    )
    def training_set(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        window = training_window(platform, use_case)
        table = build(platform, use_case, window, salt=context.run_id)
        manifest = json.loads(table.parameters["perennial.summary"])
        context.log.info("training set %s: %s rows", manifest["sha256"][:12], manifest["rows"])
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": manifest["rows"],
                "dagster/uri": manifest["uri"],
                "dagster/column_schema": table_schema(table.columns),
                "manifest_sha256": manifest["sha256"],
                "window": f"{window.start} to {window.as_of}",
            },
            data_version=dg.DataVersion(manifest["sha256"]),
        )

    return training_set


def build(platform: Platform, use_case: UseCase, window: Window, *, salt: str) -> TableFacts:
    """Make the training set of a window, unless it is there; return the table that names it.

    Raises:
        Terminal: A dataset or feature group it needs was never materialized, or the set is empty.
    """
    sql, inputs = _query(platform, use_case, window)
    digest = digest_of({"sql": sql, "inputs": inputs})
    database = platform.names.curated_database(use_case.name)
    if (current := _current(platform, database, digest)) is not None:
        return current
    prefix = f"training-sets/{use_case.name}/{digest}"
    made = f"{TABLE}__{digest[:16]}"
    create_table_as(platform, database, made, prefix=f"{prefix}/data/", query=sql, salt=salt)
    table = platform.catalogue.table(database, made)
    summary = _write_manifest(platform, use_case, prefix, window, inputs=inputs, sql=sql)
    platform.catalogue.point_table(
        database,
        TABLE,
        columns=table.columns,
        location=table.location,
        parameters={
            DIGEST: digest,
            "perennial.summary": json.dumps(summary, sort_keys=True),
            "perennial.trained_from": window.start.isoformat(),
            "perennial.trained_through": window.as_of.isoformat(),
        },
    )
    platform.catalogue.drop_table(database, made)
    return platform.catalogue.table(database, TABLE)


def current(platform: Platform, use_case: UseCase) -> TableFacts:
    """Return the table of the newest training set.

    Raises:
        TableMissing: There is none yet.
    """
    return platform.catalogue.table(platform.names.curated_database(use_case.name), TABLE)


def _query(platform: Platform, use_case: UseCase, window: Window) -> tuple[str, dict[str, str]]:
    """Return the join's SQL, and the version of everything it reads."""
    database = platform.names.curated_database(use_case.name)
    spine = use_case.training_set.spine
    inputs = {spine: dataset_version(platform, use_case, spine, window)}
    groups = {}
    for join in use_case.training_set.joins:
        group = use_case.feature_group(join.group)
        facts = platform.feature_store.describe(
            platform.names.feature_group(use_case.name, group.name, group.version)
        )
        groups[group.name] = point_in_time.Table(facts.glue_database, facts.glue_table)
        # The group holds just what its dataset holds once the ingest is done.
        inputs[group.name] = dataset_version(platform, use_case, group.dataset, window)
    tables = point_in_time.Tables(point_in_time.Table(database, spine), groups)
    span = point_in_time.Window(window.start, window.as_of, window.as_of)
    return point_in_time.training_set_sql(use_case, tables, span), inputs


def _write_manifest(
    platform: Platform,
    use_case: UseCase,
    prefix: str,
    window: Window,
    *,
    inputs: dict[str, str],
    sql: str,
) -> dict[str, Any]:
    files = [
        _file(platform, prefix, each.key)
        for each in platform.lake.list(f"{prefix}/data/")
        if each.size
    ]
    rows = sum(each["rows"] for each in files)
    if not rows:
        raise Terminal(
            f"The training set of {use_case.name} from {window.start} to {window.as_of} is empty: "
            "no labelled row landed in the window. Land data, or widen training_set.window."
        )
    manifest = {
        "use_case": use_case.name,
        "window": [window.start.isoformat(), window.as_of.isoformat()],
        "inputs": inputs,
        "sql_sha256": hashlib.sha256(sql.encode()).hexdigest(),
        "files": files,
        "rows": rows,
    }
    body = json.dumps(manifest, sort_keys=True, indent=1).encode()
    platform.lake.put(f"{prefix}/manifest.json", body)
    return {
        "uri": platform.lake.uri(prefix),
        "sha256": hashlib.sha256(body).hexdigest(),
        "rows": rows,
    }


def _file(platform: Platform, prefix: str, key: str) -> dict[str, Any]:
    """Return a file's manifest entry; Parquet's footer knows the rows."""
    import io

    import pyarrow.parquet as pq

    body = platform.lake.get(key)
    return {
        "path": key.removeprefix(f"{prefix}/"),
        "sha256": hashlib.sha256(body).hexdigest(),
        "rows": pq.ParquetFile(io.BytesIO(body)).metadata.num_rows,
        "bytes": len(body),
    }


def _current(platform: Platform, database: str, digest: str) -> TableFacts | None:
    try:
        table = platform.catalogue.table(database, TABLE)
    except Missing:
        return None
    if table.parameters.get(DIGEST) != digest:
        return None
    bucket, key = parse_s3_uri(json.loads(table.parameters["perennial.summary"])["uri"])
    whole = bucket == platform.lake.bucket and platform.lake.exists(f"{key}/manifest.json")
    return table if whole else None
