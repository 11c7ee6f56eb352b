"""What a valid feature group is. Making one is feature_groups.py's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.sagemaker.feature_tables import RESERVED

if TYPE_CHECKING:
    from localaws.core.provider import Document


def feature_of(group: Document, name: str) -> Document:
    """Return a feature's definition.

    Raises:
        ServiceError: ResourceNotFound, the group has no such feature.
    """
    for feature in group["FeatureDefinitions"]:
        if feature["FeatureName"] == name:
            return dict(feature)
    raise ServiceError(
        "ResourceNotFound", f"Feature {name} does not exist in {group['FeatureGroupName']}."
    )


def check_request(request: Document) -> None:
    """Refuse a CreateFeatureGroup that AWS would refuse, or that is not performed here.

    Raises:
        ServiceError: ValidationException, saying what is wrong.
    """
    features = request["FeatureDefinitions"]
    check_features(features)
    types = {feature["FeatureName"]: feature["FeatureType"] for feature in features}
    for member in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if request[member] not in types:
            raise _invalid(f"{member} '{request[member]}' is not among the FeatureDefinitions.")
    if types[request["EventTimeFeatureName"]] not in {"String", "Fractional"}:
        raise _invalid("EventTime feature must be of type String or Fractional.")
    online = request.get("OnlineStoreConfig", {}).get("EnableOnlineStore", False)
    if not online and not request.get("OfflineStoreConfig"):
        raise _invalid("Either OnlineStoreConfig or OfflineStoreConfig must be enabled.")
    if request.get("OfflineStoreConfig", {}).get("TableFormat") == "Iceberg":
        _check_iceberg(request, types[request["EventTimeFeatureName"]])


def _check_iceberg(request: Document, event_time_type: str) -> None:
    if event_time_type != "String":
        raise _invalid(
            "For feature groups in Iceberg table format, the event time feature must be of type "
            "String."
        )
    if request["OfflineStoreConfig"].get("DisableGlueTableCreation"):
        raise _invalid(
            "The embedded AWS does not perform TableFormat Iceberg with DisableGlueTableCreation."
        )


def check_features(features: list[Document]) -> None:
    """Refuse features that clash with each other or with the store's own columns.

    Raises:
        ServiceError: ValidationException, naming the feature.
    """
    seen: set[str] = set()
    for feature in features:
        name = feature["FeatureName"].lower()
        if name in RESERVED:
            raise _invalid(
                f"FeatureName {feature['FeatureName']} is reserved: the offline store has a column "
                f"of that name. Reserved are {', '.join(sorted(RESERVED))}."
            )
        if name in seen:
            raise _invalid(f"Duplicate feature name {feature['FeatureName']}.")
        if feature.get("CollectionType"):
            raise _invalid(
                "The embedded AWS does not perform collection types (List, Set, Vector)."
            )
        seen.add(name)


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
