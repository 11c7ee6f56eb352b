"""What a model makes of each watched raw column: its features' importance, led back by lineage.

Pure: the SQL is read, nothing is run. Where a champion's report is kept is the caller's to know;
that a column too light does not retrain is decisions.drift's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usecases.column_lineage import origins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from usecases.column_lineage import Origins
    from usecases.declaration import UseCase

LABEL = 1.0
"""Importance of what the label is computed from: a shift there is one of all there is to learn."""


def raw_importance(use_case: UseCase, feature_importance: Mapping[str, float]) -> dict[str, float]:
    """Give the share of the model's gain that stems from each raw column, as "<table>.<column>".

    A feature of several columns is credited in full to each, since without any of them it is lost:
    the shares may add up to more than 1. A column that only filters or groups rows has none. A
    feature that comes from no column, such as a count of rows, is nobody's.

    Args:
        use_case: Whose SQL.
        feature_importance: Gain by feature, of an EvaluationReport; made to add up to 1.

    Returns:
        Every raw column that some feature or the label comes from; nothing where the model has
        split on nothing.
    """
    gain = sum(value for value in feature_importance.values() if value > 0)
    if gain <= 0:
        return {}
    found: dict[str, float] = {}
    for feature, columns in _feature_origins(use_case):
        share = max(feature_importance.get(feature, 0.0), 0.0) / gain
        for column in columns:
            found[column] = found.get(column, 0.0) + share
    label = use_case.training_set.label.column
    for column in _of(_origins(use_case, use_case.training_set.spine), label):
        found[column] = LABEL
    return {column: min(found[column], 1.0) for column in sorted(found)}


def _feature_origins(use_case: UseCase) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give each feature with the raw columns it is computed from."""
    training = use_case.training_set
    spine = _origins(use_case, training.spine)
    for name in training.direct:
        yield name, _of(spine, name)
    for join in training.joins:
        group = use_case.feature_group(join.group)
        dataset = _origins(use_case, group.dataset)
        for name in group.features:
            yield name, _of(dataset, name)


def _origins(use_case: UseCase, dataset: str) -> Origins:
    schema = {name: dict(table.columns) for name, table in use_case.sources.tables.items()}
    for name, table in use_case.sources.tables.items():
        if table.partition_key:
            schema[name][table.partition_key] = "string"
    return origins(use_case.queries[dataset], use_case.sources.database, schema)


def _of(found: Origins, column: str) -> tuple[str, ...]:
    return tuple(f"{table}.{name}" for table, name in found.get(column, ()))
