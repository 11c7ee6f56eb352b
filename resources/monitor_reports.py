"""The newest report of each monitor on a champion, as JSON in S3. Measuring does not belong here.

A report is of one version: once another is champion, it says nothing any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pydantic import ValidationError

from decisions.reports import MonitorName, MonitorReport

if TYPE_CHECKING:
    from resources.objects import Objects


def store(objects: Objects, use_case: str, version: int, report: MonitorReport) -> str:
    """Keep a monitor's newest report on a version, in place of its last; return its key."""
    key = f"{_prefix(use_case, version)}{report.monitor}.json"
    objects.put(key, report.model_dump_json().encode())
    return key


def forget(objects: Objects, use_case: str, version: int, monitor: MonitorName) -> None:
    """Remove a monitor's report on a version: it has nothing to say of it."""
    objects.delete_prefix(f"{_prefix(use_case, version)}{monitor}.json")


def newest(objects: Objects, use_case: str, version: int) -> tuple[MonitorReport, ...]:
    """Return the newest report of every monitor that has one on this version.

    One that cannot be read says that it cannot be told.
    """
    prefix = _prefix(use_case, version)
    there = {facts.key for facts in objects.list(prefix)}
    names: tuple[MonitorName, ...] = get_args(MonitorName)
    keys = {name: f"{prefix}{name}.json" for name in names}
    return tuple(_read(objects, key, name) for name, key in keys.items() if key in there)


def _read(objects: Objects, key: str, name: MonitorName) -> MonitorReport:
    try:
        return MonitorReport.model_validate_json(objects.get(key))
    except ValidationError as error:
        why = f"{objects.uri(key)} is no report of this monitor ({error.error_count()} mistakes)."
        return MonitorReport(monitor=name, verdict="cannot_tell", why=why)


def _prefix(use_case: str, version: int) -> str:
    return f"monitoring/{use_case}/v{version}/"
