"""The check that no wanted day is in quarantine: what blocks those downstream, and the way out.

Which days are held, and their records, belong to quarantine and dataset_partitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from assets.parts import asset_key
from decisions.contracts import told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decisions.contracts import QuarantineRecord
    from usecases.declaration import UseCase

#: Days that the check's text and metadata show.
_SHOWN = 10


def quarantine_spec(key: list[str]) -> dg.AssetCheckSpec:
    """Return the blocking check of a dataset by day; the asset itself tells its result."""
    return dg.AssetCheckSpec(
        "quarantine",
        asset=asset_key(key),
        blocking=True,
        description="No day that is wanted broke its contract and is held back.",
    )


def quarantine_result(
    use_case: UseCase, records: Sequence[QuarantineRecord]
) -> dg.AssetCheckResult:
    """Say which days are held back, by which rules, with examples, and what can be done."""
    said = [
        f"{each.dataset} of {each.partition}: {'; '.join(told(one) for one in each.breaches)}"
        for each in records
    ]
    remedy = [
        f"Mend the source or the SQL, or accept it: perennial quarantine release {use_case.name} "
        f"{each.dataset} {each.partition} --reason ..."
        for each in records[:1]
    ]
    return dg.AssetCheckResult(
        check_name="quarantine",
        passed=not records,
        description=". ".join([*said[:_SHOWN], *remedy]) or "Nothing is held back.",
        metadata={"held": [f"{each.partition}: {each.location}" for each in records[:_SHOWN]]},
    )
