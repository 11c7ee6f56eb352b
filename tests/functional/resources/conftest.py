"""A deployment of this folder's own: its tests land flights and must not disturb others' lakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localaws.server import Server
from orchestration.bootstrap import BootstrapReport, bootstrap
from orchestration.environments import Environment, load_environment
from usecases.declaration import load_use_cases, use_case_roots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.platform import Platform


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with Server(tmp_path_factory.mktemp("resources")) as server:
        local = load_environment("local")
        yield local.model_copy(update={"endpoint_url": server.endpoint_url})


@pytest.fixture(scope="session")
def laid(environment: Environment) -> BootstrapReport:
    return lay(environment)


@pytest.fixture(scope="session")
def platform(environment: Environment, laid: BootstrapReport) -> Platform:
    return environment.doors()


def lay(environment: Environment, **change: Any) -> BootstrapReport:
    """Bootstrap with the project's own use cases, each with ``change``."""
    use_cases = [each.model_copy(update=change) for each in load_use_cases(*use_case_roots({}))]
    doors = environment.doors()
    return bootstrap(doors.accounts, environment.admin_client, doors.names, use_cases)
