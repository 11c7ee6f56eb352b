"""One deployment with eighteen days of flights, shared by this folder's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.drift.drift_world import LANDED, DriftWorld

if TYPE_CHECKING:
    from usecases.declaration import UseCase


@pytest.fixture(scope="session")
def world(aws: Any, tmp_path_factory: pytest.TempPathFactory) -> DriftWorld:
    made = DriftWorld(aws, tmp_path_factory.mktemp("drift"))
    made.deploy(made.declare())
    made.land(LANDED)
    return made


@pytest.fixture
def use_case(world: DriftWorld) -> UseCase:
    """A use case with a champion."""
    declared = world.declare()
    world.deploy(declared)
    world.champion(declared, world.baseline(declared).model_dump_json().encode())
    return declared
