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


def ensure_baseline(platform: Platform, use_case: UseCase, training_set: TableFacts) -> str:
    """Count the baseline of a training set unless it is stored; return its S3 URI."""
    start = datetime.fromisoformat(training_set.parameters["perennial.trained_from"])
    end = datetime.fromisoformat(training_set.parameters["perennial.trained_through"])
    monitor = use_case.monitors.drift
    summary = json.loads(training_set.parameters["perennial.summary"])
    watched = {"tables": monitor.model_dump(mode="json")["tables"], "top": monitor.top_values}
    name = digest_of(
        {"training_set": summary["sha256"], "watched": watched, "quantiles": QUANTILES}
    )
    key = f"baselines/{use_case.name}/{name}.json"
    if not platform.artifacts.exists(key):

        def select(sql: str) -> list[dict[str, Any]]:
            return platform.athena.select(
                sql, database=use_case.sources.database, intent=digest_of({"for": name, "sql": sql})
            )

        # The window ends at a moment that is not itself in it.
        last = (end - timedelta(microseconds=1)).date()
        baseline = measure_baseline(use_case, start.date(), last, select, top=monitor.top_values)
        platform.artifacts.put_if_absent(key, baseline.model_dump_json().encode())
    return platform.artifacts.uri(key)
