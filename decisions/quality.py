"""Is the model that serves still as good as when it was chosen? Scores by window in, verdict out.

AUC is the Mann-Whitney statistic with ties counted half, its variance DeLong's (E. R. DeLong,
D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44, 1988), both computed where the rows are. Of the
champion's AUC on its test rows only the score and the counts are known: its variance is Hanley and
McNeil's (Radiology 143, 1982). The Brier score is a mean, so its variance is that of a mean.

A window falls short where the effect is large enough to matter and the confidence interval of the
difference leaves no room for chance. What cannot be told is said so: above all, labels that do not
come.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from statistics import NormalDist
from typing import Literal

from pydantic import Field

from decisions.model import Fact, Finite
from decisions.reports import Metrics, MonitorReport, Verdict

Standing = Literal["sound", "between", "short", "cannot_tell"]


class QualityPolicy(Fact):
    """When a loss of quality counts; docs/usecases.md explains each field."""

    minimum_labels: int = Field(ge=2)
    minimum_per_class: int = Field(ge=2)
    minimum_coverage: float = Field(gt=0.0, le=1.0)
    maximum_auc_drop: float = Field(gt=0.0, lt=1.0)
    maximum_brier_rise: float = Field(gt=0.0, lt=1.0)
    persistence: int = Field(ge=1)
    confidence: float = Field(ge=0.5, lt=1.0)


class WindowScores(Fact):
    """What was counted of one window of events; the window's end is not in it.

    Attributes:
        predictions: Events that the model was asked about.
        labelled: Those of them whose label is in.
        positives: Labelled ones with label 1.
        auc_variance: Of the AUC, by DeLong.
        brier_variance: Of the mean that the Brier score is.
        mean_probability: Over the labelled ones.
    """

    window_from: datetime
    window_through: datetime
    predictions: int = 0
    labelled: int = 0
    positives: int = 0
    auc: Finite = None
    auc_variance: Finite = None
    brier: Finite = None
    brier_variance: Finite = None
    log_loss: Finite = None
    mean_probability: Finite = None

    @property
    def coverage(self) -> float | None:
        """Share of predictions that have a label."""
        return self.labelled / self.predictions if self.predictions else None

    @property
    def observed_rate(self) -> float | None:
        """Share of label 1 among the labelled."""
        return self.positives / self.labelled if self.labelled else None


class WindowQuality(Fact):
    """One window, judged.

    Attributes:
        doubtful: It cannot be told, and should have been: somebody has to look.
        auc_low: Lower end of AUC's confidence interval.
        auc_high: Upper end.
    """

    scores: WindowScores
    standing: Standing
    why: str
    doubtful: bool = False
    auc_low: Finite = None
    auc_high: Finite = None


class QualityReport(Fact):
    """The verdict on the newest window, and the windows before it, oldest first.

    Attributes:
        model_version: Version of the package whose predictions were judged.
        champion: Its scores on its test rows.
        auc_floor: AUC below which a window may fall short.
        brier_ceiling: Brier score above which a window may.
        alert: Somebody has to look: it fires, or labels do not come, or it has no baseline.
    """

    model_version: int
    champion: Metrics | None
    auc_floor: Finite
    brier_ceiling: Finite
    windows: tuple[WindowQuality, ...]
    verdict: Verdict
    why: str
    alert: bool

    @property
    def silent(self) -> bool:
        """Whether there is nothing to say yet: an idle or young model is no cause for doubt."""
        return self.verdict == "cannot_tell" and not self.alert

    def monitor_report(self) -> MonitorReport:
        """Give the form in which the governor and the UI read every monitor."""
        last = self.windows[-1].scores if self.windows else None
        return MonitorReport(
            monitor="model_quality",
            verdict=self.verdict,
            why=self.why,
            observed=last.auc if last else None,
            threshold=self.auc_floor,
            rows=last.labelled if last else 0,
            window_from=last.window_from if last else None,
            window_through=last.window_through if last else None,
        )


def hanley_mcneil(auc: float, positives: int, negatives: int) -> float:
    """Give the variance of an AUC of which only the counts are known.

    Raises:
        ValueError: There are no positives or no negatives.
    """
    if positives < 1 or negatives < 1:
        raise ValueError(f"an AUC of {positives} positives and {negatives} negatives is none")
    q1, q2 = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = (
        auc * (1.0 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc)
    )
    return max(0.0, spread / (positives * negatives))


def judge(
    champion: Metrics | None,
    windows: Sequence[WindowScores],
    policy: QualityPolicy,
    *,
    model_version: int,
    captured: bool = True,
) -> QualityReport:
    """Judge windows of equal length, oldest first; the last one is now.

    It fires after `persistence` windows in a row that fall short, and goes on firing until one is
    sound: back within half of what may be lost. Windows of which nothing can be told are passed
    over, but of the last one nothing is told then. `captured` says whether predictions are kept
    at all.
    """
    judged = tuple(_window(champion, scores, policy) for scores in windows)
    told = {"model_version": model_version, "champion": champion, "windows": judged}
    floor = _less(champion.auc if champion else None, policy.maximum_auc_drop)
    ceiling = _less(champion.brier if champion else None, -policy.maximum_brier_rise)
    verdict, why = _verdict(judged, policy)
    if not captured and verdict == "cannot_tell":
        why = "predictions are not captured (release.capture.percent is 0), so none can be judged"
    alert = verdict == "drifted" or (bool(judged) and judged[-1].doubtful)
    return QualityReport(
        **told, auc_floor=floor, brier_ceiling=ceiling, verdict=verdict, why=why, alert=alert
    )


def _verdict(judged: Sequence[WindowQuality], policy: QualityPolicy) -> tuple[Verdict, str]:
    if not judged:
        return "cannot_tell", "no window of events is old enough for its labels to be due"
    last = judged[-1]
    if last.standing == "cannot_tell":
        return "cannot_tell", last.why
    firing, streak = _fold(judged, policy.persistence)
    if firing and last.standing == "short":
        return "drifted", f"{last.why}; {streak} windows in a row"
    if firing:
        return "drifted", f"not recovered: {last.why}"
    if last.standing == "short":
        return "stable", f"{last.why}; {streak} of {policy.persistence} windows in a row"
    return "stable", last.why


def _fold(judged: Sequence[WindowQuality], persistence: int) -> tuple[bool, int]:
    firing, streak = False, 0
    for each in judged:
        if each.standing == "cannot_tell":
            continue
        streak = streak + 1 if each.standing == "short" else 0
        firing = (firing and each.standing != "sound") or streak >= persistence
    return firing, streak


def _window(champion: Metrics | None, scores: WindowScores, policy: QualityPolicy) -> WindowQuality:
    unknown = _unknown(champion, scores, policy)
    interval = _interval(scores, policy)
    if unknown is not None:
        told = {"why": unknown.why, "doubtful": unknown.doubtful}
        return WindowQuality(scores=scores, standing="cannot_tell", **told, **interval)
    assert champion is not None  # noqa: S101 - else it is unknown
    losses = (_auc_loss(champion, scores, policy), _brier_loss(champion, scores, policy))
    standing: Standing = "between"
    if any(loss.counts for loss in losses):
        standing = "short"
    elif all(loss.recovered for loss in losses):
        standing = "sound"
    why = _told(champion, scores, interval)
    return WindowQuality(scores=scores, standing=standing, why=why, **interval)


def _interval(scores: WindowScores, policy: QualityPolicy) -> dict[str, float | None]:
    if scores.auc is None or scores.auc_variance is None:
        return {"auc_low": None, "auc_high": None}
    half = _half_width(scores.auc_variance, policy)
    return {"auc_low": max(0.0, scores.auc - half), "auc_high": min(1.0, scores.auc + half)}


class _Loss(Fact):
    counts: bool
    recovered: bool


def _auc_loss(champion: Metrics, scores: WindowScores, policy: QualityPolicy) -> _Loss:
    drop = (champion.auc or 0.0) - (scores.auc or 0.0)
    negatives = champion.rows - champion.positives
    variance = hanley_mcneil(champion.auc or 0.0, champion.positives, negatives)
    doubt = _half_width((scores.auc_variance or 0.0) + variance, policy)
    most = policy.maximum_auc_drop
    return _Loss(counts=drop > most and drop > doubt, recovered=drop <= most / 2)


def _brier_loss(champion: Metrics, scores: WindowScores, policy: QualityPolicy) -> _Loss:
    rise = (scores.brier or 0.0) - (champion.brier or 0.0)
    own = scores.brier_variance or 0.0
    # The champion's rows are gone; theirs are taken to spread as the window's do.
    variance = own + own * scores.labelled / champion.rows
    doubt = _half_width(variance, policy)
    most = policy.maximum_brier_rise
    return _Loss(counts=rise > most and rise > doubt, recovered=rise <= most / 2)


class _Unknown(Fact):
    why: str
    doubtful: bool = False


def _unknown(
    champion: Metrics | None, scores: WindowScores, policy: QualityPolicy
) -> _Unknown | None:
    if champion is None or champion.auc is None or champion.brier is None:
        why = "the champion's own scores are not known, so there is nothing to compare with"
        return _Unknown(why=why, doubtful=True)
    if not 0 < champion.positives < champion.rows:
        why = "the champion was tested on one class only, so there is nothing to compare with"
        return _Unknown(why=why, doubtful=True)
    if not scores.predictions:
        return _Unknown(why="the model was not asked about any event of the window")
    return _untold(scores, policy)


def _untold(scores: WindowScores, policy: QualityPolicy) -> _Unknown | None:
    if (scores.coverage or 0.0) < policy.minimum_coverage:
        why = (
            f"labels do not come: {scores.labelled} of {scores.predictions} predictions have one, "
            f"although all were due; at least {policy.minimum_coverage:.0%} are needed"
        )
        return _Unknown(why=why, doubtful=True)
    if scores.labelled < policy.minimum_labels:
        why = f"{scores.labelled} labelled predictions; at least {policy.minimum_labels} are needed"
        return _Unknown(why=why)
    rarer = min(scores.positives, scores.labelled - scores.positives)
    if rarer < policy.minimum_per_class:
        why = f"{rarer} of the rarer label; at least {policy.minimum_per_class} are needed"
        return _Unknown(why=why)
    if scores.auc is None or scores.brier is None:
        return _Unknown(why="the scores are not finite", doubtful=True)
    return None


def _half_width(variance: float, policy: QualityPolicy) -> float:
    return NormalDist().inv_cdf(0.5 + policy.confidence / 2) * math.sqrt(max(0.0, variance))


def _told(champion: Metrics, scores: WindowScores, interval: dict[str, float | None]) -> str:
    return (
        f"AUC {_number(scores.auc)} ({_number(interval['auc_low'])} to "
        f"{_number(interval['auc_high'])}) against the champion's {_number(champion.auc)}, Brier "
        f"score {_number(scores.brier)} against {_number(champion.brier)}, on {scores.labelled} "
        f"of {scores.predictions} predictions"
    )


def _less(score: float | None, by: float) -> float | None:
    return None if score is None else score - by


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
