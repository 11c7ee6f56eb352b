"""List prices of the instances that train, in USD per hour. What a run needs of them, too.

SageMaker, US East (N. Virginia), on demand, training and processing alike, as public copies of
https://aws.amazon.com/sagemaker/pricing had them in 2026-11; not asked of AWS's price list. Another
region, a discount or an instance that is not here is declared in retraining.budget.usd_per_hour.
"""

from collections.abc import Mapping

USD_PER_HOUR: Mapping[str, float] = {
    "ml.t3.medium": 0.05,
    "ml.t3.large": 0.10,
    "ml.t3.xlarge": 0.20,
    "ml.t3.2xlarge": 0.399,
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.m5.12xlarge": 2.765,
    "ml.m5.24xlarge": 5.53,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.c5.4xlarge": 0.816,
    "ml.c5.9xlarge": 1.836,
    "ml.c5.18xlarge": 3.672,
    "ml.r5.2xlarge": 0.605,
    "ml.r5.4xlarge": 1.21,
    "ml.r5.8xlarge": 2.419,
    "ml.r5.16xlarge": 4.838,
    "ml.g4dn.xlarge": 0.736,
    "ml.g4dn.2xlarge": 0.94,
    "ml.g4dn.4xlarge": 1.505,
    "ml.g4dn.8xlarge": 2.72,
    "ml.g4dn.12xlarge": 4.89,
    "ml.g4dn.16xlarge": 5.44,
    "ml.g5.xlarge": 1.408,
    "ml.p3.2xlarge": 3.825,
    "ml.p3.8xlarge": 14.688,
}

#: Processing jobs of a training: validation, preparation, evaluation, bias, judge. One more trains.
PROCESSING_JOBS = 5
#: Processing jobs that run at one time: evaluation and bias.
PROCESSING_AT_ONCE = 2


def usd_per_hour(instance: str, declared: Mapping[str, float]) -> float | None:
    """Give an instance's price: as declared, else by list; None where neither knows it."""
    return declared.get(instance, USD_PER_HOUR.get(instance))


def ceiling_usd(
    processing: str, training: str, longest_hours: float, declared: Mapping[str, float]
) -> float | None:
    """Give what a training costs at most: every job for the longest time it may run."""
    each = usd_per_hour(processing, declared), usd_per_hour(training, declared)
    if each[0] is None or each[1] is None:
        return None
    return round((PROCESSING_JOBS * each[0] + each[1]) * longest_hours, 6)


def needs(processing: str, training: str) -> dict[str, int]:
    """Give the instances that a training uses at one time, by type."""
    found = {processing: PROCESSING_AT_ONCE}
    found[training] = max(found.get(training, 0), 1)
    return found
