"""One deployment of its own with three weeks of flights, whose store these tests rewrite."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.functional.conftest import EmbeddedAws
from tests.functional.localaws.core_world import running
from tests.functional.loop.loop_world import Loop

if TYPE_CHECKING:
    from collections.abc import Iterator

LANDED = datetime(2013, 1, 22)  # noqa: DTZ001 - data time is naive UTC


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """A deployment whose datasets and feature groups are made."""
    # A process of its own: this one runs the other tests' server, whose raw tables move on.
    with running(tmp_path_factory.mktemp("aws")) as server:
        loop = Loop(EmbeddedAws(server.endpoint_url), tmp_path_factory.mktemp("loop"))
        loop.bootstrap(loop.quick)
        loop.land(LANDED)
        outcome = loop.run(loop.quick, "refresh_features")
        assert outcome.succeeded, outcome.told
        yield loop
