"""The training set: every labelled row with the features known at its event time, named by content.

A manifest lists the files with their sha256 and what they were made from; its own digest names the
set. The same manifest always means the same bytes. Splitting and encoding belong to the pipeline;
which version of what is read, to versions.py.
"""

import hashlib
import json
from datetime import datetime

import dagster as dg

from assets import manifests
from assets.ctas import create_table_as
from assets.dataset_days import DIGEST
from assets.parts import asset_key, digest_of, table_schema
from assets.versions import Reading, reading
from assets.windows import Window, training_window
from decisions.manifest import ColumnEntry, Manifest
from resources.errors import Terminal
from resources.glue import ColumnFacts, TableFacts
from resources.platform import Platform
from usecases import asset_keys, point_in_time
from usecases import run_tags as tags
from usecases.declaration import UseCase
from usecases.fields import parse_naive_utc

TABLE = "training_set"


class TrainingSetConfig(dg.Config):
    """How a run may differ from the declaration.

    Attributes:
        written_by: Leave out feature records written later: an ISO time in UTC, without an offset.
    """

    written_by: str | None = None


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
        context: dg.AssetExecutionContext,
        config: TrainingSetConfig,
        platform: dg.ResourceParam[Platform],
    ) -> dg.MaterializeResult[None]:
        window = training_window(platform, use_case)
        wanted = config.written_by or context.run.tags.get(tags.WRITTEN_BY)
        written_by = _moment(wanted) if wanted else None
        table = build(platform, use_case, window, salt=context.run_id, written_by=written_by)
        manifest = manifest_of(platform, use_case, table)
        context.log.info("training set %s: %s rows", manifest.sha256[:12], manifest.rows)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": manifest.rows,
                "dagster/uri": json.loads(table.parameters["perennial.summary"])["uri"],
                "dagster/column_schema": table_schema(table.columns),
                "manifest_sha256": manifest.sha256,
                "rows_sha256": manifest.rows_sha256,
                "window": f"{window.start} to {window.as_of}",
                "written_by": str(manifest.written_by),
            },
            data_version=dg.DataVersion(manifest.sha256),
        )

    return training_set


def build(
    platform: Platform,
    use_case: UseCase,
    window: Window,
    *,
    salt: str,
    written_by: datetime | None = None,
) -> TableFacts:
    """Make the training set of a window, unless it is there; return the table that names it.

    Args:
        platform: The doors.
        use_case: What to learn.
        window: Which rows.
        salt: Tells repetitions of the same query apart.
        written_by: Feature records written later are left out; by default as declared, else the
            newest record's time, so that every manifest says what its set was made from.

    Raises:
        Terminal: A dataset or feature group it needs was never materialized, or the set is empty.
    """
    cutoff = written_by or use_case.training_set.written_by
    read = reading(platform, use_case, window, written_by=cutoff, salt=salt)
    span = point_in_time.Window(window.start, window.as_of, window.as_of)
    sql = point_in_time.training_set_sql(use_case, read.tables, span, written_by=read.written_by)
    digest = digest_of({"sql": sql, "inputs": read.identity})
    manifest = manifests.stored(platform, use_case.name, digest)
    if manifest is None:
        manifest = _make(platform, use_case, window, read, sql=sql, digest=digest, salt=salt)
    return _point(platform, use_case, window, manifest)


def current(platform: Platform, use_case: UseCase) -> TableFacts:
    """Return the table of the newest training set.

    Raises:
        TableMissing: There is none yet.
    """
    return platform.catalogue.table(platform.names.curated_database(use_case.name), TABLE)


def manifest_of(platform: Platform, use_case: UseCase, table: TableFacts) -> Manifest:
    """Return the manifest of the set that a training set's table points at.

    Raises:
        Terminal: The manifest is gone, or is not the one the table was given.
    """
    summary = json.loads(table.parameters["perennial.summary"])
    return manifests.named(platform, use_case.name, summary["sha256"])


def _make(
    platform: Platform,
    use_case: UseCase,
    window: Window,
    read: Reading,
    *,
    sql: str,
    digest: str,
    salt: str,
) -> Manifest:
    """Run the query, name its files by content, and write the manifest last."""
    database = platform.names.curated_database(use_case.name)
    prefix, made = manifests.prefix_of(use_case.name, digest), f"{TABLE}__{digest[:16]}"
    # Not below the prefix: all that lies there is handed to the pipeline.
    staging = f"training-sets-made/{use_case.name}/{digest}/"
    create_table_as(platform, database, made, prefix=staging, query=sql, salt=salt)
    columns = platform.catalogue.table(database, made).columns
    manifests.settle(platform, staging, prefix)
    files, rows_sha256 = manifests.describe_files(platform, prefix, columns)
    rows = sum(each.rows for each in files)
    if not rows:
        raise Terminal(
            f"The training set of {use_case.name} from {window.start} to {window.as_of} is empty: "
            "no labelled row landed in the window. Land data, or widen training_set.window."
        )
    manifest = Manifest(
        use_case=use_case.name,
        digest=digest,
        window=(window.start, window.as_of),
        as_of=window.as_of,
        written_by=read.written_by,
        inputs=read.inputs,
        sql=sql,
        sql_sha256=hashlib.sha256(sql.encode()).hexdigest(),
        columns=tuple(ColumnEntry(name=each.name, type=each.type) for each in columns),
        rows=rows,
        rows_sha256=rows_sha256,
        files=files,
    )
    manifests.write(platform, manifest)
    platform.catalogue.drop_table(database, made)
    platform.lake.delete_prefix(staging)
    return manifest


def _point(platform: Platform, use_case: UseCase, window: Window, manifest: Manifest) -> TableFacts:
    """Switch the training set's table to a set; where it is there already, nothing changes."""
    database = platform.names.curated_database(use_case.name)
    prefix = manifests.prefix_of(use_case.name, manifest.digest)
    summary = {
        "uri": platform.lake.uri(prefix),
        "sha256": manifest.sha256,
        "rows": manifest.rows,
    }
    platform.catalogue.point_table(
        database,
        TABLE,
        columns=[ColumnFacts(each.name, each.type) for each in manifest.columns],
        location=platform.lake.uri(f"{prefix}/data/"),
        parameters={
            DIGEST: manifest.digest,
            "perennial.summary": json.dumps(summary, sort_keys=True),
            "perennial.trained_from": window.start.isoformat(),
            "perennial.trained_through": window.as_of.isoformat(),
        },
    )
    return platform.catalogue.table(database, TABLE)


def _moment(text: str) -> datetime:
    try:
        return parse_naive_utc(text)
    except ValueError as error:
        raise Terminal(
            f"written_by (run config of the training set, or tag {tags.WRITTEN_BY}) is {text!r}: "
            f"{error}."
        ) from error
