"""All that needs data of a use case's datasets: tables, partitions, quarantine, training sets.

What is not found here may be deleted, so whatever comes to point at datasets belongs here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assets import manifests
from assets.dataset_days import LEDGER
from assets.quarantine import refused_since
from assets.training_set import current, manifest_of
from decisions.expiry import Pointer
from resources.errors import Missing
from resources.objects import parse_s3_uri
from usecases import sample_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from decisions.manifest import Manifest
    from resources.glue import TableFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase

#: Of the lake; each has a folder per use case.
FOLDERS = ("datasets", "training-sets-made", "backtest", "monitoring")
_METADATA = "metadata_location"
_PROJECTION = "projection.enabled"


def pointers(platform: Platform, use_case: UseCase, *, now: datetime) -> Iterator[Pointer]:
    """Yield what points at a use case's data in the lake, from all of Glue's databases.

    One call per hundred tables, and one listing of partitions per table that lies there.
    """
    own = platform.names.curated_database(use_case.name)
    for database in platform.catalogue.databases():
        for table in platform.catalogue.tables(database):
            if database == own or _lies_there(platform, use_case, table):
                yield from _of_table(platform, table)
    for record in refused_since(platform, use_case.name, now - use_case.retention.quarantined):
        who = f"the quarantine of {record.dataset}, {record.partition or 'all'},"
        yield from _pointer(platform, record.location, who)
    yield from _of_training_sets(platform, use_case)
    yield from _of_samples(platform, use_case)


def pinned_snapshots(platform: Platform, use_case: UseCase, dataset: str) -> list[str]:
    """Return the snapshots of an Iceberg dataset that training sets in reach were made from."""
    if dataset != use_case.training_set.spine:
        return []
    versions = [
        version
        for each in _in_reach(platform, use_case)
        for version in each.inputs.values()
        if version.kind == "dataset" and version.dataset == dataset
    ]
    return [each.snapshot for each in versions if each.snapshot]


def _of_table(platform: Platform, table: TableFacts) -> Iterator[Pointer]:
    who = f"table {table.database}.{table.name}"
    # The folder of a partitioned table is where its partitions happen to lie, and holds others.
    if not table.partition_keys or table.parameters.get(_PROJECTION) == "true":
        yield from _pointer(platform, table.location, who)
    else:
        for each in platform.catalogue.partitions(table.database, table.name):
            yield from _pointer(
                platform, each.location, f"partition {'/'.join(each.values)} of {who}"
            )
    yield from _pointer(platform, table.parameters.get(_METADATA, ""), who)
    if LEDGER in table.parameters:
        yield Pointer(key=table.parameters[LEDGER], who=who)


def _of_training_sets(platform: Platform, use_case: UseCase) -> Iterator[Pointer]:
    """Yield where a spine without days lay, as training sets in reach were made from it."""
    spine = use_case.dataset(use_case.training_set.spine)
    if spine.partition_by is not None:
        return  # its version is a digest of all its days, and no place
    for each in _in_reach(platform, use_case):
        for version in each.inputs.values():
            if version.kind == "dataset":
                key = f"datasets/{use_case.name}/{version.dataset}/{version.digest}/"
                yield Pointer(key=key, who=f"training set {each.sha256[:12]}")


def _of_samples(platform: Platform, use_case: UseCase) -> Iterator[Pointer]:
    """Yield the samples that are noted. A note goes by itself: what is asked for is drawn again."""
    notes = platform.lake.list(sample_keys.notes(use_case.name))
    noted = {sample_keys.sampled_by(facts.key) for facts in notes}
    for facts in platform.lake.list(sample_keys.folders(use_case.name)):
        if sample_keys.sampled_by(facts.key) in noted:
            yield Pointer(key=facts.key, who="the note of a sample")


def _in_reach(platform: Platform, use_case: UseCase) -> list[Manifest]:
    """Return the manifests of the newest training set, and of versions that were not rejected."""
    found: dict[str, Manifest] = {}
    try:
        newest = manifest_of(platform, use_case, current(platform, use_case))
        found[newest.sha256] = newest
    except Missing:
        pass  # none was made yet
    for digest in _trained_on(platform, use_case) - found.keys():
        try:
            found[digest] = manifests.named(platform, use_case.name, digest)
        except Missing:
            continue  # it is gone: nothing can be made again from it
    return list(found.values())


def _trained_on(platform: Platform, use_case: UseCase) -> set[str]:
    try:
        packages = platform.registry(use_case.name).packages()
    except Missing:
        return set()
    digests = {
        each.metadata.get("training_set_sha256", "")
        for each in packages
        if each.approval != "Rejected"
    }
    return digests - {""}


def _lies_there(platform: Platform, use_case: UseCase, table: TableFacts) -> bool:
    own = tuple(platform.lake.uri(f"{folder}/{use_case.name}/") for folder in FOLDERS)
    places = (table.location, table.parameters.get(_METADATA, ""))
    return any(f"{place.rstrip('/')}/".startswith(own) for place in places) or any(
        place and prefix.startswith(f"{place.rstrip('/')}/") for place in places for prefix in own
    )


def _pointer(platform: Platform, uri: str, who: str) -> Iterator[Pointer]:
    if not uri.startswith("s3://"):
        return
    bucket, key = parse_s3_uri(uri)
    if bucket == platform.lake.bucket:
        yield Pointer(key=key, who=who)
