"""What a feature group has taken in: the digest of each partition of its dataset, in one object.

It only saves work. A lost, old or damaged one makes the next run compare the rows themselves; one
that says too much cannot be, for it is written after the offline store showed every row. So two
runs at a time may overwrite each other's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assets.parts import digest_of
from resources.errors import Missing, Terminal

if TYPE_CHECKING:
    from assets.dataset_versions import Versions
    from resources.feature_groups import FeatureGroupFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase
    from usecases.fields import FeatureGroup


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
