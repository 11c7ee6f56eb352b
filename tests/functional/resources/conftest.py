"""A deployment of this folder's own: its tests land flights and must not disturb others' lakes."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from orchestration.bootstrap import BootstrapReport, bootstrap
from orchestration.environments import Environment, load_environment
from orchestration.processes import Service
from usecases.declaration import load_use_cases, use_case_roots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.platform import Platform


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    # A process of its own: moto's state is one per process, and the session's `aws` has this one.
    service = Service("aws", tmp_path_factory.mktemp("resources"))
    endpoint_url = f"http://127.0.0.1:{free_port()}"
    local = load_environment("local").model_copy(update={"endpoint_url": endpoint_url})
    argv = local.embedded_server(service.state / "aws")
    assert argv is not None
    service.start(argv, env=dict(os.environ), ready=local.answers)
    yield local
    service.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
