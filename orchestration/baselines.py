"""A drift baseline carried between this project and Model Monitor's files: import, undo, export."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from decisions.baseline import Baseline
from decisions.model_monitor.exporting import constraints_of, statistics_of, tables_of
from decisions.model_monitor.files import MonitorFileError, read, write
from decisions.model_monitor.importing import Imported, Source, import_baseline
from decisions.model_monitor.shapes import Constraints, Statistics
from resources.baseline_overrides import BaselineOverrides, Override, baseline_uri
from resources.errors import Terminal
from resources.serving import champion_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resources.model_registry import PackageFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase

_WHOLE = frozenset({"bigint", "int"})


@dataclass(frozen=True, slots=True)
class Files:
    """Where a monitor's files are, each an S3 URI or a path; with "<table>=" before it or not."""

    statistics: str
    constraints: str | None = None


def pair(statistics: Sequence[str], constraints: Sequence[str]) -> list[Files]:
    """Put each statistics.json with its constraints.json.

    Raises:
        Terminal: There are constraints, and not as many as statistics.
    """
    if constraints and len(constraints) != len(statistics):
        raise Terminal(
            f"{len(statistics)} --statistics and {len(constraints)} --constraints were given; "
            "expected as many, in the same order, or no constraints."
        )
    return [
        Files(each, constraints[place] if constraints else None)
        for place, each in enumerate(statistics)
    ]


def bring_in(
    platform: Platform,
    use_case: UseCase,
    files: Sequence[Files],
    *,
    window: tuple[datetime | None, datetime | None] = (None, None),
    by: str,
) -> tuple[Imported, Override]:
    """Make a baseline of Model Monitor's files and compare the champion with it from now on.

    Args:
        platform: The doors.
        use_case: Whose champion.
        files: The monitor's.
        window: What data they describe; where None, what the champion was trained on.
        by: Who does it.

    Raises:
        Terminal: There is no champion, or a file is missing or wrong; says what and where.
    """
    champion = _champion(platform, use_case)
    sources = [_source(platform, each) for each in files]
    try:
        found = import_baseline(
            sources,
            {
                f"{table}.{column}": kind
                for table, columns in use_case.monitors.drift.tables.items()
                for column, kind in columns.items()
            },
            window[0] or _trained(champion, "trained_from"),
            window[1] or _trained(champion, "trained_through"),
        )
    except MonitorFileError as error:
        raise Terminal(str(error)) from error
    key = f"baselines/{use_case.name}/{found.baseline.digest}.json"
    platform.artifacts.put_if_absent(key, found.baseline.model_dump_json().encode())
    override = Override(
        uri=platform.artifacts.uri(key),
        version=champion.version,
        by=by,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        reason="imported from " + ", ".join(each.statistics for each in files),
    )
    BaselineOverrides(platform.artifacts, use_case.name).put(override)
    return found, override


def undo(platform: Platform, use_case: UseCase) -> tuple[Override, str | None]:
    """Take back the newest import; return it, and the baseline that counts now.

    Raises:
        Terminal: There is nothing to take back.
    """
    champion = _champion(platform, use_case)
    gone = BaselineOverrides(platform.artifacts, use_case.name).undo(champion.version)
    return gone, _uri(platform, use_case, champion)


def take_out(platform: Platform, use_case: UseCase, folder: Path) -> list[Path]:
    """Write statistics.json and constraints.json of the baseline that counts, a folder per table.

    Raises:
        Terminal: There is no champion, it has no baseline, or that lacks what the files need.
    """
    champion = _champion(platform, use_case)
    uri = _uri(platform, use_case, champion)
    if uri is None:
        raise Terminal(f"Version {champion.version} of {use_case.name} has no drift baseline.")
    baseline = Baseline.model_validate_json(platform.artifacts.read_uri(uri))
    whole = [
        f"{name}.{column}"
        for name, table in use_case.sources.tables.items()
        for column, kind in table.columns.items()
        if kind in _WHOLE
    ]
    written = []
    for table in tables_of(baseline):
        try:
            texts = {
                "statistics.json": write(statistics_of(baseline, table, integral=whole)),
                "constraints.json": write(constraints_of(baseline, table, integral=whole)),
            }
        except ValueError as error:
            raise Terminal(f"{uri}: {error}.") from error
        (folder / table).mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / table / name).write_text(text)
            written.append(folder / table / name)
    return written


def _champion(platform: Platform, use_case: UseCase) -> PackageFacts:
    champion = champion_of(platform.registry(use_case.name).packages())
    if champion is None:
        raise Terminal(
            f"{use_case.name} has no champion yet: a baseline belongs to a version. Train and "
            "approve one first."
        )
    return champion


def _uri(platform: Platform, use_case: UseCase, champion: PackageFacts) -> str | None:
    own = champion.metadata.get("drift_baseline_uri")
    return baseline_uri(platform.artifacts, use_case.name, champion.version, own)


def _trained(champion: PackageFacts, name: str) -> datetime:
    said = champion.metadata.get(name)
    if said is None:
        raise Terminal(
            f"Version {champion.version} does not say {name}; give the window of the files' data "
            "with --from and --through."
        )
    return datetime.fromisoformat(said)


def _source(platform: Platform, files: Files) -> Source:
    table, where = _named(files.statistics)
    statistics = _text(platform, where)
    rules = None if files.constraints is None else _named(files.constraints)[1]
    try:
        return Source(
            statistics=read(Statistics, statistics, where),
            constraints=None if rules is None else read(Constraints, _text(platform, rules), rules),
            where=where,
            table=table,
        )
    except MonitorFileError as error:
        raise Terminal(str(error)) from error


def _named(given: str) -> tuple[str | None, str]:
    """Take "flights=s3://bucket/key" apart; a table's name has neither slash nor colon."""
    table, equals, where = given.partition("=")
    return (table, where) if equals and table.isidentifier() else (None, given)


def _text(platform: Platform, where: str) -> bytes:
    if where.startswith("s3://"):
        return platform.model_monitor.read(where)
    try:
        return Path(where).read_bytes()
    except OSError as error:
        raise Terminal(f"{where} cannot be read: {error.strerror}.") from error
