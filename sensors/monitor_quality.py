"""Data quality: what has landed against the promises of the champion's frozen baseline.

The window's counts are those that drift is judged by. The promises are decisions.monitors'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from decisions.baseline import Baseline
from decisions.model import digest_of
from decisions.monitors import data_quality
from decisions.monitors.verdicts import cannot_tell, report
from sensors.drift_reports import newest_window

if TYPE_CHECKING:
    from datetime import datetime

    from decisions.reports import MonitorReport
    from resources.platform import Platform
    from usecases.declaration import UseCase


def name_of(use_case: UseCase, landed: datetime, uri: str) -> str | None:
    """Return the name of what would be compared with the baseline at a URI; None if nothing is."""
    policy = use_case.monitors.data_quality
    if not policy.enabled:
        return None
    watched = use_case.monitors.drift.model_dump(mode="json", include={"window", "tables"})
    return digest_of(
        {
            "baseline": uri,
            "landed": landed.isoformat(),
            "policy": policy.model_dump(mode="json"),
            "watched": watched,
        }
    )


def judge(platform: Platform, use_case: UseCase, landed: datetime, uri: str) -> MonitorReport:
    """Return the report on what has landed, against the baseline at a URI.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: The baseline or a table is gone, or a query was refused.
    """
    policy = use_case.monitors.data_quality
    try:
        baseline = Baseline.model_validate_json(platform.artifacts.read_uri(uri))
    except ValidationError as error:
        why = f"The baseline cannot be read ({error.errors()[0]['msg']}); train again."
        return report("data_quality", policy, cannot_tell(why), None)
    profile = newest_window(platform, use_case, baseline, landed)
    answer = data_quality.judge(baseline, profile, policy)
    found = report("data_quality", policy, answer, None)
    window = {"window_from": profile.window_from, "window_through": profile.window_through}
    return found.model_copy(update=window)
