"""How much of the champion's gain stems from each raw column, fetched for the drift verdict.

The leading back is usecases/importance.py's; what too little importance means, decisions.drift's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from decisions.reports import EvaluationReport
from resources.errors import Missing, Terminal
from usecases.importance import raw_importance

if TYPE_CHECKING:
    from resources.model_registry import PackageFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase


def importance_of(
    platform: Platform, use_case: UseCase, champion: PackageFacts | None
) -> dict[str, float]:
    """Give the importance of each raw column, as "<table>.<column>", to the champion.

    Nothing where no evaluation is stored with it, such as a model that was trained elsewhere: every
    column then counts.

    Raises:
        Transient: S3 could not be asked just now.
        Terminal: The stored evaluation is not what its schema says.
    """
    run_uri = champion.metadata.get("run_uri") if champion else None
    if not run_uri:
        return {}
    uri = f"{run_uri}/evaluate/evaluation.json"
    try:
        report = EvaluationReport.model_validate_json(platform.artifacts.read_uri(uri))
    except Missing:
        return {}
    except ValidationError as error:
        raise Terminal(
            f"{uri} does not have the shape of an evaluation report: {error}. It was written by "
            "another version of the steps, or damaged; train again."
        ) from error
    return raw_importance(use_case, report.feature_importance)
