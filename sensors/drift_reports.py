"""The report on what has landed: found again by name, or made from the days' counts.

A report is named by all that it follows from: the baseline, the versions of the windows'
partitions, the columns there, the policy and the champion. A tick over unchanged data therefore
finds it: in this process's memory, or else as one stored object. Losing the memory costs that look.

What is wrong with what is stored becomes a "cannot_tell" that says so: it holds retraining and is
told, and the next model is still judged. Whether AWS can be reached is the caller's to handle.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from decisions import drift
from decisions.baseline import Baseline
from decisions.model import digest_of
from decisions.reports import DriftReport
from resources.baseline_overrides import baseline_uri
from resources.errors import Missing, Terminal, Transient
from resources.sightings import look
from sensors.day_profiles import profiles, versions_of, windows_ending
from sensors.importance import importance_of
from sensors.seasons import baselines, season_before

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from decisions.baseline import Profile
    from resources.glue import TableFacts
    from resources.model_registry import PackageFacts
    from resources.platform import Platform
    from resources.sightings import Name, Seen, Sighting
    from sensors.day_profiles import Versions
    from sensors.governing import Situation
    from sensors.seasons import Season
    from usecases.declaration import UseCase

Report = tuple[str, DriftReport]
"""A report and the name of what it compared."""

#: How long one query is awaited; a tick has to end within a minute. It goes on without us.
PATIENCE = timedelta(seconds=25)
_UNREADABLE = (
    "The baseline {0} cannot be read as one of this version: {1}. "
    "Restore the object, or train again: that counts a new one."
)
_NO_BASELINE = (
    "The baseline {0} is gone. Restore the object, or train again: that counts a new one."
)


@dataclass
class _Memory:
    """What this process knows already; only spares calls."""

    seen: dict[Name, Seen] = field(default_factory=dict)
    partitions: dict[Name, Mapping[str, str]] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)


_MEMORIES: WeakKeyDictionary[Platform, _Memory] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Source:
    """A watched table as the catalogue has it."""

    table: TableFacts
    partitions: Mapping[str, str]


Looked = tuple[Mapping["Name", "Sighting"], Mapping["Name", Source]]
"""What was seen of each table, and those whose partitions are known."""


def sources_of(
    platform: Platform,
    wanted: Mapping[Name, str | None],
    *,
    reads: int | None = None,
    listed: Mapping[Name, Sighting] | None = None,
) -> Looked:
    """Look at tables: a call per page of each database, partitions only where an entry changed.

    Args:
        platform: The doors.
        wanted: The tables, with their partition key.
        reads: Tables whose partitions are read, at most.
        listed: What a look a moment ago saw of them all, if there was one.

    Returns:
        What was seen of each, and those whose partitions are known.
    """
    memory = _MEMORIES.setdefault(platform, _Memory())
    seen = look(
        platform.catalogue, wanted, memory.seen, clock=time.time(), reads=reads, listed=listed
    )
    known = {}
    for name, sighting in seen.items():
        if sighting.partitions is not None and sighting.seen is not None:
            memory.seen[name] = sighting.seen
            memory.partitions[name] = sighting.partitions
        if sighting.table is not None and sighting.seen is not None and name in memory.partitions:
            known[name] = Source(sighting.table, memory.partitions[name])
    return seen, known


def report_for(
    platform: Platform,
    use_case: UseCase,
    situation: Situation,
    looked: Looked | None = None,
) -> Report | None:
    """Return the report on what has landed; None where there is no champion to compare with.

    Args:
        platform: The doors.
        use_case: Whose.
        situation: Its champion, and what has landed.
        looked: Its watched tables, if they were looked at for all use cases at once.

    Raises:
        Transient: AWS could not be asked just now, or a count takes longer than PATIENCE.
        Terminal: A table is gone, or a query was refused.
    """
    champion, landed = situation.champion, situation.landed_through
    uri = compared_with(platform, use_case, champion)
    if champion is None or uri is None or landed is None:
        return None
    mine = _mine(platform, use_case, looked)
    windows = windows_ending(use_case, (landed - timedelta(microseconds=1)).date())
    partitions = {name: each.partitions for name, each in mine.items()}
    versions = versions_of(partitions, windows)
    season = season_before(use_case, windows, partitions)
    asked = _Asked(use_case, champion, uri, windows, versions, season, mine)
    name = asked.name
    memory = _MEMORIES.setdefault(platform, _Memory())
    known = memory.reports.get(use_case.name)
    if known is not None and known[0] == name:
        return known
    report = _found(platform, asked, name)
    if isinstance(report, str):
        # Under a name of its own and kept nowhere: once it is mended, that is seen and told.
        return digest_of({"report": name, "why": report}), drift.cannot_tell(report)
    memory.reports[use_case.name] = name, report
    return name, report


def compared_with(
    platform: Platform, use_case: UseCase, champion: PackageFacts | None
) -> str | None:
    """Return the URI of a champion's baseline, or of the one put in its place; None without any."""
    if champion is None:
        return None
    own = champion.metadata.get("drift_baseline_uri")
    return baseline_uri(platform.artifacts, use_case.name, champion.version, own)


