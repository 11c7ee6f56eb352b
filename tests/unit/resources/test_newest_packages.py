"""Versions older than the champion are not asked for: a sensor asks at every tick."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from resources.model_registry import ModelRegistry
from resources.serving import champion_of, newest_packages

if TYPE_CHECKING:
    from resources.platform import Platform

GROUP = "arn:aws:sagemaker:us-east-1:555555555555:model-package-group/m"
WHEN = datetime(2013, 1, 1, tzinfo=UTC)
#: By version: its approval and what its gates said.
VERSIONS = {
    9: ("Approved", "passed"),
    10: ("Approved", "passed"),
    11: ("Rejected", "passed"),
    12: ("Approved", "failed: auc"),
    13: ("PendingManualApproval", "passed"),
}


class Registry:
    """A SageMaker client that notes which versions it was asked for."""

    def __init__(self) -> None:
        self.described: list[int] = []

    def list_model_packages(self, **_: Any) -> dict[str, Any]:
        arns = [f"{GROUP.replace('-group', '')}/{version}" for version in VERSIONS]
        return {"ModelPackageSummaryList": [{"ModelPackageArn": arn} for arn in arns]}

    def describe_model_package(self, **request: Any) -> dict[str, Any]:
        version = int(request["ModelPackageName"].rpartition("/")[2])
        self.described.append(version)
        approval, gates = VERSIONS[version]
        return {
            "ModelPackageArn": request["ModelPackageName"],
            "ModelPackageVersion": version,
            "ModelApprovalStatus": approval,
            "CreationTime": WHEN,
            "CustomerMetadataProperties": {"gates": gates, "model_sha256": "0" * 64},
        }


class Doors:
    """A platform of one registry."""

    def __init__(self, client: Registry) -> None:
        self.client = client

    def registry(self, _use_case: str) -> ModelRegistry:
        return ModelRegistry(self.client, GROUP)


def test_versions_are_described_from_the_newest_down_to_the_champion() -> None:
    client = Registry()
    doors = Doors(client)
    found = newest_packages(cast("Platform", doors), "m")
    assert client.described == [13, 12, 11, 10], "by number, not by text"
    assert [each.version for each in found] == [13, 12, 11, 10]
    every = doors.registry("m").packages()
    assert len(every) == len(VERSIONS)
    assert champion_of(found) == champion_of(every)
