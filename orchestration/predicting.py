"""Asking the model in prod about a real row: features looked up online, as a caller would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from resources.errors import Terminal

if TYPE_CHECKING:
    from resources.platform import Platform
    from usecases.declaration import UseCase


def newest_row(platform: Platform, use_case: UseCase) -> dict[str, Any]:
    """Return the newest row of the spine, as the dataset has it.

    Raises:
        Terminal: The dataset is empty.
    """
    training = use_case.training_set
    query = (
        exp.select("*")
        .from_(exp.table_(training.spine, quoted=True))
        .order_by(
            exp.Ordered(this=exp.column(training.event_time, quoted=True), desc=True),
            exp.Ordered(this=exp.column(training.id, quoted=True)),
        )
        .limit(1)
    )
    database = platform.names.curated_database(use_case.name)
    version = platform.catalogue.table(database, training.spine).location
    rows = platform.athena.select(
        query.sql("athena"), database=database, intent=f"newest row of {version}"
    )
    if not rows:
        raise Terminal(f"{database}.{training.spine} is empty; land data and materialize it.")
    return rows[0]


def instance_of(platform: Platform, use_case: UseCase, row: dict[str, Any]) -> dict[str, Any]:
    """Return what the endpoint is asked with: the row's own features and the online store's."""
    instance = {name: row[name] for name in use_case.training_set.direct}
    for join in use_case.training_set.joins:
        group = use_case.feature_group(join.group)
        name = platform.names.feature_group(use_case.name, group.name, group.version)
        key = row[join.key]
        record = platform.feature_store.get(name, str(key)) if key is not None else None
        for feature, kind in group.features.items():
            text = (record or {}).get(feature)
            instance[feature] = (
                None if text is None else (float(text) if kind == "numeric" else text)
            )
    return instance


def predict(
    platform: Platform, use_case: UseCase, instance: dict[str, Any], event: str | None = None
) -> dict[str, Any]:
    """Return what prod answers to one instance, and which version answered.

    Args:
        platform: The doors.
        use_case: Whose endpoint.
        instance: The features.
        event: Its id, by which its label is found once there is one.
    """
    endpoints = platform.endpoints("prod")
    name = platform.names.endpoint(use_case.name)
    answer = endpoints.invoke(name, [instance], inference_id=event)[0]
    facts = endpoints.describe(name)
    return {**answer, "model_package_arn": facts.package_arn if facts else None}