def newest_window(
    platform: Platform, use_case: UseCase, baseline: Baseline, landed: datetime
) -> Profile:
    """Return the counts of the monitor's newest window, the same that drift is judged by.

    Raises:
        Transient: AWS could not be asked just now, or a count takes longer than PATIENCE.
        Terminal: A table is gone, or a query was refused.
    """
    mine = _mine(platform, use_case, None)
    windows = windows_ending(use_case, (landed - timedelta(microseconds=1)).date())[-1:]
    versions = versions_of({name: each.partitions for name, each in mine.items()}, windows)
    present = _columns(mine)
    counted = profiles(platform, use_case, baseline, windows, versions, present, deadline=PATIENCE)
    return counted[0]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be compared."""

    use_case: UseCase
    champion: PackageFacts
    uri: str
    windows: Sequence[Sequence[date]]
    versions: Versions
    season: Season
    sources: Mapping[str, Source]

    @property
    def name(self) -> str:
        """Name the report by all that it follows from."""
        return digest_of(
            {
                "baseline": self.uri,
                "champion": self.champion.arn,
                "windows": [[each[0].isoformat(), each[-1].isoformat()] for each in self.windows],
                "versions": self.versions,
                **({"season": [self.season.why, self.season.versions]} if self.season.why else {}),
                "columns": self.present,
                "monitor": self.use_case.monitors.drift.model_dump(mode="json"),
            }
        )

    @property
    def present(self) -> dict[str, list[str]]:
        """Give the columns that there are, by table."""
        return _columns(self.sources)


def _columns(sources: Mapping[str, Source]) -> dict[str, list[str]]:
    return {
        name: sorted(column.name for column in each.table.columns) for name, each in sources.items()
    }


def _mine(platform: Platform, use_case: UseCase, looked: Looked | None) -> dict[str, Source]:
    """Return the watched tables of a use case, by name.

    Raises:
        Transient: It is not the turn of one of them.
        Terminal: One of them is gone, or cannot be read.
    """
    wanted = watched_tables([use_case])
    seen, sources = sources_of(platform, wanted) if looked is None else looked
    unknown = [name for name in wanted if name not in sources]
    for name in unknown:
        if seen[name].problem:
            raise Terminal(f"{'.'.join(name)} cannot be watched: {seen[name].problem}")
    if unknown:
        late = ", ".join(".".join(name) for name in unknown)
        raise Transient(f"The partitions of {late} are read at a later tick.")
    return {name[1]: sources[name] for name in wanted}


def watched_tables(use_cases: Iterable[UseCase]) -> dict[Name, str | None]:
    """Return the tables that some use case watches, with their partition key."""
    return {
        (each.sources.database, table): each.sources.tables[table].partition_key
        for each in use_cases
        for table in each.monitors.drift.tables
    }


def _found(platform: Platform, asked: _Asked, name: str) -> DriftReport | str:
    """Read a stored report, or make and store it; or say why there can be none."""
    key = f"monitoring/{asked.use_case.name}/{name}.json"
    stored = _stored(platform, key)
    if stored is not None:
        return stored
    baseline = _baseline(platform, asked.uri)
    if isinstance(baseline, str):
        return baseline
    try:
        report = _compared(platform, asked, baseline)
    except (ValueError, KeyError) as error:
        return f"The windows cannot be compared: {_told(error)}"
    platform.artifacts.put(key, report.model_dump_json().encode())
    return report


def _compared(platform: Platform, asked: _Asked, baseline: Baseline) -> DriftReport:
    counted = profiles(
        platform,
        asked.use_case,
        baseline,
        asked.windows,
        asked.versions,
        asked.present,
        deadline=PATIENCE,
    )
    importance = importance_of(platform, asked.use_case, asked.champion)
    seasons = baselines(
        platform, asked.use_case, baseline, asked.season, asked.present, deadline=PATIENCE
    )
    policy = asked.use_case.monitors.drift.policy
    report = drift.judge(baseline, counted, policy, importance, seasons=seasons)
    return report.model_copy(update={"why": f"{report.why} {asked.season.why}".strip()})


def _stored(platform: Platform, key: str) -> DriftReport | None:
    try:
        return DriftReport.model_validate_json(platform.artifacts.get(key))
    except (Missing, ValueError):
        return None


def _baseline(platform: Platform, uri: str) -> Baseline | str:
    """Read a baseline; or say why it is none."""
    try:
        return Baseline.model_validate_json(platform.artifacts.read_uri(uri))
    except Missing:
        return _NO_BASELINE.format(uri)
    except ValueError as error:
        return _UNREADABLE.format(uri, _told(error))


def _told(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first: Any = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the document'}: {first['msg']}"
    return str(error)


def landed_through(
    use_case: UseCase, sightings: Mapping[Name, Sighting]
) -> dict[str, datetime | None]:
    """Return up to when each source has landed.

    Raises:
        Missing: A source is gone.
        Terminal: A source could not be asked for, or its mark is malformed.
    """
    found: dict[str, datetime | None] = {}
    for table in use_case.sources.tables:
        sighting = sightings[use_case.sources.database, table]
        if sighting.facts is None:
            raise (Missing if sighting.gone else Terminal)(sighting.problem)
        found[table] = sighting.facts.landed_through
    return found
