"""Model packages: register, describe, list, approve, delete.

Only versioned packages (those of a group) exist here. Making models of them is in `models.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.core.tokens import ClientToken, TokenRule
from localaws.services.sagemaker import arns, tags
from localaws.services.sagemaker.arns import ResourceName
from localaws.services.sagemaker.listing import Listing, pick
from localaws.services.sagemaker.objects import ObjectError, Objects
from localaws.services.sagemaker.records import Records, public
from localaws.services.sagemaker.registry.groups import group_records
from localaws.services.sagemaker.registry.limits import check_properties

if TYPE_CHECKING:
    from localaws.core.store import Store

_KIND = "model-package"
_GROUP = "model-package-group"
_LIST = Listing(name="ModelPackageArn", default_order="Ascending")
_REFUSED = ("SourceAlgorithmSpecification", "ValidationSpecification", "ManagedStorageType")
_APPENDABLE = ("ModelApprovalStatus", "ApprovalDescription", "InferenceSpecification", "SourceUri",
               "ModelCard", "ModelLifeCycle", "ModelPackageRegistrationType")  # fmt: skip
_TOKEN = TokenRule("ClientToken", "ConflictException")


def package_records(store: Store) -> Records:
    """Return the packages of all accounts."""
    return Records(
        store,
        f"sagemaker/{_KIND}",
        missing=("ValidationException", "ModelPackage {arn} does not exist."),
        taken=("ConflictException", "ModelPackage {arn} already exists."),
    )


class ModelPackages(Provider):
    """CreateModelPackage and its kin."""

    def create_model_package(self, call: Call, request: Document) -> Document:
        """Register the next version in a group, perhaps another account's.

        Raises:
            ServiceError: ConflictException, the token was used for other
                parameters; ValidationException.
        """
        if not request.get("ModelPackageGroupName"):
            raise ServiceError(
                "ValidationException",
                "The embedded AWS keeps only versioned packages: give ModelPackageGroupName.",
            )
        group = arns.named(call, _GROUP, request["ModelPackageGroupName"])
        found = group_records(self.context.store).get(group)
        # A group of the same name that was made anew knows none of the old one's tokens.
        scope = f"{group.arn}/{found['CreationTime']}"
        token = ClientToken(self.context, call, request, _TOKEN, scope)
        if (known := token.answer()) is not None:
            return known
        self._validate(call, request)
        return token.once(lambda: self._register(call, group, request))[0]

    def describe_model_package(self, call: Call, request: Document) -> Document:
        """Describe a package by its ARN."""
        return public(self._package(call, request["ModelPackageName"])[1])

    def batch_describe_model_package(self, call: Call, request: Document) -> Document:
        """Describe several packages; those that cannot be are reported one by one."""
        found, errors = {}, {}
        for arn in request["ModelPackageArnList"]:
            try:
                _, package = self._package(call, arn)
            except ServiceError as error:
                errors[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
            else:
                found[arn] = public(package)
        return {
            "ModelPackageSummaries": found,
            "BatchDescribeModelPackageErrorMap": errors,
        }

    def list_model_packages(self, call: Call, request: Document) -> Document:
        """List the packages of one group, or all of the caller's account."""
        prefix = f"{call.account_id}/{call.region}/"
        if request.get("ModelPackageGroupName"):
            group = arns.named(call, _GROUP, request["ModelPackageGroupName"])
            group_records(self.context.store).get(group)
            prefix = f"{group.key}/"
        wanted = request.get("ModelApprovalStatus")
        table = self.context.store.table(f"sagemaker/{_KIND}")
        items = [
            item for _, item in table.scan(prefix)
            if wanted in (None, item.get("ModelApprovalStatus"))
        ]  # fmt: skip
        page, more = _LIST.page(items, request)
        members = (
            "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn",
            "ModelPackageDescription", "CreationTime", "ModelPackageStatus",
            "ModelApprovalStatus", "ModelLifeCycle",
        )  # fmt: skip
        return {"ModelPackageSummaryList": [pick(item, *members) for item in page], **more}

    def update_model_package(self, call: Call, request: Document) -> Document:
        """Approve, reject, annotate.

        Raises:
            ServiceError: ConflictException, the token was used for other parameters;
                ValidationException.
        """
        name, _ = self._package(call, request["ModelPackageArn"])
        removed = set(request.get("CustomerMetadataPropertiesToRemove", []))

        def change(package: Document) -> None:
            kept = package.get("CustomerMetadataProperties", {})
            kept = {key: value for key, value in kept.items() if key not in removed}
            kept |= request.get("CustomerMetadataProperties", {})
            check_properties(kept)
            package["CustomerMetadataProperties"] = kept
            package.update(pick(request, *_APPENDABLE))
            package["LastModifiedTime"] = self.context.now()

        def update() -> Document:
            package_records(self.context.store).change(name, change)
            return {"ModelPackageArn": name.arn}

        return ClientToken(self.context, call, request, _TOKEN, name.arn).once(update)[0]

    def delete_model_package(self, call: Call, request: Document) -> Document:
        """Delete a package; its version number is not given again."""
        name, _ = self._package(call, request["ModelPackageName"])
        with self.context.store.transaction():
            package_records(self.context.store).delete(name)
            tags.remove(self.context.store, name.arn)
        return {}

    def _package(self, call: Call, arn: str) -> tuple[ResourceName, Document]:
        name = arns.named(call, _KIND, arn)
        return name, package_records(self.context.store).get(name)

    def _validate(self, call: Call, request: Document) -> None:
        for member in _REFUSED:
            if request.get(member):
                raise ServiceError(
                    "ValidationException", f"The embedded AWS does not perform {member}."
                )
        check_properties(request.get("CustomerMetadataProperties", {}))
        s3 = self.context.client_for(call, "s3", call.region, via="sagemaker")
        objects = Objects(s3)
        for container in request.get("InferenceSpecification", {}).get("Containers", []):
            _check_model_data(objects, container.get("ModelDataUrl"))

    def _register(self, call: Call, group: ResourceName, request: Document) -> Document:
        def count(document: Document) -> None:
            document["_LastVersion"] += 1

        version = group_records(self.context.store).change(group, count)["_LastVersion"]
        name = ResourceName(group.account_id, group.region, _KIND, f"{group.name}/{version}")
        left_out = ("Tags", "ClientToken", "ModelPackageGroupName")
        now = self.context.now()
        document = {key: value for key, value in request.items() if key not in left_out} | {
            "ModelPackageName": name.arn,
            "ModelPackageArn": name.arn,
            "ModelPackageGroupName": group.name,
            "ModelPackageVersion": version,
            "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CreationTime": now,
            "LastModifiedTime": now,
            "CreatedBy": {"IamIdentity": {"Arn": call.principal_arn}},
        }
        package_records(self.context.store).insert(name, document)
        tags.put(self.context.store, name.arn, request.get("Tags", []))
        return {"ModelPackageArn": name.arn}


def _check_model_data(objects: Objects, uri: str | None) -> None:
    if uri is None or uri.endswith("/"):
        return
    try:
        if objects.exists(uri):
            return
    except ObjectError as error:
        raise ServiceError("ValidationException", str(error)) from error
    raise ServiceError(
        "ValidationException", f"Could not find model data at {uri}: no such object."
    )
