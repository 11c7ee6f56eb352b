"""Model package groups and their resource policies. Packages are in `packages.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.sagemaker import arns, tags
from localaws.services.sagemaker.listing import Listing, pick
from localaws.services.sagemaker.records import Records, public
from localaws.services.sagemaker.registry import policies

if TYPE_CHECKING:
    from localaws.core.store import Store

_KIND = "model-package-group"
_LIST = Listing(name="ModelPackageGroupName")


def group_records(store: Store) -> Records:
    """Return the groups of all accounts."""
    return Records(
        store,
        f"sagemaker/{_KIND}",
        missing=("ValidationException", "ModelPackageGroup {arn} does not exist."),
        taken=("ValidationException", "Model Package Group already exists: {arn}"),
    )


class ModelPackageGroups(Provider):
    """CreateModelPackageGroup and its kin."""

    def create_model_package_group(self, call: Call, request: Document) -> Document:
        """Create a group, empty and without policy."""
        name = arns.own(call, _KIND, request["ModelPackageGroupName"])
        document = pick(request, "ModelPackageGroupName", "ModelPackageGroupDescription") | {
            "ModelPackageGroupArn": name.arn,
            "CreationTime": self.context.now(),
            "CreatedBy": {},
            "ModelPackageGroupStatus": "Completed",
            "_LastVersion": 0,
        }
        with self.context.store.transaction():
            group_records(self.context.store).insert(name, document)
            tags.put(self.context.store, name.arn, request.get("Tags", []))
        return {"ModelPackageGroupArn": name.arn}

    def describe_model_package_group(self, call: Call, request: Document) -> Document:
        """Describe a group, named by name or ARN."""
        name = arns.named(call, _KIND, request["ModelPackageGroupName"])
        return public(group_records(self.context.store).get(name))

    def list_model_package_groups(self, call: Call, request: Document) -> Document:
        """List the caller's groups."""
        page, more = _LIST.page(group_records(self.context.store).of(call), request)
        members = (
            "ModelPackageGroupName", "ModelPackageGroupArn", "ModelPackageGroupDescription",
            "CreationTime", "ModelPackageGroupStatus",
        )  # fmt: skip
        return {"ModelPackageGroupSummaryList": [pick(item, *members) for item in page], **more}

    def delete_model_package_group(self, call: Call, request: Document) -> Document:
        """Delete an empty group.

        Raises:
            ServiceError: ConflictException, it still holds packages.
        """
        name = arns.named(call, _KIND, request["ModelPackageGroupName"])
        group_records(self.context.store).get(name)
        packages = self.context.store.table("sagemaker/model-package")
        if any(True for _ in packages.scan(f"{name.key}/")):
            raise ServiceError(
                "ConflictException",
                f"Model Package Group cannot be deleted: {name.arn} still holds model packages.",
            )
        with self.context.store.transaction():
            group_records(self.context.store).delete(name)
            tags.remove(self.context.store, name.arn)
        return {}

    def put_model_package_group_policy(self, call: Call, request: Document) -> Document:
        """Set the group's resource policy."""
        name = arns.named(call, _KIND, request["ModelPackageGroupName"])
        policies.validate(request["ResourcePolicy"])
        group_records(self.context.store).set(name, _Policy=request["ResourcePolicy"])
        return {"ModelPackageGroupArn": name.arn}

    def get_model_package_group_policy(self, call: Call, request: Document) -> Document:
        """Return the group's resource policy."""
        name = arns.named(call, _KIND, request["ModelPackageGroupName"])
        policy = group_records(self.context.store).get(name).get("_Policy")
        if policy is None:
            raise ServiceError(
                "ValidationException", f"Cannot find resource policy for: {name.arn}"
            )
        return {"ResourcePolicy": policy}

    def delete_model_package_group_policy(self, call: Call, request: Document) -> Document:
        """Remove the group's resource policy."""
        name = arns.named(call, _KIND, request["ModelPackageGroupName"])
        group_records(self.context.store).change(name, lambda group: group.pop("_Policy", None))
        return {}
