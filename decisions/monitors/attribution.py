"""Does the model rest on the same features as when it was trained? NDCG of the attribution ranking.

By SageMaker Clarify's definition ("Feature Attribution Drift for Models in Production"): features
ranked by their attribution now, f'_1 ... f'_m, are scored with their baseline attributions a,

    DCG = sum a(f'_i) / log2(i + 1),   NDCG = DCG / DCG of the baseline's own ranking.

1 is the same ranking; Clarify alerts below 0.90, the default here too. Attribution is the mean
absolute SHAP value (S. M. Lundberg et al., "From local explanations to global understanding with
explainable AI for trees", Nature Machine Intelligence 2, 2020), which LightGBM computes exactly.
The measure is lenient where one feature dominates: swapping the unimportant ones hardly counts, as
it should.
"""

import math
from collections.abc import Mapping

from pydantic import Field

from decisions.monitors.measured import Measurements
from decisions.monitors.verdicts import Answer, MonitorPolicy, cannot_tell, too_few


class AttributionPolicy(MonitorPolicy):
    """When attributions have moved.

    Attributes:
        minimum_ndcg: Below it the ranking has moved.
    """

    minimum_ndcg: float = Field(default=0.90, gt=0.0, le=1.0)


def ranking(attributions: Mapping[str, float]) -> list[str]:
    """Order features by attribution, largest first; equal ones by name."""
    return sorted(attributions, key=lambda name: (-attributions[name], name))


def ndcg(before: Mapping[str, float], now: Mapping[str, float]) -> float:
    """Give the NDCG of the ranking now, scored with the baseline's attributions.

    Raises:
        ValueError: If the features differ, or no feature had any attribution.
    """
    if set(before) != set(now):
        raise ValueError(f"features differ: {sorted(set(before) ^ set(now))}")
    best = _dcg(before, ranking(before))
    if best <= 0.0:
        raise ValueError("no feature has any attribution in the baseline")
    return _dcg(before, ranking(now)) / best


def judge(window: Measurements, policy: AttributionPolicy) -> Answer:
    """Say whether the model rests on other features than on the rows it learnt from."""
    before, now = window.attributions_baseline, window.attributions
    if before is None or now is None:
        return cannot_tell("No attributions were measured.", rows=window.rows)
    if (few := too_few(before.rows, now.rows, policy)) is not None:
        return few
    try:
        found = ndcg(before.mean_absolute, now.mean_absolute)
    except ValueError as error:
        return cannot_tell(f"The rankings cannot be compared: {error}.", rows=now.rows)
    moved = found < policy.minimum_ndcg
    return Answer(
        verdict="drifted" if moved else "stable",
        why=(
            f"NDCG of the attribution ranking is {found:.3f}, {'below' if moved else 'not below'} "
            f"{policy.minimum_ndcg:.2f}. First now: {', '.join(ranking(now.mean_absolute)[:3])}; "
            f"in training: {', '.join(ranking(before.mean_absolute)[:3])}."
        ),
        observed=found,
        threshold=policy.minimum_ndcg,
        rows=now.rows,
    )


def _dcg(gains: Mapping[str, float], order: list[str]) -> float:
    return math.fsum(gains[name] / math.log2(place + 2) for place, name in enumerate(order))
