"""Iceberg tables in Glue: forked, and a fork put in the place of what it was forked from.

An Iceberg table is one file of metadata, and its entry in Glue says which. A fork is a second entry
that starts at the same file: statements change the fork, each a commit of its own, and nobody who
reads the table sees any of it. Publishing gives the table's entry the fork's file, and parameters
that say what the data was made from, in one UpdateTable. Which statements is not known here.

A fork's files lie below the table's own location: an entry is deleted in Glue, never by DROP TABLE,
which would delete the data of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resources.errors import Transient, call, find, make

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Glue's own word for "somebody was faster".
CONFLICT = "ConcurrentModificationException"
#: Parameter of a published table: the metadata file that its other parameters speak of.
PUBLISHED = "perennial.published"

_POINTER = "metadata_location"
_BEFORE = "previous_metadata_location"
_OURS = "perennial."
#: What TableInput takes of what GetTable answers.
_INPUT = ("Owner", "Retention", "StorageDescriptor", "PartitionKeys", "TableType")


@dataclass(frozen=True, slots=True)
class IcebergEntry:
    """An Iceberg table as Glue has it.

    Attributes:
        metadata: S3 URI of the metadata file: the version of the table.
        raw: Glue's answer.
    """

    metadata: str
    version_id: str
    raw: Mapping[str, Any]


class IcebergTables:
    """The Iceberg tables of one account's Glue catalogue."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def entry(self, database: str, name: str) -> IcebergEntry | None:
        """Return a table's entry; None if there is none, or it is no Iceberg table."""
        answer = find(self._client.get_table, DatabaseName=database, Name=name)
        if answer is None:
            return None
        table = answer["Table"]
        if _POINTER not in table.get("Parameters", {}):
            return None
        return IcebergEntry(table["Parameters"][_POINTER], str(table.get("VersionId", "")), table)

    def fork(self, database: str, name: str, base: IcebergEntry) -> None:
        """Make a second entry that starts where ``base`` is.

        Raises:
            Transient: The name is taken; ask for a fork by another name.
        """
        table = _input(base, name, {})
        if not make(self._client.create_table, DatabaseName=database, TableInput=table):
            raise Transient(f"Glue table {database}.{name} is there already; run the step again.")

    def publish(
        self,
        database: str,
        fork: str,
        name: str,
        *,
        base: IcebergEntry | None,
        parameters: Mapping[str, str],
    ) -> None:
        """Let a table be what its fork is, in one step, and say what that was made from.

        Args:
            database: Of both.
            fork: The name of what is to be published; its entry is left.
            name: The table's.
            base: The entry that the fork's making began at; None if there was no Iceberg table. A
                table of another format gives way: for a moment there is none.
            parameters: All that the entry is to say besides what Iceberg itself does.

        Raises:
            Transient: With code CONFLICT: the table is not at ``base`` any more.
        """
        forked = self.entry(database, fork)
        if forked is None:
            raise Transient(f"Glue table {database}.{fork} is gone; run the step again.")
        told = {**parameters, PUBLISHED: forked.metadata}
        before = {_BEFORE: base.metadata} if base else {}
        table = _input(forked, name, {**told, **before})
        try:
            self._put(database, name, table, base)
        except Transient as error:
            now = self.entry(database, name)
            # An answer that got lost is asked for again, and meets what it did itself.
            if error.code != CONFLICT or now is None or now.metadata != forked.metadata:
                raise

    def _put(
        self, database: str, name: str, table: dict[str, Any], base: IcebergEntry | None
    ) -> None:
        where = {"DatabaseName": database, "TableInput": table}
        if base is not None:
            # Iceberg keeps its own history; Glue's versions would only pile up.
            call(self._client.update_table, **where, VersionId=base.version_id, SkipArchive=True)
            return
        if self.entry(database, name) is None:
            find(self._client.delete_table, DatabaseName=database, Name=name)
            if make(self._client.create_table, **where):
                return
        raise Transient(
            f"Glue table {database}.{name} came into being meanwhile.",
            service="glue",
            operation="CreateTable",
            code=CONFLICT,
        )


def spoken(parameters: Mapping[str, str]) -> Mapping[str, str]:
    """Return what a table's parameters say of its data; of an Iceberg table only what still holds.

    Whoever else commits to it moves the pointer, and may leave our words behind: they then speak of
    another version.
    """
    if _POINTER in parameters and parameters.get(PUBLISHED) != parameters[_POINTER]:
        return {name: said for name, said in parameters.items() if not name.startswith(_OURS)}
    return parameters


def _input(entry: IcebergEntry, name: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    own = {
        key: value
        for key, value in entry.raw.get("Parameters", {}).items()
        if not key.startswith(_OURS)
    }
    kept = {key: entry.raw[key] for key in _INPUT if key in entry.raw}
    return {**kept, "Name": name, "Parameters": {**own, **parameters}}
