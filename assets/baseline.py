"""The drift baseline: the watched columns over the training window, counted once, frozen, stored.

It is named by what it was counted from and travels with the model's package. Comparing new data
with it belongs to the drift sensor.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assets.parts import digest_of
from usecases.profile_sql import QUANTILES
from usecases.profiling import measure_baseline

if TYPE_CHECKING:
    from resources.glue import TableFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase


def baseline_uri(platform: Platform, use_case: UseCase, training_set: TableFacts) -> str:
    """Name the baseline of a training set, whether or not it was counted yet."""
    return platform.artifacts.uri(_key(use_case, _name(use_case, training_set)))


def ensure_baseline(platform: Platform, use_case: UseCase, training_set: TableFacts) -> None:
    """Count the baseline of a training set unless it is stored."""
    name = _name(use_case, training_set)
    key = _key(use_case, name)
    if platform.artifacts.exists(key):
        return

    def select(sql: str) -> list[dict[str, Any]]:
        return platform.athena.select(
            sql, database=use_case.sources.database, intent=digest_of({"for": name, "sql": sql})
        )

    start = datetime.fromisoformat(training_set.parameters["perennial.trained_from"])
    end = datetime.fromisoformat(training_set.parameters["perennial.trained_through"])
    # The window ends at a moment that is not itself in it.
    last = (end - timedelta(microseconds=1)).date()
    top = use_case.monitors.drift.top_values
    baseline = measure_baseline(use_case, start.date(), last, select, top=top)
    platform.artifacts.put_if_absent(key, baseline.model_dump_json().encode())


def _name(use_case: UseCase, training_set: TableFacts) -> str:
    monitor = use_case.monitors.drift
    summary = json.loads(training_set.parameters["perennial.summary"])
    watched = {"tables": monitor.model_dump(mode="json")["tables"], "top": monitor.top_values}
    return digest_of(
        {"training_set": summary["sha256"], "watched": watched, "quantiles": QUANTILES}
    )


def _key(use_case: UseCase, name: str) -> str:
    return f"baselines/{use_case.name}/{name}.json"
