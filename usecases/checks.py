"""What two fields of a use case must agree on. What its SQL must agree on is in query_checks.py.

Every check yields its problems, so that all are told at once. Single-field rules are in fields.py.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from usecases import contract_checks, monitor_checks, retraining_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from usecases.declaration import UseCase
    from usecases.errors import Problem
    from usecases.fields import (
        ColumnType,
        Dataset,
        FeatureGroup,
        Kind,
    )
    from usecases.strict_yaml import Document

Location = contract_checks.Location
Finding = contract_checks.Finding

_KIND_TYPES: Mapping[str, tuple[str, ...]] = {
    "numeric": ("bigint", "int", "double"),
    "categorical": ("string",),
}
PARTITION = "dt"
"""The column that a dataset's daily partitions add to it."""
_RESERVED = frozenset(
    {"write_time", "api_invocation_time", "is_deleted", "year", "month", "day", "hour"}
)
"""Columns that the Feature Store adds to its offline tables."""
_SHORTEST_ARRIVAL = timedelta(minutes=1)
_SHORTEST_RETENTION = timedelta(days=1)
"""Dagster's freshness policies know no shorter window."""
_STAGES = ("dev", "staging", "prod")
_MOST_NAME = 64
"""Characters of a feature group's name in SageMaker."""


def cross_examine(document: Document, use_case: UseCase) -> Iterator[Problem]:
    """Find every disagreement between the fields of a well-shaped declaration."""
    for check in (
        _names,
        _sources,
        _datasets,
        _groups,
        _spine,
        _joins,
        _inputs,
        _gates,
        _retraining,
        _retention,
        monitor_checks.findings,
        _release,
    ):
        for location, problem, expected, remedy in check(use_case):
            yield document.problem(location, problem, expected, remedy)


def _names(use_case: UseCase) -> Iterator[Finding]:
    folder = use_case.folder.resolve().name
    if folder != use_case.name:
        remedy = "rename the folder or the use case"
        yield ("name",), f"{use_case.name} is not the folder's name", folder, remedy
    for field, names in (
        ("datasets", [dataset.name for dataset in use_case.datasets]),
        ("feature_groups", [group.name for group in use_case.feature_groups]),
        ("gates", [gate.gate for gate in use_case.gates]),
        ("training_set", [join.group for join in use_case.training_set.joins]),
    ):
        for name in _repeated(names):
            yield (field,), f"{name} is there more than once", "each once", "remove or rename one"


def _sources(use_case: UseCase) -> Iterator[Finding]:
    sources = use_case.sources
    daily = [name for name, each in sources.tables.items() if each.partition_key is not None]
    if daily and sources.start is None:
        expected = "sources.start, the first day that the daily partitions go back to"
        remedy = "add for example start: 2013-01-01 under sources"
        yield ("sources",), f"partitioned by day: {', '.join(daily)}", expected, remedy
    for name, table in sources.tables.items():
        here: Location = ("sources", "tables", name)
        if table.freshness is not None and table.sla.event_time_lag is not None:
            remedy = "remove freshness, which is short for it"
            yield (*here, "freshness"), "the lag is allowed twice", "sla.event_time_lag", remedy
        if table.sla.arrival is not None and table.sla.arrival < _SHORTEST_ARRIVAL:
            at = (*here, "sla", "arrival")
            yield at, "shorter than a minute", "1m or more", "lengthen it"


def _retention(use_case: UseCase) -> Iterator[Finding]:
    # A run, and whoever reads, takes hours: what they use must outlast them.
    for name in ("superseded", "quarantined"):
        if getattr(use_case.retention, name) < _SHORTEST_RETENTION:
            yield ("retention", name), "shorter than a day", "1d or more", "lengthen it"


def _datasets(use_case: UseCase) -> Iterator[Finding]:
    for place, dataset in enumerate(use_case.datasets):
        here: Location = ("datasets", place)
        yield from _absent((*here, "primary_key"), dataset.primary_key, dataset.columns)
        yield from _partitioned(here, use_case, dataset)
        event_time = use_case.event_time(dataset)
        for at, found, expected, remedy in contract_checks.findings(dataset, event_time):
            yield (*here, *at), found, expected, remedy


