"""One deployment with three weeks of flights and one trained model, shared by this folder's tests.

Training is what costs time, so it is done once. Tests may add to the state, never take from it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.loop.loop_world import Loop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.model_registry import PackageFacts
    from tests.functional.loop.loop_world import Outcome
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


@pytest.fixture(scope="session")
def again(loop: Loop, use_case: UseCase, first: Outcome) -> Outcome:
    """The same job over the same data, before any other test lands more."""
    assert first.succeeded, first.told
    return loop.run(use_case)


@pytest.fixture
def champion(loop: Loop, use_case: UseCase, again: Outcome) -> Iterator[PackageFacts]:
    """Version 1, which must be the champion after the test as it was before."""
    before = loop.champion(use_case)
    assert before is not None
    yield before
    assert loop.champion(use_case) == before
