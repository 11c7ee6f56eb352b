"""A use case as the rest of the project sees it: one frozen value per folder.

Composes: strict_yaml reads, fields.py shapes, diagnosis.py explains, checks.py and query_checks.py
cross-examine. The SQL is read too, so a UseCase is complete: its digest changes when anything it
says changes.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from decisions.gates import Gate
from decisions.model import Fact, digest_of
from usecases import checks, diagnosis, query_checks, sql, strict_yaml
from usecases.errors import DeclarationError, Problem
from usecases.fields import (
    Approval,
    Bias,
    Compute,
    Dataset,
    FeatureGroup,
    Identifier,
    Kind,
    Monitors,
    Owner,
    Release,
    Retention,
    Sources,
    Split,
    Text,
    TrainingSet,
)
from usecases.retraining_fields import Retraining

FILE = "usecase.yaml"


class Feature(Fact):
    """One input of the model, in the order of the training set."""

    name: Identifier
    kind: Kind


class UseCase(Fact):
    """What one model promises: its data, its quality, its renewal and its release.

    Attributes:
        folder: Where it was read from; not part of its identity.
        queries: SQL text by dataset name.
    """

    name: Identifier
    title: Text
    description: Text
    owner: Owner
    group: Identifier
    template: Literal["binary"]
    sources: Sources
    datasets: tuple[Dataset, ...] = Field(min_length=1)
    feature_groups: tuple[FeatureGroup, ...] = ()
    training_set: TrainingSet
    hyperparameters: dict[Identifier, str | int | float] = Field(min_length=1)
    seed: int = Field(ge=0)
    decision_threshold: float = Field(gt=0.0, lt=1.0)
    split: Split
    compute: Compute
    gates: tuple[Gate, ...] = Field(min_length=1)
    bias: Bias
    retraining: Retraining
    monitors: Monitors
    approval: Approval
    release: Release
    retention: Retention = Retention()
    folder: Path = Field(default=Path(), exclude=True)
    queries: dict[str, str] = Field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Give the sha256 of everything declared, SQL included."""
        return digest_of(self.model_dump(mode="json"))

    @property
    def features(self) -> tuple[Feature, ...]:
        """Every input of the model: the spine's own first, then each join's, as declared."""
        named = list(self.training_set.direct.items())
        for join in self.training_set.joins:
            named.extend(self.feature_group(join.group).features.items())
        return tuple(Feature(name=name, kind=kind) for name, kind in named)

    def dataset(self, name: str) -> Dataset:
        """Give a dataset by name.

        Raises:
            KeyError: If it is not declared.
        """
        return {dataset.name: dataset for dataset in self.datasets}[name]

    def feature_group(self, name: str) -> FeatureGroup:
        """Give a feature group by name.

        Raises:
            KeyError: If it is not declared.
        """
        return {group.name: group for group in self.feature_groups}[name]

    def event_time(self, dataset: Dataset) -> str | None:
        """Give a dataset's column of event times, as it, the spine or a feature group says."""
        if dataset.partition_by is not None:
            return dataset.partition_by
        if dataset.name == self.training_set.spine:
            return self.training_set.event_time
        named = [each.event_time for each in self.feature_groups if each.dataset == dataset.name]
        return named[0] if named else None

    def reads(self, dataset: str) -> tuple[str, ...]:
        """Give the raw tables that a dataset's SQL reads, sorted."""
        return sql.tables(self.queries[dataset])

    def step_config(self) -> dict[str, Any]:
        """Give what the pipeline's steps need to know, as JSON they read without this package."""
        return {
            "use_case": self.name,
            "label": self.training_set.label.column,
            "event_time": self.training_set.event_time,
            "id": self.training_set.id,
            "features": [feature.model_dump() for feature in self.features],
            "split": self.split.model_dump(),
            "hyperparameters": dict(self.hyperparameters),
            "seed": self.seed,
            "minimum_rows": self.training_set.minimum_rows,
            "gates": [gate.model_dump(mode="json") for gate in self.gates],
            "bias_facets": list(self.bias.facets),
            "decision_threshold": self.decision_threshold,
        }


def load_use_case(folder: Path) -> UseCase:
    """Read a folder with usecase.yaml and its SQL.

    Raises:
        DeclarationError: With every problem found in it.
    """
    document = strict_yaml.read(folder / FILE)
    _refuse_computed(document)
    try:
        # By way of JSON, because there pydantic's strict mode still takes a list for a tuple.
        shaped = UseCase.model_validate_json(diagnosis.as_json(document), strict=True)
    except ValidationError as error:
        raise DeclarationError(diagnosis.explain(document, UseCase, error)) from error
    queries, problems = query_checks.read_queries(document, shaped.datasets)
    use_case = shaped.model_copy(update={"folder": folder, "queries": queries})
    problems.extend(checks.cross_examine(document, use_case))
    problems.extend(query_checks.check_queries(use_case))
    if problems:
        raise DeclarationError(problems)
    return use_case


def load_use_cases(*roots: Path) -> tuple[UseCase, ...]:
    """Read every folder below the roots that holds a usecase.yaml, sorted by name.

    Raises:
        DeclarationError: With every problem of every folder, any name declared twice, and any root
            that is no folder.
    """
    loaded: dict[str, UseCase] = {}
    problems = [_no_root(root) for root in roots if not root.is_dir()]
    for folder in sorted(file.parent for root in roots for file in root.glob(f"*/{FILE}")):
        try:
            use_case = load_use_case(folder)
        except DeclarationError as error:
            problems.extend(error.problems)
            continue
        if use_case.name in loaded:
            problems.append(_twice(folder, loaded[use_case.name]))
        loaded[use_case.name] = use_case
    if problems:
        raise DeclarationError(problems)
    return tuple(loaded[name] for name in sorted(loaded))


def use_case_roots(environment: Mapping[str, str], *, own: Path | None = None) -> tuple[Path, ...]:
    """Give the project's own root and those that PERENNIAL_USECASES adds."""
    further = environment.get("PERENNIAL_USECASES", "").split(os.pathsep)
    first = own or Path(__file__).parent
    return (first, *(Path(root) for root in further if root))


def _refuse_computed(document: strict_yaml.Document) -> None:
    """The folder and its queries are found, never declared."""
    found = [
        document.problem((field,), "unknown field", "no such field", "remove it")
        for field in ("folder", "queries")
        if isinstance(document.data, dict) and field in document.data
    ]
    if found:
        raise DeclarationError(found)


def _no_root(root: Path) -> Problem:
    return Problem(
        root, 1, "", "no such folder", "a folder of use cases", "correct PERENNIAL_USECASES"
    )


def _twice(folder: Path, first: UseCase) -> Problem:
    return Problem(
        folder / FILE,
        1,
        "name",
        f"{first.name} is declared in {first.folder} too",
        "each name once",
        "rename one folder and its use case",
    )
