"""The leakage check: does the training set hold what was known then, and nothing else?

A blocking check on the training set. It gathers a sample of the set's rows, their keys from the
spine, and all that the offline stores hold of those keys, by plain SELECTs that share nothing with
the join; decisions/leakage.py then derives every value anew. Making the set is training_set.py's.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg
from sqlglot import exp

from assets.parts import asset_key
from assets.statements import drawn, immature
from assets.training_set import TABLE, current, manifest_of
from decisions.leakage import LeakageVerdict, Record, Rules, SampledRow, judge
from decisions.manifest import Manifest
from decisions.moments import naive_utc
from resources.platform import Platform
from resources.together import together
from usecases import asset_keys, point_in_time
from usecases.declaration import UseCase
from usecases.fields import FeatureGroup, parse_naive_utc
from usecases.point_in_time import plain_records_sql, spine_columns

SAMPLE_ROWS = 200
_SHOWN = 10


def leakage_check(use_case: UseCase) -> dg.AssetChecksDefinition:
    """Return the check that blocks training on values from the future."""

    @dg.asset_check(
        asset=asset_key(asset_keys.training_set(use_case.name)),
        name="leakage",
        blocking=True,
        description="Sampled rows, derived anew by brute force: what was known then, nothing else.",
    )
    def leakage(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        manifest = manifest_of(platform, use_case, current(platform, use_case))
        salt = context.run.run_id
        verdict, young = examine_whole(platform, use_case, manifest, salt=salt)
        problems = [*map(str, verdict.differences), *verdict.immature]
        if young:
            problems.append(
                f"{young} rows are outside the window, or their outcome was not due at as_of"
            )
        if not verdict.rows:
            problems.append("no row could be sampled")
        return _result(verdict, problems)

    return leakage


def examine_whole(
    platform: Platform, use_case: UseCase, manifest: Manifest, *, salt: str
) -> tuple[LeakageVerdict, int]:
    """Derive a sample anew, and count the immature rows of the whole set meanwhile."""
    asked: list[Callable[[], Any]] = [
        partial(examine, platform, use_case, manifest, salt=salt),
        partial(count_immature, platform, use_case, manifest, salt=salt),
    ]
    verdict, young = together(asked)
    return verdict, young


def examine(
    platform: Platform, use_case: UseCase, manifest: Manifest, *, salt: str
) -> LeakageVerdict:
    """Derive a sample of the current training set anew. The manifest's name decides which rows."""
    rows = _sample(platform, use_case, manifest, salt=salt)
    names = [join.group for join in use_case.training_set.joins]
    found = together(
        [partial(_records, platform, use_case, manifest, name, rows, salt=salt) for name in names]
    )
    records = dict(zip(names, found, strict=True))
    rules = Rules(
        as_of=manifest.as_of,
        label_delay=use_case.training_set.label.delay,
        written_by=manifest.written_by,
        max_age={join.group: join.max_age for join in use_case.training_set.joins},
    )
    return judge(rows, records, rules)


def count_immature(platform: Platform, use_case: UseCase, manifest: Manifest, *, salt: str) -> int:
    """Count, over the whole set, rows outside the window or with an outcome not yet due."""
    window = point_in_time.Window(*manifest.window, manifest.as_of)
    query = immature(
        TABLE,
        use_case.training_set.event_time,
        start=window.start,
        end=point_in_time.due_before(use_case, window),
    )
    database = platform.names.curated_database(use_case.name)
    intent = f"immature {manifest.sha256}"
    return int(platform.athena.select(query, database=database, intent=intent, salt=salt)[0]["n"])


def _sample(
    platform: Platform, use_case: UseCase, manifest: Manifest, *, salt: str
) -> list[SampledRow]:
    database = platform.names.curated_database(use_case.name)
    training = use_case.training_set
    names = [column.name for column in manifest.columns]
    sampled = platform.athena.select(
        drawn(TABLE, names, training.id, seed=manifest.sha256, rows=SAMPLE_ROWS),
        database=database,
        intent=f"leakage sample {manifest.sha256}",
        salt=salt,
    )
    if not sampled:
        return []
    keys = _keys(platform, use_case, [row[training.id] for row in sampled], manifest, salt=salt)
    groups = [use_case.feature_group(join.group) for join in training.joins]
    return [
        SampledRow(
            id=row[training.id],
            event_time=row[training.event_time],
            keys=keys.get(_shown(use_case, row), []),
            found={group.name: {name: row[name] for name in group.features} for group in groups},
        )
        for row in sampled
    ]


def _keys(
    platform: Platform, use_case: UseCase, ids: list[Any], manifest: Manifest, *, salt: str
) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """Return the keys of the joins of each spine row, by what the training set shows of it."""
    database = platform.names.curated_database(use_case.name)
    training = use_case.training_set
    names = [exp.column(name, quoted=True) for name in spine_columns(use_case)]
    wanted = exp.column(training.id, quoted=True).isin(*(exp.convert(each) for each in ids))
    query = exp.select(*names).from_(exp.table_(training.spine, quoted=True)).where(wanted)
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in platform.athena.select(
        query.sql("athena"),
        database=database,
        intent=f"leakage spine {manifest.sha256}",
        salt=salt,
    ):
        keys = {join.group: row[join.key] for join in training.joins}
        found.setdefault(_shown(use_case, row), []).append(keys)
    return found


def _shown(use_case: UseCase, row: Mapping[str, Any]) -> tuple[Any, ...]:
    training = use_case.training_set
    names = [training.id, training.event_time, training.label.column, *training.direct]
    return tuple(row[name] for name in names)


def _records(
    platform: Platform,
    use_case: UseCase,
    manifest: Manifest,
    name: str,
    rows: Sequence[SampledRow],
    *,
    salt: str,
) -> list[Record]:
    group = use_case.feature_group(name)
    wanted = {keys[name] for row in rows for keys in row.keys if keys[name] is not None}
    if not wanted:
        return []
    version = use_case.feature_group(name).version
    facts = platform.feature_store.describe(
        platform.names.feature_group(use_case.name, name, version)
    )
    table = point_in_time.Table(facts.glue_database, facts.glue_table)
    run = platform.athena.run(
        plain_records_sql(group, table, sorted(wanted)),
        database=table.database,
        intent=f"leakage records {name} {manifest.sha256}",
        salt=salt,
    )
    return [_record(group, each) for each in platform.athena.rows(run)]


def _record(group: FeatureGroup, row: Mapping[str, Any]) -> Record:
    return Record(
        key=row[group.record_id],
        event_time=parse_naive_utc(row[group.event_time].removesuffix("Z")),
        write_time=naive_utc(row["write_time"]),
        invoked_at=naive_utc(row["api_invocation_time"]),
        deleted=bool(row["is_deleted"]),
        values={name: row[name] for name in group.features},
    )


def _result(verdict: LeakageVerdict, problems: list[str]) -> dg.AssetCheckResult:
    more = len(problems) - _SHOWN
    told = "; ".join(problems[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
    return dg.AssetCheckResult(
        passed=not problems,
        description=told
        or f"{verdict.values} values of {verdict.rows} rows are what was known then.",
        metadata={
            "rows": verdict.rows,
            "values": verdict.values,
            "differences": len(verdict.differences),
            "leaks": verdict.leaks,
        },
    )
