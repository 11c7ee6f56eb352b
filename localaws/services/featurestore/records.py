"""What a valid record is. Storing it belongs to ledger.py, groups to SageMaker's provider."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.provider import Document

_MOST_BYTES = 350 * 1024
_MOST_INTEGRAL = 2**63
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
_UNITS = {"Seconds": "seconds", "Minutes": "minutes", "Hours": "hours", "Days": "days",
          "Weeks": "weeks"}  # fmt: skip
ONLINE, OFFLINE = "OnlineStore", "OfflineStore"


@dataclass(frozen=True, slots=True)
class Group:
    """A feature group, as far as records are concerned.

    Attributes:
        uid: Tells a group from an earlier one of the same name.
        types: Feature name to Integral, Fractional or String.
        stores: The stores that are enabled.
        ttl: Default time to live, as the API writes it.
    """

    uid: str
    name: str
    account_id: str
    region: str
    record_id: str
    event_time: str
    types: dict[str, str]
    stores: frozenset[str]
    ttl: Document | None

    @classmethod
    def of(cls, document: Document) -> Group:
        """Read a group's document in the store."""
        online = document.get("OnlineStoreConfig", {})
        stores = {ONLINE} if online.get("EnableOnlineStore") else set()
        return cls(
            uid=document["_uid"], name=document["FeatureGroupName"],
            account_id=document["_account"], region=document["_region"],
            record_id=document["RecordIdentifierFeatureName"],
            event_time=document["EventTimeFeatureName"],
            types={item["FeatureName"]: item["FeatureType"]
                   for item in document["FeatureDefinitions"]},
            stores=frozenset(stores | ({OFFLINE} if document.get("OfflineStoreConfig") else set())),
            ttl=online.get("TtlDuration"),
        )  # fmt: skip

    def targets(self, asked: list[str] | None) -> frozenset[str]:
        """Return the stores to write to.

        Raises:
            ServiceError: One was asked for that the group does not have.
        """
        wanted = frozenset(asked) if asked else self.stores
        if wanted - self.stores:
            raise invalid(
                f"{', '.join(sorted(wanted - self.stores))} is not enabled for FeatureGroup "
                f"{self.name}"
            )
        return wanted


@dataclass(frozen=True, slots=True)
class Record:
    """A valid record.

    Attributes:
        event: Event time in epoch seconds.
        values: Feature name to value as text; a feature without a value is absent.
        expires: When the online store forgets it, in epoch seconds.
    """

    record_id: str
    event: float
    values: dict[str, str]
    expires: float | None


def invalid(message: str) -> ServiceError:
    """Return the runtime's ValidationError."""
    return ServiceError("ValidationError", f"Validation Error: {message}")


def read(group: Group, features: list[Document], ttl: Document | None) -> Record:
    """Check a record against its group.

    Raises:
        ServiceError: ValidationError, saying which feature is wrong and how.
    """
    values = _values(group, features)
    for name in (group.record_id, group.event_time):
        if not values.get(name):
            raise invalid(f"Record does not have a value for the feature {name}")
    event = event_time(group, values[group.event_time])
    return Record(values[group.record_id], event, values, expiry(event, ttl or group.ttl))


def event_time(group: Group, text: str) -> float:
    """Return an event time in epoch seconds.

    Raises:
        ServiceError: It is not of the form that its feature's type demands.
    """
    if group.types[group.event_time] == "Fractional":
        return _fractional(group.event_time, text)
    if not _ISO.fullmatch(text):
        raise invalid(
            f"EventTime feature {group.event_time} is '{text}'; expected ISO 8601 in UTC, "
            "yyyy-MM-dd'T'HH:mm:ssZ or yyyy-MM-dd'T'HH:mm:ss.SSSZ"
        )
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise invalid(f"EventTime feature {group.event_time} is '{text}': {error}") from error


def expiry(event: float, ttl: Document | None) -> float | None:
    """Return event time plus time to live."""
    if not ttl:
        return None
    return event + timedelta(**{_UNITS[ttl["Unit"]]: ttl["Value"]}).total_seconds()


def iso(moment: float) -> str:
    """Return a moment as ISO 8601 in UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _values(group: Group, features: list[Document]) -> dict[str, str]:
    values: dict[str, str] = {}
    size = 0
    for feature in features:
        name, text = feature["FeatureName"], feature.get("ValueAsString")
        kind = group.types.get(name)
        if kind is None:
            raise invalid(f"FeatureName {name} does not exist in FeatureGroup {group.name}")
        if name in values:
            raise invalid(f"FeatureName {name} appears more than once in the record")
        if "ValueAsStringList" in feature:
            raise invalid(f"Feature {name} is no collection; give it a ValueAsString")
        if text is None:
            continue
        if kind != "String":
            _CHECKS[kind](name, text)
        size += len(name) + len(text)
        values[name] = text
    if size > _MOST_BYTES:
        raise invalid(f"Record of {size} bytes exceeds the limit of 350 KB")
    return values


def _integral(name: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise invalid(f"Value '{text}' of feature {name} is not Integral") from None
    if not -_MOST_INTEGRAL <= number < _MOST_INTEGRAL:
        raise invalid(f"Value '{text}' of feature {name} does not fit 64 bits")
    return number


def _fractional(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise invalid(f"Value '{text}' of feature {name} is not Fractional")
    return number


_CHECKS = {"Integral": _integral, "Fractional": _fractional}
