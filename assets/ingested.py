"""What a feature group has taken in: the digest of each partition of its dataset, in one object.

It only saves work. A lost, old or damaged one makes the next run compare the rows themselves; one
that says too much cannot be, for it is written after the offline store showed every row. So two
runs at a time may overwrite each other's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assets.dataset_partitions import ROWS
from assets.dataset_tables import DIGEST
from assets.parts import digest_of
from resources.errors import Missing, Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.feature_groups import FeatureGroupFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase
    from usecases.fields import FeatureGroup

#: The one "partition" of a dataset that has none.
WHOLE = ""


@dataclass(frozen=True, slots=True)
class Versions:
    """A dataset as the catalogue has it now: no scan, no S3 call.

    Attributes:
        digests: Partition value to what its data was made from; "" where that is not said.
        rows: How many rows it has, if that is said of every partition.
    """

    digests: Mapping[str, str]
    rows: int | None

    @property
    def partitioned(self) -> bool:
        """Return whether the dataset is partitioned by day."""
        return WHOLE not in self.digests

    def changed(self, known: Mapping[str, str]) -> tuple[str, ...]:
        """Return the partitions that are not known to be taken in as they are."""
        return tuple(
            sorted(
                partition
                for partition, digest in self.digests.items()
                if not digest or known.get(partition) != digest
            )
        )


def versions_of(platform: Platform, use_case: UseCase, group: FeatureGroup) -> Versions:
    """Return the versions of a group's dataset.

    Raises:
        TableMissing: The dataset was never materialized.
    """
    database = platform.names.curated_database(use_case.name)
    table = platform.catalogue.table(database, group.dataset)
    if not table.partition_keys:
        return _versions({WHOLE: table.parameters})
    partitions = platform.catalogue.partitions(database, group.dataset)
    return _versions({each.values[0]: each.parameters for each in partitions})


def recall(
    platform: Platform, use_case: UseCase, group: FeatureGroup, facts: FeatureGroupFacts
) -> dict[str, str]:
    """Return partition to digest, as remembered of just this group with just these features."""
    key = platform.names.ingested(use_case.name, group.name, group.version)
    try:
        document = platform.lake.get_json(key)
    except (Missing, Terminal):
        return {}
    whose = isinstance(document, dict) and document.get("group") == _identity(group, facts)
    digests = document.get("digests") if whose else None
    return dict(digests) if isinstance(digests, dict) else {}


def remember(
    platform: Platform,
    use_case: UseCase,
    group: FeatureGroup,
    facts: FeatureGroupFacts,
    versions: Versions,
) -> None:
    """Note that the group has every row of these versions."""
    key = platform.names.ingested(use_case.name, group.name, group.version)
    platform.lake.put_json(
        key, {"group": _identity(group, facts), "digests": dict(versions.digests)}
    )


def _identity(group: FeatureGroup, facts: FeatureGroupFacts) -> str:
    """Return what the group is: made again, or given a feature, it has to take all in anew."""
    return digest_of(
        {
            "arn": facts.arn,
            "created_at": facts.created_at,
            "table": [facts.glue_database, facts.glue_table],
            "features": sorted(group.features),
            "dataset": group.dataset,
        }
    )


def _versions(parameters: Mapping[str, Mapping[str, Any]]) -> Versions:
    digests = {partition: said.get(DIGEST, "") for partition, said in parameters.items()}
    counts = [said.get(ROWS, "") for said in parameters.values()]
    known = all(count.isdigit() for count in counts)
    return Versions(digests, sum(int(count) for count in counts) if known else None)
