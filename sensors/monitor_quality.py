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
from sensors.drift_reports import compared_with, newest_window

if TYPE_CHECKING:
    from decisions.reports import MonitorReport
    from resources.platform import Platform
    from sensors.governing import Situation
    from usecases.declaration import UseCase


def name_of(platform: Platform, use_case: UseCase, situation: Situation) -> str | None:
    """Return the name of what would be compared; None where there is nothing to compare with."""
    champion, landed = situation.champion, situation.landed_through
    uri = compared_with(platform, use_case, champion)
    policy = use_case.monitors.data_quality
    if uri is None or landed is None or not policy.enabled:
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


def judge(platform: Platform, use_case: UseCase, situation: Situation) -> MonitorReport:
    """Return the report on what has landed.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: The baseline or a table is gone, or a query was refused.
    """
    champion, landed = situation.champion, situation.landed_through
    assert champion is not None and landed is not None  # noqa: S101, PT018 - else there is no name
    policy = use_case.monitors.data_quality
    uri = compared_with(platform, use_case, champion)
    assert uri is not None  # noqa: S101 - else there is no name
    body = platform.artifacts.read_uri(uri)
    try:
        baseline = Baseline.model_validate_json(body)
    except ValidationError as error:
        why = f"The baseline cannot be read ({error.errors()[0]['msg']}); train again."
        return report("data_quality", policy, cannot_tell(why), None)
    profile = newest_window(platform, use_case, baseline, landed)
    answer = data_quality.judge(baseline, profile, policy)
    found = report("data_quality", policy, answer, None)
    window = {"window_from": profile.window_from, "window_through": profile.window_through}
    return found.model_copy(update=window)
