"""A database of its own for every test, with the declarations that read it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from orchestration.bootstrap import bootstrap
from orchestration.environments import load_environment
from tests.functional.sources.wharf import Wharf, declare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestration.environments import Environment


@pytest.fixture(scope="session")
def deployment(aws: Any, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    local = load_environment("local")
    environment = local.model_copy(update={"endpoint_url": aws.endpoint_url})
    doors = environment.doors()
    use_case = declare(tmp_path_factory.mktemp("deployed"), "wharf")
    bootstrap(doors.accounts, environment.admin_client, doors.names, (use_case,))
    return environment


@pytest.fixture
def build(deployment: Environment, tmp_path: Path) -> Callable[..., Wharf]:
    def build_wharf(reshape: Callable[[dict[str, Any]], None] | None = None) -> Wharf:
        use_case = declare(tmp_path, f"wharf_{uuid.uuid4().hex[:12]}", reshape)
        return Wharf(deployment, deployment.doors(), use_case)

    return build_wharf


@pytest.fixture
def wharf(build: Callable[..., Wharf]) -> Wharf:
    return build()
