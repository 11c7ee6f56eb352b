"""What Dagster loads: every declared use case in the chosen environment. Decides nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.environments import Environment, load_environment
from orchestration.expansion import expand
from usecases.declaration import load_use_cases, use_case_roots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from usecases.declaration import UseCase


def build_definitions(
    environment: Environment,
    use_cases: tuple[UseCase, ...],
    *,
    overrides: Mapping[str, Any] | None = None,
) -> dg.Definitions:
    """Return the definitions of these use cases in this environment.

    Args:
        environment: Which accounts and which endpoint.
        use_cases: What to build.
        overrides: Resources to take instead of the environment's own, by key.
    """
    resources = {"platform": environment.doors(), **(overrides or {})}
    made = expand(
        use_cases,
        resources["platform"],
        sensor_interval=environment.sensor_interval_seconds,
        wall_clock=environment.clock == "wall",
        quota=environment.quota,
    )
    return dg.Definitions.merge(made, dg.Definitions(resources=resources))


defs = build_definitions(load_environment(), load_use_cases(*use_case_roots(os.environ)))
