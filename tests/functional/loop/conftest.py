"""One deployment with three weeks of flights and one trained model, shared by this folder's tests.

Training is what costs time, so it is done once. Tests may add to the state, never take from it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.loop.loop_world import Loop, Outcome

if TYPE_CHECKING:
    from usecases.declaration import UseCase

LANDED = datetime(2013, 1, 22)  # noqa: DTZ001 - data time is naive UTC


@pytest.fixture(scope="session")
def use_case(loop: Loop) -> UseCase:
    return loop.quick


@pytest.fixture(scope="session")
def loop(aws: Any, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    made = Loop(aws, tmp_path_factory.mktemp("loop"))
    made.bootstrap(made.quick)
    made.land(LANDED)
    return made


@pytest.fixture(scope="session")
def first(loop: Loop, use_case: UseCase) -> Outcome:
    """The run that trained, judged and approved version 1."""
    return loop.run(use_case)
