"""What stands in the way of a training, and until when. Reasons to train are triggers.py's.

Standing obstacles keep any run from starting. The others are waits: a person's wish passes those
that only spare money or patience (late source, new data, cool-down, settling, and the back-off from
runs that failed before it), and none that protects something (schema, blackout, budget, and the
back-off from runs that failed since it).
"""

from collections.abc import Iterator
from datetime import datetime

from decisions import blackout, budget
from decisions.retrain_facts import Obstacle, RetrainFacts, RetrainPolicy, RunFact
from decisions.triggers import Reading

_PASS_COOL_DOWN = frozenset({"request", "change", "first"})


def standing(facts: RetrainFacts, policy: RetrainPolicy) -> Iterator[Obstacle]:
    """Yield what keeps any training from starting, whatever the reasons for it."""
    in_flight = [run for run in facts.runs if run.status == "running"]
    if in_flight:
        yield Obstacle(rule="in_flight", why=f"Run {in_flight[0].run_id} is in flight.")
    if facts.landed_through is None:
        yield Obstacle(rule="no_data", why="No data has landed yet.")
    if facts.pending_version is not None:
        why = f"Version {facts.pending_version} awaits approval or release."
        yield Obstacle(rule="pending_version", why=why)
    if facts.champion_version is None and not (facts.requested or policy.first_by_itself):
        why = f"No model yet; launch retrain_{facts.use_case} for the first."
        yield Obstacle(rule="first_by_person", why=why)


def waits(
    facts: RetrainFacts, policy: RetrainPolicy, reading: Reading, now: datetime
) -> Iterator[Obstacle]:
    """Yield what these reasons have to wait for."""
    wished = any(trigger.kind == "request" for trigger in reading.triggers)
    finished = _finished(facts)
    yield from _schema_drift(facts)
    yield from _blackout(policy, now)
    found = budget.obstacle(policy.budget, facts.runs, facts.ceiling_usd, now)
    if found is not None:
        yield found
    if wished:
        asked = facts.requested_at
        since = [run for run in finished if asked is not None and run.started_at >= asked]
        yield from _back_off(since, policy, now)
        return
    yield from _late(facts)
    yield from _back_off(finished, policy, now)
    yield from _new_data(facts, finished, policy)
    if not any(trigger.kind in _PASS_COOL_DOWN for trigger in reading.triggers):
        yield from _cool_down(facts, policy)
    yield from _settle(facts, policy, now)


def _schema_drift(facts: RetrainFacts) -> Iterator[Obstacle]:
    # Nobody's wish helps: datasets are refused as long as a column they need is gone.
    if facts.schema_drift:
        why = f"A source is not as declared: {facts.schema_drift}"
        yield Obstacle(rule="schema_drift", why=why)


def _blackout(policy: RetrainPolicy, now: datetime) -> Iterator[Obstacle]:
    found = blackout.end_of(policy.blackout, now)
    if found is not None:
        end, reason = found
        why = f"Blackout until {end:%Y-%m-%d %H:%M} UTC{f' ({reason})' if reason else ''}."
        yield Obstacle(rule="blackout", why=why, until=end)


def _late(facts: RetrainFacts) -> Iterator[Obstacle]:
    # The first model is not held: one trained on what has landed is better than none.
    if facts.late and facts.champion_version is not None:
        yield Obstacle(rule="late_source", why=f"A source is late: {facts.late}")


def _finished(facts: RetrainFacts) -> list[RunFact]:
    """Give this episode's finished runs, oldest first, and a person's that the champion is not of.

    A person's run counts when its data goes beyond the champion's: it tried to replace it.
    """
    seen = facts.trained_through
    mine = [
        run
        for run in facts.runs
        if run.status != "running"
        and (
            run.episode == facts.episode
            or (
                not run.episode
                and run.tried_through is not None
                and (seen is None or run.tried_through > seen)
            )
        )
    ]
    return sorted(mine, key=lambda run: (run.finished_at or run.started_at, run.run_id))


def _back_off(finished: list[RunFact], policy: RetrainPolicy, now: datetime) -> Iterator[Obstacle]:
    failures = 0
    for run in reversed(finished):
        if run.status != "failed":
            break
        failures += 1
    if not failures:
        return
    last = finished[-1].finished_at or finished[-1].started_at
    # Past 2**20 any base has reached the maximum; the cap keeps timedelta from overflowing.
    wait = min(policy.back_off * 2 ** min(failures - 1, 20), policy.maximum_back_off)
    if now < last + wait:
        yield Obstacle(
            rule="back_off",
            until=last + wait,
            why=f"{failures} attempt(s) in a row failed, the last ({finished[-1].run_id}) at "
            f"{last:%Y-%m-%d %H:%M:%S}; backing off for {wait}.",
        )


def _new_data(
    facts: RetrainFacts, finished: list[RunFact], policy: RetrainPolicy
) -> Iterator[Obstacle]:
    tried = [run for run in finished if run.answered and run.tried_through]
    if not tried or facts.landed_through is None:
        return
    last = max(tried, key=lambda run: run.tried_through or run.started_at)
    if last.tried_through is None or facts.landed_through >= (
        needed := last.tried_through + policy.minimum_new_data
    ):
        return
    yield Obstacle(
        rule="new_data",
        why=f"Run {last.run_id} {last.status} on data through {last.tried_through:%Y-%m-%d %H:%M} "
        f"and its challenger is not the champion; waiting for data through "
        f"{needed:%Y-%m-%d %H:%M}, landed is {facts.landed_through:%Y-%m-%d %H:%M}.",
    )


def _cool_down(facts: RetrainFacts, policy: RetrainPolicy) -> Iterator[Obstacle]:
    if facts.trained_through is None or facts.landed_through is None:
        return
    needed = facts.trained_through + policy.cool_down
    if facts.landed_through < needed:
        yield Obstacle(
            rule="cool_down",
            why=f"The champion was trained through {facts.trained_through:%Y-%m-%d %H:%M}; "
            f"cooling down until data lands through {needed:%Y-%m-%d %H:%M}.",
        )


def _settle(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Iterator[Obstacle]:
    if not policy.settle:
        return
    until = (facts.reasons_since or now) + policy.settle
    if now < until:
        why = f"There has been a reason for less than {policy.settle}; one run will serve all."
        yield Obstacle(rule="settle", why=why, until=until)
