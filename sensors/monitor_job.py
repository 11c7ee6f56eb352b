"""One window measured: two samples drawn by Athena, then the monitor step as a SageMaker job.

Asked at every tick, it goes one step further each time and never waits for a job: samples are noted
once drawn, the job is named by what it measures, and its result is found by its key. A job that
failed is tried twice more under the next number.

A job and not this process: the rows would otherwise pass through Dagster, which holds reports and
never tables (docs/ARCHITECTURE.md), and a domain classifier of some seconds would hold the sensors'
daemon up for every model.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from decisions.model import digest_of
from decisions.monitors.measured import Measurements
from pipelines.templates.code_bundle import build_bundle
from resources import predictions
from resources.errors import Missing, Terminal
from resources.glue import ColumnFacts
from resources.names import SAGEMAKER_ROLE
from resources.objects import parse_s3_uri
from resources.processing import StepJob
from usecases import monitor_sql, sample_keys
from usecases.point_in_time import Table

if TYPE_CHECKING:
    from resources.model_registry import PackageFacts
    from resources.platform import Platform
    from sensors.monitor_windows import Window
    from usecases.declaration import UseCase

ATTEMPTS = 3
#: How long a query is awaited, or a throttled Athena; the next tick finds it further on.
_PATIENCE = timedelta(seconds=20)


def advance(platform: Platform, use_case: UseCase, window: Window) -> str | None:
    """Bring the measuring of a window one step on; return why it cannot be, if it cannot.

    Raises:
        Transient: AWS could not be asked just now; the next tick goes on.
        Terminal: The champion's training set is gone, or a query was refused.
    """
    reason, code = "", build_bundle().sha256
    for attempt in range(1, ATTEMPTS + 1):
        name = job_name(platform, use_case, window, code, attempt)
        facts = platform.processing.find(name)
        if facts is None:
            _start(platform, use_case, window, name)
            return None
        if facts.running or platform.artifacts.exists(window.key):
            return None
        reason = f"{name} ended {facts.status}: {facts.reason}"
    return f"measuring failed {ATTEMPTS} times; last: {reason}"


def job_name(platform: Platform, use_case: UseCase, window: Window, code: str, attempt: int) -> str:
    """Return the name of a window's job under some code: once mended, it is tried again.

    SageMaker takes at most 63 characters.
    """
    digest = digest_of({"window": window.name, "code": code})[:20]
    return f"{platform.names.slug(use_case.name)[:30]}-monitor-{digest}-{attempt}"


def _start(platform: Platform, use_case: UseCase, window: Window, name: str) -> None:
    current = _draw_new(platform, use_case, window)
    if current is None:
        empty = Measurements(
            window_from=window.span.start,
            window_through=window.end,
            rows=0,
            source=use_case.monitors.sample.source,
        )
        platform.artifacts.put_if_absent(window.key, empty.model_dump_json().encode())
        return
    reference = _draw_champion(platform, use_case, window.champion)
    platform.processing.start(_job(platform, use_case, window, name, current, reference))


def _job(
    platform: Platform,
    use_case: UseCase,
    window: Window,
    name: str,
    current: str,
    reference: str,
) -> StepJob:
    """Return the job: the step of today's code, on the champion's own configuration and model."""
    bundle = build_bundle()
    platform.artifacts.put_all(list(bundle.objects()))
    config = window.champion.metadata.get("config_sha256", "unknown")
    artifacts, compute = platform.artifacts, use_case.compute
    return StepJob(
        name=name,
        step="monitor",
        image_uri=platform.processing.pipeline_image(
            platform.names.training_pipeline(use_case.name)
        ),
        role_arn=platform.names.role_arn("experimentation", SAGEMAKER_ROLE),
        instance_type=compute.processing_instance,
        volume_gb=compute.volume_gb,
        max_runtime_seconds=int(compute.max_runtime.total_seconds()),
        inputs={
            "code": artifacts.uri(bundle.prefix),
            "config": artifacts.uri(f"configs/{config}/config.json"),
            "model": window.champion.model_data_url,
            "current": current,
            "reference": reference,
        },
        outputs={"output": artifacts.uri(window.key.rpartition("/")[0])},
        arguments=_arguments(use_case, window),
        files={"config": "/config.json"},
    )


def _arguments(use_case: UseCase, window: Window) -> tuple[str, ...]:
    return (
        "--window-from",
        window.span.start.isoformat(),
        "--window-through",
        window.end.isoformat(),
        "--source",
        use_case.monitors.sample.source,
        "--attribution-rows",
        str(use_case.monitors.sample.attribution_rows),
    )


def _draw_new(platform: Platform, use_case: UseCase, window: Window) -> str | None:
    """Return where the sample of new rows is; None where there is no row at all."""
    sample = use_case.monitors.sample
    if sample.source == "landed":
        query = monitor_sql.landed_rows_sql(use_case, window.span, sample.rows)
        return _draw(platform, use_case, query, {"window": window.name})
    table = Table(platform.names.curated_database(use_case.name), predictions.TABLE)
    try:
        platform.catalogue.table(table.database, table.name)
    except Missing:
        return None  # nothing was ever captured
    query = monitor_sql.served_rows_sql(
        use_case, table, window.span, window.champion.version, sample.rows
    )
    return _draw(platform, use_case, query, {"window": window.name})


def _draw_champion(platform: Platform, use_case: UseCase, champion: PackageFacts) -> str:
    """Return where the sample of the champion's own rows is.

    Raises:
        Terminal: Its training set is gone or is not the one it was trained on.
    """
    metadata, training = champion.metadata, use_case.training_set
    digest, rows = metadata.get("training_set_sha256", ""), use_case.monitors.sample.rows
    identity = {"training_set": digest, "rows": rows, "test_days": use_case.split.test_days}
    if (noted := _noted(platform, use_case, identity)) is not None:
        return str(noted["uri"])
    manifest = _manifest(platform, metadata.get("training_set_uri", ""), digest)
    table = Table(platform.names.curated_database(use_case.name), f"monitored__{digest[:16]}")
    platform.catalogue.point_table(
        table.database,
        table.name,
        columns=[ColumnFacts(each["name"], each["type"]) for each in manifest["columns"]],
        location=f"{metadata['training_set_uri']}/data/",
        parameters={"perennial.training_set_sha256": digest},
    )
    newest = platform.athena.select(
        monitor_sql.newest_event_sql(table, training.event_time),
        database=table.database,
        intent=f"newest event of {digest}",
        deadline=_PATIENCE,
        stop=False,
    )[0]["newest"]
    query = monitor_sql.champion_rows_sql(
        table,
        [each["name"] for each in manifest["columns"]],
        id_column=training.id,
        event_time=training.event_time,
        test_after=newest - timedelta(days=use_case.split.test_days),
        rows=rows,
    )
    found = _draw(platform, use_case, query, identity)
    platform.catalogue.drop_table(table.database, table.name)
    if found is None:
        raise Terminal(f"The training set of {champion.arn} has no rows any more.")
    return found


def _manifest(platform: Platform, uri: str, digest: str) -> dict[str, Any]:
    """Read the manifest of the champion's training set.

    Raises:
        Missing: It is gone.
        Terminal: It is not the one that the champion was trained on.
    """
    key = f"{parse_s3_uri(uri)[1].rstrip('/')}/manifest.json"
    found = platform.lake.sha256(key)
    if found != digest:
        raise Terminal(
            f"{platform.lake.uri(key)} has sha256 {found[:12]}; the champion was trained on "
            f"{digest[:12]}. Its rows cannot be compared with; train again."
        )
    document: dict[str, Any] = platform.lake.get_json(key)
    return document


def _draw(
    platform: Platform, use_case: UseCase, query: str, identity: dict[str, Any]
) -> str | None:
    """Put a query's rows into a folder of their own, once; None where there is no row.

    Each drawing has a fresh folder and is noted when it is whole: UNLOAD wants an empty one, and
    what a killed tick leaves behind is never taken for a sample.
    """
    if (noted := _noted(platform, use_case, identity)) is not None:
        return noted["uri"] if noted["files"] else None
    salt = uuid.uuid4().hex
    prefix = sample_keys.folder(use_case.name, digest_of(identity), salt[:8])
    platform.athena.run(
        monitor_sql.unload_sql(query, platform.lake.uri(prefix)),
        database=platform.names.curated_database(use_case.name),
        intent=f"sample {digest_of(identity)}",
        salt=salt,
        repeats=0,
    )
    files = sum(1 for each in platform.lake.list(prefix) if each.size)
    note = {"uri": platform.lake.uri(prefix), "files": files}
    platform.lake.put_json(_note(use_case, identity), note)
    return str(note["uri"]) if files else None


def _noted(
    platform: Platform, use_case: UseCase, identity: dict[str, Any]
) -> dict[str, Any] | None:
    key = _note(use_case, identity)
    if not platform.lake.exists(key):
        return None
    found: dict[str, Any] = platform.lake.get_json(key)
    return found


def _note(use_case: UseCase, identity: dict[str, Any]) -> str:
    return sample_keys.note(use_case.name, digest_of(identity))
