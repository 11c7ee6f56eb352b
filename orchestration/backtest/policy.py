"""A policy file: when a backtest would have trained again. Read as strictly as a use case.

    name: weekly
    kind: every
    every: 7d

`governor` is the use case's own governor, `drift` the same with its age limit taken away; both take
changes to `retraining` and `monitors.drift`. The other kinds go by the calendar.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError, create_model

from decisions.model import Fact
from usecases import diagnosis, strict_yaml
from usecases.durations import Duration
from usecases.errors import DeclarationError
from usecases.fields import DriftMonitor, Identifier
from usecases.retraining_fields import Retraining

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from usecases.declaration import UseCase
    from usecases.errors import Problem

Kind = Literal["never", "monthly", "weekly", "every", "drift", "governor"]
GOVERNED = ("drift", "governor")
_SHORTEST = timedelta(days=1)


def _optional(model: type[BaseModel], name: str) -> Any:
    """Make a model of the same fields, none of them required: what a policy changes."""
    fields: dict[str, Any] = {
        # A second annotation that says nothing: Annotated wants one, and not every field has it.
        field: (Annotated[(info.annotation, *info.metadata, None)], None)
        for field, info in model.model_fields.items()
    }
    return create_model(name, __base__=Fact, **fields)


RetrainingChange = _optional(Retraining, "RetrainingChange")
DriftChange = _optional(DriftMonitor, "DriftChange")


class MonitorsChange(Fact):
    """What a policy changes of `monitors`."""

    drift: DriftChange = Field(default_factory=DriftChange)  # type: ignore[valid-type]


class Policy(Fact):
    """When to train again.

    Attributes:
        every: Distance of trainings, for `kind: every`; whole days.
        retraining: Fields of the use case's `retraining` that are otherwise here.
        monitors: Fields of its `monitors.drift` that are otherwise here.
    """

    name: Identifier
    kind: Kind
    description: str = ""
    every: Duration | None = None
    retraining: RetrainingChange = Field(default_factory=RetrainingChange)  # type: ignore[valid-type]
    monitors: MonitorsChange = MonitorsChange()

    def applied(self, use_case: UseCase) -> UseCase:
        """Give the use case as this policy would have it."""
        retraining = use_case.retraining.model_copy(update=_set(self.retraining))
        drift = use_case.monitors.drift.model_copy(update=_set(self.monitors.drift))
        monitors = use_case.monitors.model_copy(update={"drift": drift})
        return use_case.model_copy(update={"retraining": retraining, "monitors": monitors})


def read_policies(paths: Sequence[Path]) -> tuple[Policy, ...]:
    """Read policy files, in their order.

    Raises:
        DeclarationError: With every problem of every file, and every name that is there twice.
    """
    found: list[Policy] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            document = strict_yaml.read(path)
            policy = _shaped(document)
        except DeclarationError as error:
            problems.extend(error.problems)
            continue
        problems.extend(_disagreements(document, policy, [each.name for each in found]))
        found.append(policy)
    if problems:
        raise DeclarationError(problems)
    return tuple(found)


def _shaped(document: strict_yaml.Document) -> Policy:
    try:
        return Policy.model_validate_json(diagnosis.as_json(document), strict=True)
    except ValidationError as error:
        raise DeclarationError(diagnosis.explain(document, Policy, error)) from error


def _disagreements(
    document: strict_yaml.Document, policy: Policy, taken: Sequence[str]
) -> list[Problem]:
    found = []
    if policy.name in taken:
        found.append(
            document.problem(("name",), f"{policy.name} is there twice", "each once", "rename one")
        )
    if (policy.kind == "every") != (policy.every is not None):
        found.append(
            document.problem(
                ("every",), f"kind is {policy.kind}", "every: 7d with kind: every", "mend one"
            )
        )
    elif policy.every is not None and (policy.every < _SHORTEST or policy.every % _SHORTEST):
        found.append(
            document.problem(("every",), "not whole days", "for example 7d", "mend the length")
        )
    changed = {**_set(policy.retraining), **_set(policy.monitors.drift)}
    if changed and policy.kind not in GOVERNED:
        found.append(
            document.problem(
                ("kind",),
                f"{policy.kind} goes by the calendar and reads no {', '.join(sorted(changed))}",
                "kind: governor or kind: drift",
                "change the kind, or remove retraining and monitors",
            )
        )
    return found


def _set(change: BaseModel) -> dict[str, Any]:
    return {name: getattr(change, name) for name in change.model_fields_set}
