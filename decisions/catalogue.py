"""What changed in a catalogue, told from its entries alone: versions, partitions, columns. Pure.

A partition's version is a digest of its entry, so two looks can be compared without reading data.
How late a table is belongs to freshness.py; what rows hold, to the contracts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from decisions.model import Fact, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

#: Version of a partition that was there and is not any more.
GONE = "gone"
_DIGITS = 16
_GUESSES = 3
"""With more candidates than this, a guess at a new name helps nobody."""


class Change(Fact):
    """What differs between two looks at a table's partitions, by value, sorted."""

    added: tuple[str, ...] = ()
    restated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def touched(self) -> tuple[str, ...]:
        """Every partition whose dependents are out of date."""
        return tuple(sorted({*self.added, *self.restated, *self.removed}))


class Retyped(Fact):
    """A column that has another type than declared; `found` is Hive's."""

    name: str
    declared: str
    found: str


class SchemaDrift(Fact):
    """How a table's columns differ from those that a use case counts on.

    Attributes:
        missing: Declared and not there, with the declared type.
        renamed: For a missing column, undeclared ones of its type: perhaps its new name.
        undeclared: There and not declared; they do no harm.
        keys: What is wrong with the partition key.
    """

    missing: dict[str, str] = Field(default_factory=dict)
    retyped: tuple[Retyped, ...] = ()
    renamed: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    undeclared: tuple[str, ...] = ()
    keys: str | None = None

    @property
    def breaks(self) -> bool:
        """Say whether the use case cannot be computed as declared."""
        return bool(self.missing or self.retyped or self.keys)

    @property
    def why(self) -> str:
        """Say all that is wrong, or that nothing is."""
        found = [_missing(name, kind, self.renamed) for name, kind in self.missing.items()]
        found += [
            f"column {e.name} has type {e.found}, expected {e.declared}" for e in self.retyped
        ]
        found += [self.keys] if self.keys else []
        return "; ".join(found) or "every declared column is there, as declared"


def partition_version(
    values: Sequence[str], location: str, created_at: datetime | None, parameters: Mapping[str, str]
) -> str:
    """Name a partition's data by its catalogue entry.

    The creation time is part of it: a partition dropped and written again at the same place, as
    Hive and Spark overwrite, has nothing else that differs.
    """
    return _digest([list(values), location, str(created_at), dict(parameters)])


def table_version(
    *,
    columns: Mapping[str, str],
    keys: Mapping[str, str],
    location: str,
    parameters: Mapping[str, str],
    partitions: Mapping[str, str],
) -> str:
    """Name a table's data by its entry and its partitions' versions.

    An Iceberg table's entry holds `metadata_location`, which every commit replaces: its snapshot.
    """
    entry = [list(columns.items()), list(keys.items()), location, dict(parameters)]
    return _digest([entry, dict(partitions)])


def compare(before: Mapping[str, str], now: Mapping[str, str]) -> Change:
    """Compare two looks at a table's partitions, value to version; GONE counts as absent."""
    was = {value: version for value, version in before.items() if version != GONE}
    both = was.keys() & now.keys()
    return Change(
        added=tuple(sorted(now.keys() - was.keys())),
        restated=tuple(sorted(value for value in both if was[value] != now[value])),
        removed=tuple(sorted(was.keys() - now.keys())),
    )


def schema_drift(
    declared: Mapping[str, str],
    found: Mapping[str, str],
    *,
    partition_key: str | None = None,
    keys: Sequence[str] = (),
) -> SchemaDrift:
    """Compare a table's columns with the declared ones, name to type.

    Args:
        declared: What the use case counts on.
        found: What the catalogue has, without partition keys.
        partition_key: The declared daily partition.
        keys: The partition keys that the catalogue has.
    """
    missing = {name: kind for name, kind in declared.items() if name not in found}
    undeclared = {name: kind for name, kind in found.items() if name not in declared}
    guesses = {
        name: tuple(other for other, found_kind in undeclared.items() if found_kind == kind)
        for name, kind in missing.items()
    }
    return SchemaDrift(
        missing=missing,
        retyped=tuple(
            Retyped(name=name, declared=kind, found=found[name])
            for name, kind in declared.items()
            if name in found and found[name] != kind
        ),
        renamed={name: few for name, few in guesses.items() if 0 < len(few) <= _GUESSES},
        undeclared=tuple(undeclared),
        keys=_keys(partition_key, keys),
    )


def _keys(expected: str | None, keys: Sequence[str]) -> str | None:
    if expected is None or expected in keys:
        return None
    return f"it is partitioned by {', '.join(keys) or 'nothing'}, expected {expected}"


def _missing(name: str, kind: str, renamed: Mapping[str, tuple[str, ...]]) -> str:
    guess = f", renamed to {' or '.join(renamed[name])}?" if name in renamed else ""
    return f"column {name} is missing (expected type {kind}){guess}"


def _digest(document: Any) -> str:
    return digest_of(document)[:_DIGITS]
