"""Feature groups: created with their Glue table, described, extended, deleted.

Records are the runtime's (localaws/services/featurestore). The offline store's table has the
columns that AWS gives it, but is partitioned by the event time's year, month and day; ``hour`` is
an ordinary column. AWS partitions by hour too, which here would mean a file and a catalogue entry
for every hour of history. SQL on year, month, day and hour means the same either way.
"""

from __future__ import annotations

import logging
import threading
import uuid
from typing import Any

from botocore.exceptions import ClientError

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.sagemaker import feature_iceberg, roles, tags
from localaws.services.sagemaker.arns import ResourceName, named, own, owned
from localaws.services.sagemaker.feature_checks import (
    check_features,
    check_request,
    feature_of,
)
from localaws.services.sagemaker.feature_tables import (
    add_columns,
    create_database,
    create_table,
    resolve_offline,
)
from localaws.services.sagemaker.listing import Listing, paginate, pick
from localaws.services.sagemaker.records import Records, public

_log = logging.getLogger(__name__)

KIND = "feature-group"
TABLE = "sagemaker/feature-group"

_LISTING = Listing(
    name="FeatureGroupName", status="FeatureGroupStatus", default_size=100,
    sorts={"Name": "FeatureGroupName", "FeatureGroupStatus": "FeatureGroupStatus",
           "OfflineStoreStatus": "_offline"},
)  # fmt: skip
_DESCRIBED_AT_ONCE = 100
_TAKEN = (
    "Resource Already Exists: FeatureGroup with name {name} already exists. "
    "Choose a different name."
)
_NOT_DELETABLE = {"Creating", "Deleting"}


