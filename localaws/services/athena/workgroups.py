"""Workgroups: where results go, what may be scanned. Queries are provider.py's."""

from __future__ import annotations

from typing import Any

from localaws.core.errors import ServiceError
from localaws.core.paging import Paging
from localaws.core.provider import Call, Document, Provider
from localaws.core.store import DuplicateKeyError

ENGINE = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}
PRIMARY = "primary"
PAGING = Paging("NextToken", "MaxResults", "InvalidRequestException")

_UNPERFORMED = ("ManagedQueryResultsConfiguration", "IdentityCenterConfiguration",
                "QueryResultsS3AccessGrantsConfiguration", "MonitoringConfiguration",
                "AdditionalConfiguration", "SystemTableStatuses")  # fmt: skip


def invalid(message: str) -> ServiceError:
    """Return the error nearly all of Athena's refusals are."""
    return ServiceError("InvalidRequestException", message)


class WorkGroups(Provider):
    """The operations on workgroups."""

    def create_work_group(self, call: Call, request: Document) -> Document:
        """Create a workgroup."""
        configuration = request.get("Configuration", {})
        _refuse_unperformed(configuration)
        document = {
            "Name": request["Name"], "State": "ENABLED",
            "Description": request.get("Description", ""), "CreationTime": self.context.now(),
            "Configuration": _defaults() | configuration,
            "Tags": _by_key(request.get("Tags", [])),
        }  # fmt: skip
        try:
            self._groups().insert(work_group_key(call, request["Name"]), document)
        except DuplicateKeyError:
            raise invalid("WorkGroup is already created") from None
        return {}

    def get_work_group(self, call: Call, request: Document) -> Document:
        """Describe a workgroup."""
        group = self._work_group(call, request["WorkGroup"])
        group.pop("Tags", None)
        return {"WorkGroup": group}

    def list_work_groups(self, call: Call, request: Document) -> Document:
        """List all workgroups, the primary one first."""
        prefix = f"{call.account_id}/{call.region}/"
        groups = [group for _, group in self._groups().scan(prefix)]
        if not any(group["Name"] == PRIMARY for group in groups):
            groups.insert(0, self._work_group(call, PRIMARY))
        page, more = PAGING.page(groups, request, key=lambda group: str(group["Name"]), default=50)
        shown = [
            {key: group.get(key) for key in ("Name", "State", "Description", "CreationTime")}
            | {"EngineVersion": ENGINE}
            for group in page
        ]
        return {"WorkGroups": shown} | more

    def update_work_group(self, call: Call, request: Document) -> Document:
        """Change a workgroup's configuration, description or state."""
        group = self._work_group(call, request["WorkGroup"])
        updates = dict(request.get("ConfigurationUpdates", {}))
        _refuse_unperformed(updates)
        configuration = group["Configuration"]
        results = updates.pop("ResultConfigurationUpdates", {})
        configuration["ResultConfiguration"] = _updated(
            configuration.get("ResultConfiguration", {}), results
        )
        group["Configuration"] = _updated(configuration, updates)
        group |= {key: request[key] for key in ("Description", "State") if key in request}
        self._groups().put(work_group_key(call, group["Name"]), group)
        return {}

    def delete_work_group(self, call: Call, request: Document) -> Document:
        """Delete a workgroup; its queries stay readable by their ids."""
        name = request["WorkGroup"]
        if name == PRIMARY:
            raise invalid("The primary workgroup cannot be deleted")
        self._work_group(call, name)
        prepared = self.context.store.table("athena/prepared")
        kept = [key for key, _ in prepared.scan(f"{work_group_key(call, name)}/")]
        if kept and not request.get("RecursiveDeleteOption"):
            raise invalid(f"WorkGroup {name} is not empty: it has prepared statements")
        for key in kept:
            prepared.delete(key)
        self._groups().delete(work_group_key(call, name))
        return {}

    def tag_resource(self, call: Call, request: Document) -> Document:
        """Tag a workgroup."""
        group = self._work_group(call, _name_in(request["ResourceARN"]))
        group.setdefault("Tags", {}).update(_by_key(request["Tags"]))
        self._groups().put(work_group_key(call, group["Name"]), group)
        return {}

    def untag_resource(self, call: Call, request: Document) -> Document:
        """Remove a workgroup's tags."""
        group = self._work_group(call, _name_in(request["ResourceARN"]))
        for key in request["TagKeys"]:
            group.get("Tags", {}).pop(key, None)
        self._groups().put(work_group_key(call, group["Name"]), group)
        return {}

    def list_tags_for_resource(self, call: Call, request: Document) -> Document:
        """List a workgroup's tags."""
        group = self._work_group(call, _name_in(request["ResourceARN"]))
        tags = [{"Key": key, "Value": value} for key, value in group.get("Tags", {}).items()]
        page, more = PAGING.page(tags, request, key=lambda tag: str(tag["Key"]), default=75)
        return {"Tags": page} | more

    def _groups(self) -> Any:
        return self.context.store.table("athena/workgroup")

    def _work_group(self, call: Call, name: str) -> Document:
        found: Document | None = self._groups().get(work_group_key(call, name))
        if found is None and name == PRIMARY:
            return {
                "Name": PRIMARY, "State": "ENABLED", "Description": "", "CreationTime": 0.0,
                "Configuration": _defaults() | {"EnforceWorkGroupConfiguration": False},
            }  # fmt: skip
        if found is None:
            raise invalid(f"WorkGroup {name} is not found.")
        return found


def work_group_key(call: Call, name: str) -> str:
    """Return the key under which a workgroup is kept."""
    return f"{call.account_id}/{call.region}/{name}"


def _name_in(arn: str) -> str:
    return arn.rsplit("workgroup/", maxsplit=1)[-1]


def _by_key(tags: list[Document]) -> dict[str, str]:
    if not all(tag.get("Key") for tag in tags):
        raise invalid("Each tag needs a Key")
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def _defaults() -> Document:
    return {
        "ResultConfiguration": {}, "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": False, "RequesterPaysEnabled": False,
        "EngineVersion": ENGINE,
    }  # fmt: skip


def _refuse_unperformed(configuration: Document) -> None:
    for name in _UNPERFORMED:
        if configuration.get(name):
            raise invalid(f"The embedded Athena does not perform {name}. See docs/localaws.md")


def _updated(document: Document, updates: Document) -> Document:
    changed = dict(document)
    for name, value in updates.items():
        if name.startswith("Remove"):
            if value:
                changed.pop(name.removeprefix("Remove"), None)
        else:
            changed[name] = value
    return changed