def _partitioned(here: Location, use_case: UseCase, dataset: Dataset) -> Iterator[Finding]:
    if dataset.partition_by is None:
        return
    at = (*here, "partition_by")
    yield from _timestamp(at, dataset.partition_by, dataset)
    column = dataset.columns.get(dataset.partition_by)
    if column is not None and column.nullable:
        yield at, f"{dataset.partition_by} is nullable", "a time on every row", "drop nullable"
    if PARTITION in dataset.columns:
        yield (*here, "columns", PARTITION), "a reserved name", "another name", "rename the column"
    if use_case.sources.start is None:
        found = f"dataset {dataset.name} is partitioned by day, and no first day is given"
        yield ("sources",), found, "start: 2013-01-01, say", "add sources.start"


def _groups(use_case: UseCase) -> Iterator[Finding]:
    for place, group in enumerate(use_case.feature_groups):
        here: Location = ("feature_groups", place)
        dataset = _find(use_case, group.dataset)
        if dataset is None:
            yield _no_dataset((*here, "dataset"), group.dataset, use_case)
            continue
        yield from _absent((*here, "record_id"), [group.record_id], dataset.columns)
        yield from _timestamp((*here, "event_time"), group.event_time, dataset)
        yield from _kinds((*here, "features"), group.features, dataset)
        yield from _stores(here, group, use_case)
        yield from _one_row(here, group, dataset)
        for name in group.features:
            if name in _RESERVED or name in (group.record_id, group.event_time):
                remedy = "rename the column in the SQL"
                yield (*here, "features", name), "a reserved name", "another name", remedy


def _stores(here: Location, group: FeatureGroup, use_case: UseCase) -> Iterator[Finding]:
    if not (group.online or group.offline):
        yield here, "neither online nor offline", "at least one store", "switch one on"
    if group.ttl is not None and not group.online:
        yield (*here, "ttl"), "ttl without online", "online: true", "remove ttl"
    if group.ttl is not None and not group.ttl:
        yield (*here, "ttl"), "no time at all", "at least 1m", "correct or remove it"
    joined = any(join.group == group.name for join in use_case.training_set.joins)
    if joined and not group.offline:
        remedy = "switch it on, or remove the join"
        yield (*here, "offline"), "training_set joins this group", "offline: true", remedy
    length = len(f"{use_case.name}-{group.name}-v{group.version}")
    if length > _MOST_NAME:
        expected = f"at most {_MOST_NAME} characters with the use case's name and version"
        yield (*here, "name"), f"a name of {length} characters", expected, "shorten one of them"


def _one_row(here: Location, group: FeatureGroup, dataset: Dataset) -> Iterator[Finding]:
    """Two rows of one record id and event time would overwrite each other in any order."""
    record = dataset.columns.get(group.record_id)
    if record is not None and record.type not in ("string", "bigint", "int"):
        at = (*here, "record_id")
        yield at, f"{group.record_id} is a {record.type}", "string, bigint or int", "CAST it"
    others = set(dataset.primary_key) - {group.record_id, group.event_time}
    if others:
        yield (
            (*here, "dataset"),
            f"the primary key of {dataset.name} has {', '.join(sorted(others))} too",
            f"rows that {group.record_id} and {group.event_time} identify",
            "aggregate in the SQL, or make the record_id of all columns of the key",
        )


def _spine(use_case: UseCase) -> Iterator[Finding]:
    training = use_case.training_set
    here: Location = ("training_set",)
    spine = _find(use_case, training.spine)
    if spine is None:
        yield _no_dataset((*here, "spine"), training.spine, use_case)
        return
    yield from _absent((*here, "id"), [training.id], spine.columns)
    yield from _timestamp((*here, "event_time"), training.event_time, spine)
    yield from _absent((*here, "label", "column"), [training.label.column], spine.columns)
    label = spine.columns.get(training.label.column)
    if label is not None and label.type not in ("int", "bigint"):
        at = (*here, "label", "column")
        yield at, f"the label is a {label.type}", "int or bigint, 0 or 1", "CAST it in the SQL"
    yield from _kinds((*here, "direct"), training.direct, spine)


