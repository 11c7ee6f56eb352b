"""The past that a replay asks: trainings, gates and drift as production would have had them.

Composes the pipeline's own steps (split, encoding, fit, evaluation, bias), the gates of
`decisions`, the drift monitor's baseline and judge. Each answer is kept under the name of what it
depends on.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from decisions.baseline import Baseline
from decisions.model import canonical_json, digest_of
from orchestration.backtest import judging
from orchestration.backtest.days import Days
from orchestration.backtest.replay import Outcome
from usecases.profiling import measure_baseline

if TYPE_CHECKING:
    from collections.abc import Callable

    from decisions.reports import DriftReport
    from orchestration.backtest.history import History
    from orchestration.backtest.store import Store
    from usecases.declaration import UseCase


class Lab:
    """A `World` (see replay.py) made of a use case's history.

    Args:
        use_case: As declared: data, hyperparameters, split and gates, which no policy changes.
        history: Its past.
        store: Where models and verdicts are kept.
        say: Told what is under way.
    """

    def __init__(
        self, use_case: UseCase, history: History, store: Store, say: Callable[[str], None]
    ) -> None:
        self._use_case = use_case
        self._history = history
        self._store = store
        self._say = say
        self._parts = lru_cache(4)(self._split)
        self._model = lru_cache(64)(self._open)
        self._days = lru_cache(64)(self._frozen)
        self._importance = lru_cache(64)(self._gain)
        self._reports: dict[str, DriftReport] = {}

    def train(self, at: datetime, champion: datetime | None) -> Outcome:
        """Train on what was known at a moment; ask the gates, on the same rows as the champion."""
        against = self._model_name(champion) if champion else None
        gates = [gate.model_dump(mode="json") for gate in self._use_case.gates]
        name = digest_of({"model": self._model_name(at), "champion": against, "gates": gates})
        found = self._store.document(f"verdicts/{name}", lambda: self._judged(at, champion))
        return TypeAdapter(Outcome).validate_python(found)

    def drift(self, use_case: UseCase, champion: datetime, now: datetime) -> DriftReport:
        """Judge the monitor's window that ends with the newest day that had landed."""
        monitor = use_case.monitors.drift
        key = digest_of(
            {"of": str(champion), "at": str(now), "by": monitor.model_dump(mode="json")}
        )
        if key not in self._reports:
            self._reports[key] = judging.judge(
                use_case, self._days(champion), _last_day(now), self._importance(champion)
            )
        return self._reports[key]

    def score(self, model: datetime, since: datetime, until: datetime) -> tuple[Any, Any]:
        """Give (labels, probabilities) of the events of some time."""
        from pipelines.steps import data, evaluate

        rows = self._history.outcomes(since, until)
        labels = data.numbers(data.column(rows, self._use_case.training_set.label.column, "events"))
        return labels, evaluate.score(self._model(model), rows)

    @cached_property
    def _config(self) -> Any:
        from pipelines.steps.config import parse_config

        return parse_config(self._use_case.step_config(), f"{self._use_case.name}'s declaration")

    def _model_name(self, at: datetime) -> str:
        config = self._use_case.step_config()
        of_model = {key: value for key, value in config.items() if key not in _OF_THE_GATES}
        training = self._use_case.training_set.model_dump(mode="json")
        about = {"at": at.isoformat(), "config": of_model, "training": training}
        queries = dict(self._use_case.queries)
        return digest_of({**about, "sql": queries, "code": _code(), **self._history.identity})

    def _split(self, at: datetime) -> Any:
        from pipelines.steps import prepare

        with _quiet():
            return prepare.split(self._history.training_set(at), self._config)

    def _fitted(self, at: datetime) -> dict[str, Any]:
        """Run the pipeline's steps up to the model."""
        from pipelines.steps import data, prepare, train

        parts = self._parts(at)
        encoding = prepare.learn_encoding(parts.train, self._config)

        def numbers(part: Any) -> tuple[Any, Any]:
            matrix = encoding.matrix(data.raw_features(part, self._config.features, "the part"))
            return matrix, data.numbers(data.column(part, self._config.label, "the part"))

        self._say(f"training on what was known on {at:%Y-%m-%d}")
        with _quiet():
            text = train.fit(
                numbers(parts.train), numbers(parts.validation), encoding, self._config
            )
        return {"model": text, "encoding": encoding.document()}

    def _document(self, at: datetime) -> dict[str, Any]:
        name = self._model_name(at)
        found: dict[str, Any] = self._store.document(f"models/{name}", lambda: self._fitted(at))
        return found

    def _open(self, at: datetime) -> Any:
        from pipelines.steps import inference

        document = self._document(at)
        booster = inference.lightgbm().Booster(model_str=document["model"])
        encoding = inference.Encoding.from_document(document["encoding"])
        return inference.Model(booster, encoding, self._use_case.decision_threshold)

    def _judged(self, at: datetime, champion: datetime | None) -> dict[str, str]:
        from pipelines.steps import validate
        from pipelines.steps.command import StepError

        try:
            report = validate.inspect(self._history.training_set(at), self._config)
            challenger = self._model(at)
            held = self._model(champion) if champion else None
            test = self._parts(at).test
        except StepError as error:
            return {"status": "failed", "why": str(error)}
        sha = {which: _sha256(self._document(which)) for which in (at, champion) if which}
        with _quiet():
            judged = judging.gates(
                self._config, self._use_case.gates, report, test, (challenger, sha[at]),
                (held, sha[champion]) if held and champion else None,
            )  # fmt: skip
        if judged.passed:
            return {"status": "succeeded", "why": "every gate passed"}
        return {"status": "refused", "why": " ".join(each.why for each in judged.refusals)}

    def _gain(self, at: datetime) -> dict[str, float]:
        from pipelines.steps import evaluate

        return evaluate.importance(self._model(at))

    def _frozen(self, at: datetime) -> Days:
        """Count the baseline of a training window, as it is frozen with its model."""
        start, last = at - self._use_case.training_set.window, _last_day(at)
        self._say(f"baseline of {start:%Y-%m-%d} to {last:%Y-%m-%d}")
        baseline = self._history.baseline(
            start,
            at,
            lambda select: measure_baseline(self._use_case, start.date(), last, select).model_dump(
                mode="json"
            ),
        )
        return Days(
            self._use_case,
            Baseline.model_validate_json(canonical_json(baseline)),
            self._history.last_day,
            self._history.select,
            self._store,
            self._history.identity,
        )


_OF_THE_MODEL = frozenset(
    f"pipelines/steps/{name}.py"
    for name in ("prepare", "train", "inference", "data", "config", "metrics")
)
_OF_THE_GATES = ("gates", "bias_facets", "decision_threshold")


def _last_day(at: datetime) -> Any:
    return (at - timedelta(microseconds=1)).date()


def _sha256(document: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


@lru_cache(1)
def _code() -> str:
    """Give the digest of the steps up to the model: another way to train is another model."""
    from pipelines.templates.code_bundle import build_bundle

    files = build_bundle().files
    steps = {
        name: hashlib.sha256(body).hexdigest()
        for name, body in files.items()
        if name in _OF_THE_MODEL
    }
    return digest_of(steps)


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep the steps' lines, a container's log, out of the terminal."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
