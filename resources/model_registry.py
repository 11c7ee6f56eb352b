"""The Model Registry, in the assets account: versions, what is known of them, who approved them.

Whether a version deserves approval does not belong here. Registering is the SageMaker Pipeline's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from resources.errors import call, find, make
from resources.tokens import short_token_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

_APPROVED = "Approved"
_REJECTED = "Rejected"
_METADATA_MOST = 256
_DESCRIPTION_MOST = 1024
# SageMaker's pattern for metadata is [\p{L}\p{Z}\p{N}_.:/=+\-@]*.
_NOT_METADATA = re.compile(r"[^\w .:/=+\-@]")


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """One version of a model."""

    arn: str
    version: int
    approval: str
    created_at: datetime
    model_data_url: str
    metadata: Mapping[str, str] = field(hash=False)
    description: str = ""
    approval_description: str = ""


class ModelRegistry:
    """One model package group.

    Args:
        client: A ``sagemaker`` client of the assets account.
        group_arn: The group's ARN.
    """

    def __init__(self, client: Any, group_arn: str) -> None:
        self._client = client
        self.group_arn = group_arn
        self._group = group_arn.rpartition("/")[2]

    def ensure_group(self) -> bool:
        """Create the group unless it is there; say whether it was created."""
        request = {"ModelPackageGroupName": self._group}
        if find(self._client.describe_model_package_group, **request) is not None:
            return False
        return make(self._client.create_model_package_group, **request)

    def packages(
        self, *, limit: int = 50, last: Callable[[PackageFacts], bool] | None = None
    ) -> tuple[PackageFacts, ...]:
        """Return the newest versions, newest first, at most ``limit``.

        Args:
            limit: Versions, at most.
            last: Those older than the first version that this is true of are not described: a call
                each, and a model of a year has fifty.

        Raises:
            Missing: There is no such group.
        """
        request = {
            "ModelPackageGroupName": self._group,
            "SortBy": "CreationTime",
            "SortOrder": "Descending",
            "MaxResults": min(limit, 100),
        }
        arns: list[str] = []
        while True:
            page = call(self._client.list_model_packages, **request)
            arns += [each["ModelPackageArn"] for each in page["ModelPackageSummaryList"]]
            if not page.get("NextToken") or len(arns) >= limit:
                break
            request["NextToken"] = page["NextToken"]
        found: list[PackageFacts] = []
        for arn in sorted(arns[:limit], key=_version, reverse=True):
            found.append(self.describe(arn))
            if last is not None and last(found[-1]):
                break
        return tuple(found)

    def describe(self, arn: str) -> PackageFacts:
        """Return a version's facts.

        Raises:
            Missing: There is no such version.
        """
        return _package_of(self._describe(arn))

    def annotate(self, arn: str, metadata: Mapping[str, str]) -> bool:
        """Add metadata to a version; say whether any of it was new. See ``metadata_text``."""
        wanted = {key: metadata_text(value) for key, value in metadata.items()}
        return self._update(arn, wanted, {})

    def approve(self, arn: str, by: str, reason: str) -> bool:
        """Approve a version, saying who and why; say whether that changed anything."""
        return self._decide(arn, _APPROVED, by, reason)

    def reject(self, arn: str, by: str, reason: str) -> bool:
        """Reject a version, saying who and why; say whether that changed anything."""
        return self._decide(arn, _REJECTED, by, reason)

    def _decide(self, arn: str, status: str, by: str, reason: str) -> bool:
        key = "approved_by" if status == _APPROVED else "rejected_by"
        change = {
            "ModelApprovalStatus": status,
            "ApprovalDescription": f"{by}: {reason}"[:_DESCRIPTION_MOST],
        }
        return self._update(arn, {key: metadata_text(by)}, change)

    def _update(self, arn: str, metadata: Mapping[str, str], change: Mapping[str, str]) -> bool:
        package = self._describe(arn)
        have = package.get("CustomerMetadataProperties", {})
        new = {key: value for key, value in metadata.items() if have.get(key) != value}
        differs = {key: value for key, value in change.items() if package.get(key) != value}
        if not new and "ModelApprovalStatus" not in differs:
            return False
        request: dict[str, Any] = {"ModelPackageArn": arn, **change}
        if new:
            request["CustomerMetadataProperties"] = new
        # Approve, reject, approve again are three changes: what it is changed from salts the token.
        before = f"{package.get('LastModifiedTime')} {package.get('ModelApprovalStatus')} {have}"
        token = short_token_for(f"update {arn} {sorted(new.items())} {change}", before)
        call(self._client.update_model_package, ClientToken=token, **request)
        return True

    def _describe(self, arn: str) -> dict[str, Any]:
        package: dict[str, Any] = call(self._client.describe_model_package, ModelPackageName=arn)
        return package


def metadata_text(value: str) -> str:
    """Return text as SageMaker's metadata takes it: at most 256 characters, no exotic ones.

    Others become a space; an empty text becomes a dash, for SageMaker takes no empty value.
    """
    return _NOT_METADATA.sub(" ", value)[:_METADATA_MOST].strip() or "-"


def _version(arn: str) -> int:
    return int(arn.rpartition("/")[2])


def _package_of(package: Mapping[str, Any]) -> PackageFacts:
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    return PackageFacts(
        arn=package["ModelPackageArn"],
        version=int(package["ModelPackageVersion"]),
        approval=package["ModelApprovalStatus"],
        created_at=package["CreationTime"],
        model_data_url=containers[0].get("ModelDataUrl", "") if containers else "",
        metadata=dict(package.get("CustomerMetadataProperties", {})),
        description=package.get("ModelPackageDescription", ""),
        approval_description=package.get("ApprovalDescription", ""),
    )
