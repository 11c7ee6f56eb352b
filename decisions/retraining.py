"""The governor: should a model be trained again now? Facts and the wall clock in, verdict out.

Level-triggered: nothing is remembered between calls. As long as a reason holds, every call gives
the same answer, so a lost tick loses nothing and a repeated one repeats the same run key.

An episode lasts from one champion to the next: "after-v3" is every attempt to replace version 3.
Its attempts are numbered, so use case + episode + attempt names one run for ever. All reasons that
hold at that moment are served by that one run. triggers.py finds the reasons, holds.py and
budget.py what stands in their way, queue.py which of several models goes first.
"""

from datetime import datetime

from decisions import budget, holds, triggers
from decisions.retrain_facts import (
    Budget,
    Hold,
    HoldRule,
    Obstacle,
    Retrain,
    RetrainFacts,
    RetrainPolicy,
    RunFact,
    Scheduled,
    Trigger,
    TriggerKind,
)
from decisions.triggers import Reading

__all__ = [
    "Budget",
    "Hold",
    "HoldRule",
    "Obstacle",
    "Retrain",
    "RetrainFacts",
    "RetrainPolicy",
    "RunFact",
    "Scheduled",
    "Trigger",
    "TriggerKind",
    "decide",
]


def decide(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Retrain | Hold:
    """Weigh the reasons to train against what stands in the way.

    Args:
        facts: What is known.
        policy: What was declared.
        now: The wall clock, naive UTC; in a replay whatever clock its runs go by.
    """
    reading = triggers.read(facts)
    found = tuple(holds.standing(facts, policy))
    if not found and not reading.triggers:
        return _without_reason(facts, reading)
    if reading.triggers:
        found = (*found, *holds.waits(facts, policy, reading, now))
    if not found:
        return _retrain(facts, reading)
    return Hold(
        until=_until(found),
        why=found[0].why,
        rule=found[0].rule,
        obstacles=found,
        reasons=tuple(trigger.said for trigger in reading.triggers),
        kinds=tuple(trigger.kind for trigger in reading.triggers),
        alerts=reading.untold,
    )


def _until(found: tuple[Obstacle, ...]) -> datetime | None:
    """Give when the last of them ends; None where one does not end by time alone."""
    ends = [each.until for each in found]
    known = [each for each in ends if each is not None]
    return max(known) if len(known) == len(ends) else None


def _without_reason(facts: RetrainFacts, reading: Reading) -> Hold:
    if reading.withheld:
        fired = "; ".join(trigger.said for trigger in reading.withheld)
        why = f"Cannot tell ({'; '.join(reading.untold)}), so this is not believed: {fired}"
    elif reading.untold:
        why = f"Cannot tell: {'; '.join(reading.untold)}"
    else:
        why = "There is no reason to train: " + _calm(facts)
    rule: HoldRule = "cannot_tell" if reading.untold else "no_reason"
    return Hold(
        until=None,
        why=why,
        rule=rule,
        obstacles=(Obstacle(rule=rule, why=why),),
        alerts=reading.untold,
    )


def _calm(facts: RetrainFacts) -> str:
    drift = facts.drift.why if facts.drift else "no drift report."
    age = facts.staleness.why if facts.staleness else ""
    return f"{drift} {age}".strip()


def _retrain(facts: RetrainFacts, reading: Reading) -> Retrain:
    mine = [run for run in facts.runs if run.episode == facts.episode]
    # The highest number too: a history cut short must not give a used key again.
    attempt = max([len(mine), *(run.attempt for run in mine)]) + 1
    expected = budget.estimate(facts.runs, facts.ceiling_usd)
    return Retrain(
        reasons=tuple(trigger.said for trigger in reading.triggers),
        episode=facts.episode,
        attempt=attempt,
        run_key=f"{facts.use_case}/{facts.episode}/attempt-{attempt}",
        kinds=tuple(trigger.kind for trigger in reading.triggers),
        alerts=reading.untold,
        estimate_usd=expected.usd if expected else None,
    )
