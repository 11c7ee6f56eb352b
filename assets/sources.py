"""Raw Glue tables as assets that others make, and that can be observed: by sensor or on demand.

`Observe` in the UI and the job `observe_sources` look at the catalogue now; they read partitions
whatever changed, and so also see a restatement that left the table's entry alone. Reading a table's
rows does not belong here: nothing is scanned.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from assets.observing import partition_news, partitions_of, table_metadata
from assets.parts import asset_key, without_beta_warnings
from assets.source_checks import check_results
from decisions.freshness import write_length
from resources.errors import Transient
from resources.platform import Platform
from resources.sightings import look
from usecases.declaration import UseCase
from usecases.raw_tables import RawTable, outlook, raw_tables

JOB = "observe_sources"
#: Partitions told of by one observation on demand.
_MOST = 5000


def source_assets(
    use_cases: Sequence[UseCase], *, wall_clock: bool = False
) -> list[dg.AssetsDefinition]:
    """Return the upstream teams' tables: one observable asset each, one op per Glue database.

    Args:
        use_cases: Whose tables.
        wall_clock: Whether arrival SLAs become Dagster freshness policies: those know no data time.
    """
    databases: dict[str, list[RawTable]] = defaultdict(list)
    for raw in raw_tables(use_cases).values():
        databases[raw.database].append(raw)
    return [_observable(each, raws, wall_clock=wall_clock) for each, raws in databases.items()]


def observe_job(use_cases: Sequence[UseCase]) -> Any:
    """Return the job that observes every raw table now."""
    keys = [asset_key(raw.key) for raw in raw_tables(use_cases).values()]
    return dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(*keys),
        description="Look at every raw table in the catalogue, its partitions included.",
        executor_def=dg.in_process_executor,
    )


def spec(raw: RawTable, *, wall_clock: bool = False) -> dg.AssetSpec:
    """Return a raw table as an asset."""
    described = raw.description or f"Glue table {raw.database}.{raw.name}."
    policy = None
    if wall_clock and raw.arrival is not None:
        policy = dg.FreshnessPolicy.time_window(fail_window=raw.arrival)
    return dg.AssetSpec(
        asset_key(raw.key),
        description=f"{described} Landed by its owner.",
        group_name="sources",
        kinds={"glue"},
        partitions_def=partitions_of(raw),
        freshness_policy=policy,
        metadata=_declared(raw),
    )


def _declared(raw: RawTable) -> dict[str, Any]:
    columns = {name: kind for each in raw.declared.values() for name, kind in each.columns.items()}
    found: dict[str, Any] = {
        "database": raw.database,
        "table": raw.name,
        "dagster/column_schema": dg.TableSchema(
            columns=[dg.TableColumn(name, kind) for name, kind in columns.items()]
        ),
    }
    for use_case, table in raw.declared.items():
        if (lag := table.policy.event_time_lag) is not None:
            found[f"event_time_lag/{use_case}"] = write_length(lag)
        if (arrival := table.policy.arrival) is not None:
            found[f"arrival/{use_case}"] = write_length(arrival)
    return found


@without_beta_warnings
def _observable(
    database: str, raws: Sequence[RawTable], *, wall_clock: bool
) -> dg.AssetsDefinition:
    def observe(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.ObserveResult]:
        chosen = [raw for raw in raws if asset_key(raw.key) in context.selected_asset_keys]
        yield from _observe(context, platform, chosen)

    made: dg.AssetsDefinition = dg.multi_observable_source_asset(
        name=f"observe_{database}",
        specs=[spec(raw, wall_clock=wall_clock) for raw in raws],
        check_specs=[
            dg.AssetCheckSpec(name, asset=asset_key(raw.key), description=said)
            for raw in raws
            for name, said in _CHECKS.items()
        ],
        can_subset=True,
    )(observe)
    return made


_CHECKS = {
    "schema": "The catalogue has the columns that use cases count on, as declared.",
    "freshness": "The table keeps its SLA: event-time lag, and arrival where that is judged.",
}


def _observe(
    context: dg.AssetExecutionContext, platform: Platform, chosen: Sequence[RawTable]
) -> Iterator[dg.ObserveResult]:
    """Look at the chosen tables, and at those whose marks their freshness is measured by."""
    use_cases = {user.name: user for raw in chosen for user in raw.users}
    wanted = {name: raw.partition_key for name, raw in raw_tables(use_cases.values()).items()}
    sightings = look(platform.catalogue, wanted, {}, clock=time.time())
    now = platform.clock() if platform.clock else None
    outlooks = {name: outlook(each, sightings, now) for name, each in use_cases.items()}
    for raw in chosen:
        sighting = sightings[raw.database, raw.name]
        if sighting.problem and not sighting.gone:
            continue
        news = partition_news(context.instance, raw, sighting, most=_MOST)
        for event in news.events:
            context.log_event(event)
        mine = {user.name: outlooks[user.name] for user in raw.users}
        results = check_results(raw, sighting, mine)
        yield dg.ObserveResult(
            asset_key=asset_key(raw.key),
            data_version=dg.DataVersion(sighting.seen.version if sighting.seen else "gone"),
            metadata=table_metadata(raw, sighting, news, mine),
            check_results=list(results.values()),
        )
    unseen = [
        f"{database}.{table}: {each.problem}"
        for (database, table), each in sightings.items()
        if each.problem and not each.gone
    ]
    if unseen:
        raise Transient(f"Not all could be observed, the others were. {' '.join(unseen)}")
