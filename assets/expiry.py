"""What of a use case's datasets nobody needs any more: found, judged, and deleted.

Facts come from one listing of S3 and from Glue's catalogue; decisions/expiry.py says what may go.
Deleted are just the objects that were listed, after a second look at what points there. Training
sets, feature stores and raw data are not looked at: nothing here deletes them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assets.expiry_pointers import FOLDERS, pinned_snapshots, pointers
from assets.iceberg_publish import maintain
from assets.versions import iceberg_metadata
from decisions import expiry as decide
from decisions.expiry import ExpiryPlan, Leftover, Location, Maintenance, Snapshots
from decisions.moments import naive_utc
from resources.errors import Missing, Transient
from usecases import sample_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.objects import ObjectFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase

_DIGEST = re.compile(r"[0-9a-f]{64}")
#: Tables that runs make for themselves: staging by digest, forks by attempt.
_LEFTOVER = re.compile(r"\w+__(?:\w+_)?[0-9a-f]{16}|\w+__fork_[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Expired:
    """What was done, or would be.

    Attributes:
        objects, size: Deleted objects, and their bytes.
        spared: Locations that something pointed at when it was about to be deleted.
        tables: Leftover tables whose entries were dropped.
        maintained: What was decided of each Iceberg dataset; of those due, what came of it.
    """

    plan: ExpiryPlan
    objects: int = 0
    size: int = 0
    spared: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    maintained: Mapping[str, str] = field(default_factory=dict)


def expire(
    platform: Platform, use_case: UseCase, *, now: datetime, dry_run: bool = False
) -> Expired:
    """Delete what has been superseded for long enough, and vacuum Iceberg datasets that are due.

    Killed at any moment it has deleted only what may go; the next run goes on.

    Args:
        platform: The doors.
        use_case: Whose.
        now: Wall clock, naive UTC.
        dry_run: Change nothing, not even the marks.

    Raises:
        Terminal: S3 or Glue refused.
    """
    groups = _locations(platform, use_case)
    plan = decide.plan(
        [_as_fact(prefix, listed) for prefix, listed in groups.items()],
        pointers(platform, use_case, now=now),
        _leftovers(platform, use_case),
        _marks(platform, use_case),
        keep=use_case.retention.superseded,
        now=now,
    )
    judged = _judged(platform, use_case, now)
    doomed = [each.what for each in plan.locations if each.fate == "expired"]
    tables = tuple(each.what for each in plan.tables if each.fate == "expired")
    if dry_run:
        listed = [facts for prefix in doomed for facts in groups[prefix]]
        said = {name: verdict.why for name, verdict in judged.items()}
        return Expired(plan, len(listed), sum(f.size for f in listed), (), tables, said)
    # Entries first: until the next look they still vouch for the data they point at.
    database = platform.names.curated_database(use_case.name)
    for name in tables:
        platform.catalogue.drop_table(database, name)
    spared = _pointed_at_now(platform, use_case, doomed, now) if doomed else ()
    gone = [facts for prefix in doomed if prefix not in spared for facts in groups[prefix]]
    platform.lake.delete([facts.key for facts in gone])
    _remember(platform, use_case, plan, {*doomed} - {*spared})
    done = {name: _maintain(platform, use_case, name, each) for name, each in judged.items()}
    return Expired(plan, len(gone), sum(each.size for each in gone), spared, tables, done)


def location_of(key: str) -> str | None:
    """Return the location that an object belongs to; None for one that no run here wrote.

    Folders of training sets being made and tables of backtests are named by digests below
    ``training-sets-made/`` and ``backtest/<use case>/``; monitors' samples are sample_keys'.
    """
    parts = key.split("/")
    if parts[0] == "monitoring":
        return sample_keys.location_of(key)
    if parts[0] == "datasets":
        return _of_datasets(key, parts)
    made = parts[0] == "training-sets-made" and _DIGEST.fullmatch(parts[2])
    if len(parts) > 3 and (made or parts[0] == "backtest"):  # noqa: PLR2004
        return "/".join(parts[:3]) + "/"
    return None


def _of_datasets(key: str, parts: list[str]) -> str | None:
    """Return the location of an object of ``datasets/<use case>/<dataset>/``.

    That has a folder per digest, one per Iceberg table below ``iceberg/``, and one object per
    ledger below ``ledgers/``.
    """
    if len(parts) < 5:  # noqa: PLR2004
        return None
    if _DIGEST.fullmatch(parts[3]):
        return "/".join(parts[:4]) + "/"
    if parts[3] == "iceberg" and len(parts) > 5:  # noqa: PLR2004
        return "/".join(parts[:5]) + "/"
    return key if parts[3] == "ledgers" else None


def _locations(platform: Platform, use_case: UseCase) -> dict[str, list[ObjectFacts]]:
    """List the lake once, and put together what was written as one."""
    found: dict[str, list[ObjectFacts]] = {}
    for folder in FOLDERS:
        for facts in platform.lake.list(f"{folder}/{use_case.name}/"):
            if (prefix := location_of(facts.key)) is not None:
                found.setdefault(prefix, []).append(facts)
    return found


def _as_fact(prefix: str, listed: list[ObjectFacts]) -> Location:
    return Location(
        prefix=prefix,
        objects=len(listed),
        size=sum(each.size for each in listed),
        newest=max(naive_utc(each.modified_at) for each in listed),
    )


def _leftovers(platform: Platform, use_case: UseCase) -> list[Leftover]:
    declared = {dataset.name for dataset in use_case.datasets}
    return [
        Leftover(table=each.name, touched=naive_utc(each.updated_at))
        for each in platform.catalogue.tables(platform.names.curated_database(use_case.name))
        if _LEFTOVER.fullmatch(each.name) and each.name not in declared
    ]


def _pointed_at_now(
    platform: Platform, use_case: UseCase, doomed: Iterable[str], now: datetime
) -> tuple[str, ...]:
    found = list(pointers(platform, use_case, now=now))
    return tuple(
        prefix for prefix in doomed if any(decide.overlap(prefix, each.key) for each in found)
    )


def _judged(platform: Platform, use_case: UseCase, now: datetime) -> dict[str, Maintenance]:
    found = {}
    for dataset in use_case.datasets:
        if dataset.table_format != "iceberg":
            continue
        history = _history(platform, use_case, dataset.name)
        if history is not None:
            found[dataset.name] = decide.maintenance(
                history,
                pinned_snapshots(platform, use_case, dataset.name),
                keep=use_case.retention.superseded,
                now=now,
            )
    return found


def _history(platform: Platform, use_case: UseCase, name: str) -> Snapshots | None:
    """Return an Iceberg table's snapshots, from the metadata that Glue points to."""
    metadata = iceberg_metadata(platform, platform.names.curated_database(use_case.name), name)
    if metadata is None:
        return None
    committed = {
        str(each["snapshot-id"]): naive_utc(
            datetime.fromtimestamp(each["timestamp-ms"] / 1000, UTC)
        )
        for each in metadata.get("snapshots", [])
    }
    return Snapshots(committed=committed, current=str(metadata.get("current-snapshot-id")))


def _maintain(platform: Platform, use_case: UseCase, name: str, verdict: Maintenance) -> str:
    if not verdict.due:
        return verdict.why
    database = platform.names.curated_database(use_case.name)
    seconds = int(verdict.age.total_seconds())
    try:
        maintain(platform, database, name, snapshot_seconds=seconds)
    except Transient as error:
        return f"{verdict.why}; not vacuumed this time: {error}"
    return f"{verdict.why}; vacuumed"


def _marks_key(use_case: UseCase) -> str:
    return f"expiry/{use_case.name}/marks.json"


def _marks(platform: Platform, use_case: UseCase) -> dict[str, datetime]:
    try:
        found = platform.lake.get_json(_marks_key(use_case))
        return {prefix: datetime.fromisoformat(since) for prefix, since in found.items()}
    except (Missing, json.JSONDecodeError, AttributeError, TypeError, ValueError):
        return {}  # without marks, all begins to wait anew


def _remember(
    platform: Platform, use_case: UseCase, plan: ExpiryPlan, deleted: Iterable[str]
) -> None:
    gone = set(deleted)
    marks = {
        prefix: since.isoformat() for prefix, since in plan.marks.items() if prefix not in gone
    }
    platform.lake.put_json(_marks_key(use_case), marks)