def _joins(use_case: UseCase) -> Iterator[Finding]:
    groups = {group.name: group for group in use_case.feature_groups}
    spine = _find(use_case, use_case.training_set.spine)
    for place, join in enumerate(use_case.training_set.joins):
        here: Location = ("training_set", "joins", place)
        if join.group not in groups:
            known = ", ".join(sorted(groups)) or "a feature group"
            yield (*here, "group"), f"no feature group {join.group}", known, "declare or correct it"
            continue
        if spine is not None:
            yield from _absent((*here, "key"), [join.key], spine.columns)
            yield from _same_type((*here, "key"), join.key, spine, groups[join.group], use_case)


def _same_type(
    location: Location, key: str, spine: Dataset, group: FeatureGroup, use_case: UseCase
) -> Iterator[Finding]:
    dataset = _find(use_case, group.dataset)
    record = dataset.columns.get(group.record_id) if dataset else None
    column = spine.columns.get(key)
    if record is not None and column is not None and record.type != column.type:
        expected = f"{record.type}, like {group.name}.{group.record_id}"
        yield location, f"{key} is a {column.type}", expected, "CAST one of them in the SQL"


def _inputs(use_case: UseCase) -> Iterator[Finding]:
    training = use_case.training_set
    known = {group.name for group in use_case.feature_groups}
    if any(join.group not in known for join in training.joins):
        return
    names = [feature.name for feature in use_case.features]
    here: Location = ("training_set",)
    if not names:
        yield here, "the model has no feature", "direct features or joins", "declare some"
    for name in _repeated([*names, training.id, training.event_time, training.label.column]):
        yield here, f"the column {name} comes from two places", "unique names", "rename it in SQL"
    categorical = {feature.name for feature in use_case.features if feature.kind == "categorical"}
    for place, facet in enumerate(use_case.bias.facets):
        if facet not in categorical:
            at = ("bias", "facets", place)
            yield (
                at,
                f"no categorical feature {facet}",
                ", ".join(sorted(categorical)),
                "correct it",
            )
    held_out = use_case.split.validation_days + use_case.split.test_days
    if training.window.days <= held_out:
        expected = f"more than the {held_out} days that validate and test"
        yield (*here, "window"), f"{training.window.days} days", expected, "lengthen the window"


def _gates(use_case: UseCase) -> Iterator[Finding]:
    if not any(gate.blocking for gate in use_case.gates):
        yield ("gates",), "no gate blocks", "at least one that does", "set blocking: true"


def _retraining(use_case: UseCase) -> Iterator[Finding]:
    for at, found, expected, remedy in retraining_fields.findings(
        use_case.retraining, use_case.compute
    ):
        yield ("retraining", *at), found, expected, remedy


def _release(use_case: UseCase) -> Iterator[Finding]:
    ordered = tuple(stage for stage in _STAGES if stage in use_case.release.stages)
    if ordered != use_case.release.stages:
        found = ", ".join(use_case.release.stages)
        yield ("release", "stages"), f"the order {found}", ", ".join(ordered), "reorder the stages"


def _find(use_case: UseCase, name: str) -> Dataset | None:
    return next((dataset for dataset in use_case.datasets if dataset.name == name), None)


def _no_dataset(location: Location, name: str, use_case: UseCase) -> Finding:
    known = ", ".join(sorted(dataset.name for dataset in use_case.datasets))
    return location, f"no dataset {name}", f"one of {known}", "declare it or correct the name"


def _absent(location: Location, names: Iterable[str], columns: Iterable[str]) -> Iterator[Finding]:
    known = list(columns)
    for name in names:
        if name not in known:
            yield location, f"unknown column {name}", ", ".join(known), "declare or correct it"


def _timestamp(location: Location, name: str, dataset: Dataset) -> Iterator[Finding]:
    yield from _absent(location, [name], dataset.columns)
    column = dataset.columns.get(name)
    if column is not None and column.type != "timestamp":
        yield location, f"{name} is a {column.type}", "a timestamp", "CAST it in the SQL"


def _kinds(location: Location, features: Mapping[str, Kind], dataset: Dataset) -> Iterator[Finding]:
    for name, kind in features.items():
        column = dataset.columns.get(name)
        yield from _kind((*location, name), name, kind, column.type if column else None)


def _kind(location: Location, name: str, kind: Kind, found: ColumnType | None) -> Iterator[Finding]:
    yield from monitor_checks.fitting(location, name, kind, found, _KIND_TYPES)


def _repeated(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)
