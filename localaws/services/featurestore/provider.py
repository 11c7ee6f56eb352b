"""Feature Store's runtime operations: put, get, delete, in batches too. No UpdateRecord.

The order of event times decides: a record that is not later than the online store's goes to the
offline store only.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.featurestore.ledger import Change, Ledger
from localaws.services.featurestore.offline import OfflineWriter
from localaws.services.featurestore.records import (
    OFFLINE,
    ONLINE,
    Group,
    Record,
    event_time,
    expiry,
    invalid,
    iso,
    read,
)
from localaws.services.sagemaker.arns import named, owned
from localaws.services.sagemaker.feature_groups import KIND, TABLE

if TYPE_CHECKING:
    from localaws.core.context import ServerContext

_LISTED = 100
_SWEEP_SECONDS = 30.0


class FeatureStoreRuntimeProvider(Provider):
    """Feature Store runtime."""

    service = "sagemaker-featurestore-runtime"

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self._ledger = Ledger(
            context.folder("feature-store") / "records.sqlite", salvage=context.salvage
        )
        self._writer = OfflineWriter(context, self._ledger)
        self._noted: dict[str, float] = {}
        # Groups change seldom, records are written often.
        self._known: dict[str, Document] = {}
        context.store.watch(TABLE, self._forget)
        self._sweeper = threading.Thread(target=self._sweep, name="feature-sweep", daemon=True)

    def start(self) -> None:
        """Begin to write offline and to forget deleted groups."""
        self._writer.start()
        self._sweeper.start()

    def stop(self) -> None:
        """Stop both threads."""
        self._writer.stop()
        if self._sweeper.is_alive():
            self._sweeper.join(timeout=5)
        self._ledger.close()

    def put_record(self, call: Call, request: Document) -> Document:
        """Write one record."""
        group = self._group(call, request["FeatureGroupName"], missing="ValidationError")
        self._ledger.write([_change(group, request, None)], self.context.now())
        return {}

    def batch_write_record(self, call: Call, request: Document) -> Document:
        """Write up to 25 records; those that are not valid are told apart, the others written."""
        groups: dict[str, Group] = {}
        changes, errors = [], []
        for entry in request["Entries"]:
            name = entry["FeatureGroupName"]
            if name not in groups:
                groups[name] = self._group(call, name)
            try:
                changes.append(_change(groups[name], entry, request.get("TtlDuration")))
            except ServiceError as error:
                errors.append({"Entry": entry, "ErrorCode": error.code,
                               "ErrorMessage": error.message[:2048]})  # fmt: skip
        self._ledger.write(changes, self.context.now())
        return {"Errors": errors, "UnprocessedEntries": []}

    def get_record(self, call: Call, request: Document) -> Document:
        """Return the newest record, or nothing."""
        group = self._online_group(call, request["FeatureGroupName"])
        wanted = _wanted(group, request.get("FeatureNames"))
        found = self._read(group, request["RecordIdentifierValueAsString"], wanted)
        return {} if found is None else _shown(found, request)

    def batch_get_record(self, call: Call, request: Document) -> Document:
        """Return the newest of many records; unknown groups are told in Errors."""
        records, errors = [], []
        for asked in request["Identifiers"]:
            for record_id in asked["RecordIdentifiersValueAsString"]:
                identity = {"FeatureGroupName": asked["FeatureGroupName"],
                            "RecordIdentifierValueAsString": record_id}  # fmt: skip
                try:
                    group = self._online_group(call, asked["FeatureGroupName"])
                    found = self._read(group, record_id, _wanted(group, asked.get("FeatureNames")))
                except ServiceError as error:
                    errors.append(identity | {"ErrorCode": error.code,
                                              "ErrorMessage": error.message})  # fmt: skip
                    continue
                if found is not None:
                    records.append(identity | _shown(found, request))
        return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}

    def delete_record(self, call: Call, request: Document) -> Document:
        """Delete a record, softly unless asked otherwise."""
        group = self._group(call, request["FeatureGroupName"], missing="ValidationError")
        targets = group.targets(request.get("TargetStores"))
        record_id, text = request["RecordIdentifierValueAsString"], request["EventTime"]
        event = event_time(group, text)
        values = {group.record_id: record_id, group.event_time: text}
        marker = Record(record_id, event, values, expiry(event, group.ttl))
        change = Change(group.uid, marker, ONLINE in targets, OFFLINE in targets, deleted=True)
        if request.get("DeletionMode") != "HardDelete":
            self._ledger.write([change], self.context.now())
        elif not self._ledger.remove(change, self.context.now()):
            raise invalid(f"EventTime {text} is not later than that of the record {record_id}")
        return {}

    def list_records(self, call: Call, request: Document) -> Document:
        """List the ids in the online store, in order of the ids."""
        group = self._online_group(call, request["FeatureGroupName"])
        limit = request.get("MaxResults", _LISTED)
        ids = self._ledger.record_ids(
            group.uid, request.get("NextToken", ""), limit + 1, self.context.now(),
            deleted=request.get("IncludeSoftDeletedRecords", False),
        )  # fmt: skip
        more = {"NextToken": ids[limit - 1]} if len(ids) > limit else {}
        return {"RecordIdentifiers": ids[:limit], **more}

    def _group(self, call: Call, name: str, *, missing: str = "ResourceNotFound") -> Group:
        resource = owned(call, named(call, KIND, name))
        document = self._known.get(resource.key) or self._look_up(resource.key)
        if document is None:
            raise ServiceError(missing, f"Feature group {resource.arn} does not exist.",
                               status=404 if missing == "ResourceNotFound" else 400)  # fmt: skip
        if document["FeatureGroupStatus"] != "Created":
            raise invalid(f"Feature group {name} is {document['FeatureGroupStatus']}, not Created")
        if self._noted.get(document["_uid"]) != document["LastModifiedTime"]:
            self._ledger.note_sink(document["_uid"], document)
            self._noted[document["_uid"]] = document["LastModifiedTime"]
        return Group.of(document)

    def _look_up(self, key: str) -> Document | None:
        # Within a transaction, so that no change comes between the reading and the remembering.
        with self.context.store.transaction():
            document = self.context.store.table(TABLE).get(key)
            if document is not None:
                self._known[key] = document
        return document

    def _forget(self, key: str, _before: Document | None, _after: Document | None) -> None:
        self._known.pop(key, None)

    def _online_group(self, call: Call, name: str) -> Group:
        group = self._group(call, name)
        if ONLINE not in group.stores:
            raise invalid(f"OnlineStore is not enabled for FeatureGroup {group.name}")
        return group

    def _read(
        self, group: Group, record_id: str, wanted: list[str]
    ) -> tuple[list[Document], float | None] | None:
        found = self._ledger.get(group.uid, record_id, self.context.now())
        if found is None:
            return None
        values, expires = found
        record = [{"FeatureName": name, "ValueAsString": values[name]}
                  for name in wanted if name in values]  # fmt: skip
        return record, expires

    def _sweep(self) -> None:
        while not self.context.stopping.wait(_SWEEP_SECONDS):
            table = self.context.store.table(TABLE)
            for uid, sink in self._ledger.sinks().items():
                key = f"{sink['_account']}/{sink['_region']}/{sink['FeatureGroupName']}"
                document = table.get(key)
                if document is None or document["_uid"] != uid:
                    self._ledger.forget(uid)


def _change(group: Group, entry: Document, ttl: Document | None) -> Change:
    targets = group.targets(entry.get("TargetStores"))
    record = read(group, entry["Record"], entry.get("TtlDuration") or ttl)
    return Change(group.uid, record, ONLINE in targets, OFFLINE in targets)


def _wanted(group: Group, names: list[str] | None) -> list[str]:
    unknown = [name for name in names or () if name not in group.types]
    if unknown:
        raise invalid(f"FeatureName {unknown[0]} does not exist in FeatureGroup {group.name}")
    return names or list(group.types)


def _shown(found: tuple[list[Document], float | None], request: Document) -> Document:
    record, expires = found
    if expires is not None and request.get("ExpirationTimeResponse") == "Enabled":
        return {"Record": record, "ExpiresAt": iso(expires)}
    return {"Record": record}
