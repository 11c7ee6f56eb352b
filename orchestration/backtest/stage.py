"""Where a backtest asks its questions: an AWS whose raw tables have landed through the span.

In an environment that has an embedded AWS here, the backtest starts one of its own, on a state of
its own, and lands the history there: on the state of the demo, all that was landed would be news to
its sensors. Anywhere else, and with ``--here``, it asks the environment as it stands.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
from typing import TYPE_CHECKING

from orchestration.bootstrap import bootstrap
from orchestration.environments import ROOT, load_environment, state_folder
from orchestration.home import process_environment
from orchestration.processes import Service
from orchestration.upstream import land
from resources.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from orchestration.environments import Environment
    from resources.platform import Platform
    from usecases.declaration import UseCase


def backtest_folder() -> Path:
    """Return where backtests keep what they computed, and their own AWS."""
    return state_folder() / "backtest"


@contextlib.contextmanager
def stage(
    use_case: UseCase, landed_by: datetime, *, here: bool, say: Callable[[str], None]
) -> Iterator[Platform]:
    """Give the doors to an AWS where the use case's history has landed.

    Raises:
        Terminal: What has landed does not go far enough; the message says how far it must.
    """
    environment = load_environment()
    apart = environment.model_copy(update={"endpoint_url": f"http://127.0.0.1:{_free_port()}"})
    argv = apart.embedded_server(backtest_folder() / "aws")
    if here or environment.embedded_server(backtest_folder()) is None or argv is None:
        platform = environment.doors()
        _require(platform, use_case, landed_by)
        yield platform
        return
    service = Service("aws", backtest_folder())
    with _alone(backtest_folder()):
        service.stop()  # one that a killed backtest left; its port is not known any more
        service.start(argv, env=process_environment(), ready=apart.answers, cwd=ROOT, timeout=60)
        say(f"an embedded AWS of the backtest's own at {apart.endpoint_url}")
        try:
            yield _prepared(apart, use_case, landed_by, say)
        finally:
            service.stop()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second backtest off this state: it would stop the first one's AWS.

    Raises:
        Terminal: Another backtest is under way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Terminal(
                f"Another backtest is under way on {folder}. Wait for it, or set PERENNIAL_STATE "
                "to another folder."
            ) from error
        yield  # a killed backtest's lock goes with its process


def _prepared(
    environment: Environment, use_case: UseCase, landed_by: datetime, say: Callable[[str], None]
) -> Platform:
    platform = environment.doors()
    bootstrap(platform.accounts, environment.admin_client, platform.names, (use_case,))
    report = land(platform.accounts, platform.names, landed_by)
    say(f"raw data landed through {landed_by:%Y-%m-%d} in {report.seconds:.1f} s")
    _require(platform, use_case, landed_by)
    return platform


def _require(platform: Platform, use_case: UseCase, landed_by: datetime) -> None:
    for table in use_case.sources.tables:
        landed = platform.catalogue.landed_through(use_case.sources.database, table)
        if landed is None or landed < landed_by:
            raise Terminal(
                f"{use_case.sources.database}.{table} has landed through {landed}; this backtest "
                f"needs {landed_by}, so that the outcomes of its last day are in. Land more, or "
                "choose an earlier --through."
            )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
