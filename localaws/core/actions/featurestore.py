"""Feature Store's records: each group that a request touches.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.actions.needs import Asked, Need, Rule, for_all

if TYPE_CHECKING:
    from collections.abc import Iterable


def _groups(asked: Asked, names: Iterable[str]) -> list[Need]:
    return [
        Need(
            f"sagemaker:{asked.operation}",
            name if name.startswith("arn:") else asked.arn("sagemaker", f"feature-group/{name}"),
        )
        for name in dict.fromkeys(names)
    ]


def _one(asked: Asked) -> list[Need]:
    return _groups(asked, [asked.parameters["FeatureGroupName"]])


def _several(member: str) -> Rule:
    return lambda asked: _groups(
        asked, [each["FeatureGroupName"] for each in asked.parameters[member]]
    )


TABLE: dict[str, Rule] = {
    **for_all("PutRecord GetRecord DeleteRecord UpdateRecord ListRecords", _one),
    "BatchGetRecord": _several("Identifiers"),
    "BatchWriteRecord": _several("Entries"),
}
