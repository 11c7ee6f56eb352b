"""Has the spread of the model's probabilities moved, or how often it calls a row positive?

Compared are the champion's probabilities now and on its own test rows, over fixed bins with the
missing ones as a bin of their own: by PSI, the Jensen-Shannon distance shown beside it
(decisions/distances).

PSI of two samples of the very same distribution is not 0 but about (B - 1)(1/n + 1/m) for B bins
(B. Yurdakul, "Statistical Properties of Population Stability Index", 2018); that much is taken off
before it is compared with the threshold.
"""

from pydantic import Field

from decisions.distances import jensen_shannon, psi
from decisions.model import Fact
from decisions.monitors.intervals import Interval, difference, wilson, z_of
from decisions.monitors.measured import Measurements, ScoreCounts
from decisions.monitors.verdicts import Answer, MonitorPolicy, cannot_tell, too_few


class PredictionPolicy(MonitorPolicy):
    """When predictions have moved.

    Attributes:
        psi_threshold: PSI beyond chance from which the spread has moved.
        rate_threshold: Change of the share of positive calls from which the calls have.
    """

    psi_threshold: float = Field(default=0.2, gt=0.0)
    rate_threshold: float = Field(default=0.15, gt=0.0, le=1.0)


class ScoreShift(Fact):
    """How far two spreads of probabilities are apart.

    Attributes:
        psi: Less what chance alone would give; may be below 0.
        chance: What was taken off.
        jensen_shannon: Distance, between 0 and 1.
        rate: Change of the share of positive calls, with its interval.
    """

    psi: float
    chance: float
    jensen_shannon: float
    rate: Interval


def shift(before: ScoreCounts, now: ScoreCounts, confidence: float) -> ScoreShift:
    """Measure how far predictions have moved; both sides need rows with a probability."""
    counts = ([*before.counts, before.missing], [*now.counts, now.missing])
    used = sum(1 for pair in zip(*counts, strict=True) if any(pair))
    chance = max(used - 1, 0) * (1 / before.rows + 1 / now.rows)
    z = z_of(confidence)
    rates = [wilson(each.positives, each.scored, z) for each in (now, before)]
    return ScoreShift(
        psi=psi(*counts) - chance,
        chance=chance,
        jensen_shannon=jensen_shannon(*counts),
        rate=difference(*rates),
    )


def judge(window: Measurements, policy: PredictionPolicy) -> Answer:
    """Say whether the champion's predictions have moved since its own test rows."""
    before, now = window.scores_baseline, window.scores
    if before is None or now is None:
        return cannot_tell("No predictions were measured.", rows=window.rows)
    if (few := too_few(before.scored, now.scored, policy)) is not None:
        return few
    found = shift(before, now, policy.confidence)
    spread = found.psi >= policy.psi_threshold
    rate = found.rate
    calls = abs(rate.value) >= policy.rate_threshold and rate.excludes_zero
    return Answer(
        verdict="drifted" if spread or calls else "stable",
        why=(
            f"PSI of the probabilities is {found.psi:.3f} beyond chance "
            f"({policy.psi_threshold:.2f} fires), Jensen-Shannon {found.jensen_shannon:.3f}; "
            f"positive calls changed by {rate.value:+.3f} [{rate.low:+.3f}, {rate.high:+.3f}] "
            f"({policy.rate_threshold:.2f} fires)."
        ),
        observed=found.psi,
        threshold=policy.psi_threshold,
        rows=now.rows,
    )
