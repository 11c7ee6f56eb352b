"""The naming rule, once: which asset key each thing in a model's life has. Plain lists of words.

Read from left to right, a key says whose it is, which part of the life, and which one: the lineage
from a Glue table to a deployment in prod is legible from the keys alone.
"""

from __future__ import annotations


def source(database: str, table: str) -> list[str]:
    """Name a raw Glue table that an upstream team lands."""
    return ["glue", database, table]


def dataset(use_case: str, name: str) -> list[str]:
    """Name a dataset that Athena builds from the raw tables."""
    return [use_case, "datasets", name]


def dataset_days(use_case: str, name: str) -> list[str]:
    """Name the daily partitions that a dataset is the sum of."""
    return [use_case, "days", name]


def feature_group(use_case: str, name: str) -> list[str]:
    """Name a Feature Store feature group."""
    return [use_case, "features", name]


def training_set(use_case: str) -> list[str]:
    """Name the point-in-time training set."""
    return [use_case, "training_set"]


def data_report(use_case: str) -> list[str]:
    """Name what the pipeline's Validate step found."""
    return [use_case, "training", "data_report"]


def model(use_case: str) -> list[str]:
    """Name the trained challenger."""
    return [use_case, "training", "model"]


def evaluation(use_case: str) -> list[str]:
    """Name the comparison of challenger and champion."""
    return [use_case, "training", "evaluation"]


def bias(use_case: str) -> list[str]:
    """Name the bias report."""
    return [use_case, "training", "bias"]


def gate_report(use_case: str) -> list[str]:
    """Name the verdict of the gates."""
    return [use_case, "training", "gate_report"]


def registry(use_case: str) -> list[str]:
    """Name the version in the Model Registry."""
    return [use_case, "registry"]


def approval(use_case: str) -> list[str]:
    """Name the approval of a version."""
    return [use_case, "approval"]


def release(use_case: str) -> list[str]:
    """Name the CodePipeline execution that carries a version out."""
    return [use_case, "release"]


def deployment(use_case: str, stage: str) -> list[str]:
    """Name what serves in a stage."""
    return [use_case, "deployment", stage]


def monitor(use_case: str, name: str) -> list[str]:
    """Name the report of one of the other monitors."""
    return [use_case, "monitoring", name]


def drift(use_case: str) -> list[str]:
    """Name the drift report on new data."""
    return [use_case, "monitoring", "drift"]


def governor(use_case: str) -> list[str]:
    """Name the governor's verdict: whether to train again, and why."""
    return [use_case, "monitoring", "governor"]


def predictions(use_case: str) -> list[str]:
    """Name the table of what the model answered."""
    return [use_case, "monitoring", "predictions"]


def model_quality(use_case: str) -> list[str]:
    """Name the report on how good those answers were."""
    return [use_case, "monitoring", "model_quality"]
