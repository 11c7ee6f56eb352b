"""One use case put before the governor: gathers the evidence, asks, and acts on nothing.

The sensor that trains, `perennial why` and `perennial status` all come here, so that none of them
can say other than the others of the same facts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decisions import retraining
from sensors.evidence import evidence_for
from sensors.governing import facts_of
from sensors.verdicts import Judged

if TYPE_CHECKING:
    from datetime import datetime

    from decisions.retraining import RunFact
    from resources.platform import Platform
    from resources.wishes import Wish
    from sensors.drift_reports import Looked
    from sensors.governing import Situation
    from usecases.declaration import UseCase


def judge(
    platform: Platform,
    use_case: UseCase,
    situation: Situation,
    runs: tuple[RunFact, ...],
    *,
    wishes: tuple[str, ...],
    now: datetime,
    since: datetime | None,
    looked: Looked | None = None,
) -> tuple[Judged, tuple[Wish, ...]]:
    """Return the governor's verdict with its facts, and the wishes, oldest first.

    Args:
        platform: The doors.
        use_case: Whose model.
        situation: Where it stands.
        runs: Its training runs.
        wishes: Keys of its wishes.
        now: The wall clock, naive UTC.
        since: Since when there has been a reason, as the sensor remembers it.
        looked: The watched tables, if they were looked at for all use cases at once.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: A wish is malformed, or AWS refused.
    """
    evidence = evidence_for(platform, use_case, situation, wishes, looked)
    facts = facts_of(
        use_case,
        situation,
        runs,
        drift=evidence.drift,
        monitors=evidence.monitors,
        wish=evidence.wish,
        reasons_since=since,
    )
    verdict = retraining.decide(facts, use_case.retraining.policy, now)
    return Judged(facts, verdict, since=since, now=now), evidence.wishes