class FeatureGroups(Provider):
    """The operations on feature groups and their features' metadata."""

    def start(self) -> None:
        """Finish the groups that a previous server was creating."""
        super().start()
        for _, group in self.context.store.table(TABLE).scan():
            if group["FeatureGroupStatus"] == "Creating":
                self._complete_in_background(group)

    def create_feature_group(self, call: Call, request: Document) -> Document:
        """Accept a new group; its offline store and Glue table are made in the background."""
        check_request(request)
        name = own(call, KIND, request["FeatureGroupName"])
        now = self.context.now()
        group: Document = {
            **pick(request, "FeatureGroupName", "RecordIdentifierFeatureName", "Description",
                   "EventTimeFeatureName", "FeatureDefinitions", "RoleArn", "OnlineStoreConfig",
                   "ThroughputConfig"),
            "FeatureGroupArn": name.arn, "CreationTime": now, "LastModifiedTime": now,
            "FeatureGroupStatus": "Creating", "_uid": uuid.uuid4().hex, "_metadata": {},
            "_account": call.account_id, "_region": call.region,
        }  # fmt: skip
        if request.get("OfflineStoreConfig"):
            group["OfflineStoreConfig"] = resolve_offline(name, request["OfflineStoreConfig"], now)
            group["OfflineStoreStatus"] = {"Status": "Active"}
        with self.context.store.transaction():
            self._feature_groups().insert(name, group)
            tags.put(self.context.store, name.arn, request.get("Tags", []))
        self._complete_in_background(group)
        return {"FeatureGroupArn": name.arn}

    def describe_feature_group(self, call: Call, request: Document) -> Document:
        """Describe a group, 100 of its features at a time."""
        group = self._feature_group(call, request)
        page, more = paginate(
            group["FeatureDefinitions"], request,
            name=lambda feature: str(feature["FeatureName"]), size=_DESCRIBED_AT_ONCE,
        )  # fmt: skip
        return public(group) | {"FeatureDefinitions": page, **more}

    def list_feature_groups(self, call: Call, request: Document) -> Document:
        """List groups by name, status or age."""
        wanted = request.get("OfflineStoreStatusEquals")
        groups = [
            group | {"_offline": group.get("OfflineStoreStatus", {}).get("Status", "")}
            for group in self._feature_groups().of(call)
        ]
        groups = [group for group in groups if wanted in (None, group["_offline"])]
        asked = request | {"StatusEquals": request.get("FeatureGroupStatusEquals")}
        page, more = _LISTING.page(groups, asked)
        members = ("FeatureGroupName", "FeatureGroupArn", "CreationTime", "FeatureGroupStatus",
                   "OfflineStoreStatus")  # fmt: skip
        return {"FeatureGroupSummaries": [pick(group, *members) for group in page], **more}

    def update_feature_group(self, call: Call, request: Document) -> Document:
        """Add features, in Glue too, or change the online store's default time to live."""
        name = owned(call, named(call, KIND, request["FeatureGroupName"]))
        group = self._feature_groups().get(name)
        if group["FeatureGroupStatus"] != "Created":
            raise ServiceError(
                "ValidationException",
                f"Feature group {name.name} is {group['FeatureGroupStatus']}, not Created.",
            )
        additions = request.get("FeatureAdditions", [])
        check_features(group["FeatureDefinitions"] + additions)
        if additions and group.get("OfflineStoreConfig", {}).get("DataCatalogConfig"):
            self._add_columns(group, additions)
        changed = self._feature_groups().change(name, lambda found: self._extend(found, request))
        return {"FeatureGroupArn": changed["FeatureGroupArn"]}

    def delete_feature_group(self, call: Call, request: Document) -> Document:
        """Delete a group and its online records; S3 and Glue keep what the offline store wrote."""
        name = own(call, KIND, request["FeatureGroupName"])
        group = self._feature_groups().get(name)
        if group["FeatureGroupStatus"] in _NOT_DELETABLE:
            raise ServiceError(
                "ResourceInUse", f"Feature group {name.name} is {group['FeatureGroupStatus']}."
            )
        with self.context.store.transaction():
            self.context.store.table(TABLE).delete(name.key)
            tags.remove(self.context.store, name.arn)
        return {}

    def describe_feature_metadata(self, call: Call, request: Document) -> Document:
        """Describe one feature."""
        group = self._feature_group(call, request)
        feature = feature_of(group, request["FeatureName"])
        return {
            **pick(group, "FeatureGroupArn", "FeatureGroupName", "CreationTime"),
            "FeatureName": feature["FeatureName"], "FeatureType": feature["FeatureType"],
            "LastModifiedTime": group["LastModifiedTime"],
            **group["_metadata"].get(feature["FeatureName"], {}),
        }  # fmt: skip

    def update_feature_metadata(self, call: Call, request: Document) -> Document:
        """Change a feature's description and parameters."""
        name = owned(call, named(call, KIND, request["FeatureGroupName"]))

        def apply(group: Document) -> None:
            feature = feature_of(group, request["FeatureName"])["FeatureName"]
            known = group["_metadata"].setdefault(feature, {})
            known |= pick(request, "Description")
            parameters = {item["Key"]: item["Value"] for item in known.get("Parameters", [])}
            added = request.get("ParameterAdditions", [])
            if not all("Key" in item and "Value" in item for item in added):
                raise ServiceError("ValidationException", "A parameter needs Key and Value")
            parameters |= {item["Key"]: item["Value"] for item in added}
            for key in request.get("ParameterRemovals", []):
                parameters.pop(key, None)
            known["Parameters"] = [{"Key": key, "Value": parameters[key]} for key in parameters]

        self._feature_groups().get(name)
        self._feature_groups().change(name, apply)
        return {}

    def _feature_groups(self) -> Records:
        return Records(
            self.context.store, TABLE,
            missing=("ResourceNotFound", "FeatureGroup {arn} does not exist."),
            taken=("ResourceInUse", _TAKEN),
        )  # fmt: skip

    def _feature_group(self, call: Call, request: Document) -> Document:
        return self._feature_groups().get(
            owned(call, named(call, KIND, request["FeatureGroupName"]))
        )

    def _extend(self, group: Document, request: Document) -> None:
        known = {feature["FeatureName"] for feature in group["FeatureDefinitions"]}
        group["FeatureDefinitions"] += [
            feature
            for feature in request.get("FeatureAdditions", [])
            if feature["FeatureName"] not in known
        ]
        if "OnlineStoreConfig" in request:
            group.setdefault("OnlineStoreConfig", {}).update(request["OnlineStoreConfig"])
        group["LastModifiedTime"] = self.context.now()
        group["LastUpdateStatus"] = {"Status": "Successful"}

    def _add_columns(self, group: Document, additions: list[Document]) -> None:
        glue = self._client_of("glue", group)
        if not feature_iceberg.in_iceberg(group):
            add_columns(glue, group, additions)
            return
        try:
            s3 = roles.client(self.context, "s3", group["RoleArn"], group["_region"])
        except roles.RoleError as error:
            raise ServiceError("ValidationException", str(error)) from error
        feature_iceberg.add_columns(glue, s3, group, additions)

    def _complete_in_background(self, group: Document) -> None:
        threading.Thread(
            target=self._complete, args=(group,), name="feature-group", daemon=True
        ).start()

    def _complete(self, group: Document) -> None:
        changes: Document = {"FeatureGroupStatus": "Created"}
        try:
            self._make_offline_store(group)
        except ClientError as error:
            failure = error.response["Error"]
            changes = {"FeatureGroupStatus": "CreateFailed",
                       "FailureReason": f"{failure['Code']}: {failure['Message']}"}  # fmt: skip
        except roles.RoleError as error:
            changes = {"FeatureGroupStatus": "CreateFailed", "FailureReason": str(error)}
        except Exception as error:  # noqa: BLE001 - a group must not stay Creating for ever
            _log.exception("Feature group %s could not be made", group["FeatureGroupName"])
            changes = {"FeatureGroupStatus": "CreateFailed", "FailureReason": str(error)}
        name = ResourceName(group["_account"], group["_region"], KIND, group["FeatureGroupName"])
        self._feature_groups().change(name, lambda found: found.update(changes))

    def _make_offline_store(self, group: Document) -> None:
        offline = group.get("OfflineStoreConfig")
        if not offline:
            return
        bucket = offline["S3StorageConfig"]["S3Uri"].split("/")[2]
        s3 = roles.client(self.context, "s3", group["RoleArn"], group["_region"])
        s3.get_bucket_acl(Bucket=bucket)
        if not offline.get("DataCatalogConfig"):
            return
        glue = self._client_of("glue", group)
        create_database(glue, group)
        if feature_iceberg.in_iceberg(group):
            feature_iceberg.create_table(glue, s3, group)
        else:
            create_table(glue, group)

    def _client_of(self, service: str, group: Document) -> Any:
        return self.context.client(service, group["_account"], group["_region"])
