"""What runs on this machine: the embedded AWS where the environment has one, daemon and UI.

How a process is started and stopped belongs to processes.py, what AWS must hold to bootstrap.py.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from orchestration.bootstrap import bootstrap
from orchestration.environments import ROOT, load_environment, state_folder
from orchestration.home import dagster_home, ensure_home, process_environment
from orchestration.processes import Service
from resources.errors import Terminal
from usecases.declaration import load_use_cases, use_case_roots

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestration.environments import Environment

_DAEMON_READY = "daemons"
#: In the order in which they are stopped.
_TITLES = {"daemon": "Dagster daemon", "aws": "embedded AWS"}


def start_everything() -> Iterator[str]:
    """Start, lay foundations, start the daemon; yield a line for each thing done.

    Raises:
        Terminal: A process did not start; the message has its log's end.
        DeclarationError: A use case is declared wrongly.
    """
    environment = load_environment()
    use_cases = load_use_cases(*use_case_roots(os.environ))
    yield from start_aws(environment)
    platform = environment.doors()
    report = bootstrap(
        platform.accounts,
        environment.admin_client,
        platform.names,
        use_cases,
    )
    yield f"foundations: {len(report.created)} made, {len(report.unchanged)} there already"
    yield from start_daemon()


def start_aws(environment: Environment) -> Iterator[str]:
    """Start the embedded AWS if the environment is one that has it."""
    argv = environment.embedded_server(state_folder() / "aws")
    if argv is None:
        yield f"environment {environment.name}: AWS itself"
        return
    service = Service("aws", state_folder())
    started = service.start(
        argv, env=process_environment(), ready=environment.answers, cwd=ROOT, timeout=60
    )
    verb = "started" if started else "runs"
    yield f"embedded AWS {verb} at {environment.endpoint_url}"


def start_daemon() -> Iterator[str]:
    """Start the Dagster daemon, which runs sensors, schedules and the run queue."""
    home = ensure_home()
    service = Service("daemon", state_folder())
    if service.pid() is not None:
        yield f"Dagster daemon runs, DAGSTER_HOME={home}"
        return
    offset = service.log.stat().st_size if service.log.exists() else 0
    service.start(
        [sys.executable, "-m", "dagster._daemon", "run", "-w", str(ROOT / "workspace.yaml")],
        env=process_environment(),
        ready=lambda: _says(service.log, _DAEMON_READY, offset),
        # Not the repository: Dagster would let its .env replace this deployment's DAGSTER_HOME.
        cwd=home,
        timeout=120,
    )
    yield f"Dagster daemon started, DAGSTER_HOME={home}"


def running() -> frozenset[str]:
    """Return the names of the services that run now."""
    return frozenset(name for name in _TITLES if Service(name, state_folder()).pid() is not None)


def stop_everything(*, keep: frozenset[str] = frozenset()) -> Iterator[str]:
    """Stop the daemon first, then the AWS it talks to; yield a line for each.

    Args:
        keep: Names of services to leave alone.
    """
    for name, title in _TITLES.items():
        if name not in keep:
            stopped = Service(name, state_folder()).stop()
            yield f"{title} {'stopped' if stopped else 'was not running'}"


def serve_ui(port: int) -> None:
    """Become the Dagster UI on 127.0.0.1. Does not return.

    Raises:
        Terminal: The port is taken.
    """
    ensure_home()
    refuse_taken(port)
    sys.stdout.write(f"Dagster UI: http://127.0.0.1:{port}  (Ctrl-C ends it)\n")
    sys.stdout.flush()
    os.chdir(dagster_home())  # not the repository: see start_daemon
    argv = [sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port)]
    argv += ["-w", str(ROOT / "workspace.yaml")]
    # No shell is wanted: the UI takes this process's place.
    os.execve(argv[0], argv, process_environment())  # noqa: S606


def refuse_taken(port: int) -> None:
    """Say that a port is taken before anything is started for it.

    Raises:
        Terminal: Another program listens there.
    """
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Terminal(
                f"Port {port} on 127.0.0.1 is taken ({error.strerror}). "
                "Choose another: perennial ui --port 3001."
            ) from error


def _says(log: Path, words: str, offset: int) -> bool:
    if not log.exists():
        return False
    with log.open("rb") as file:
        file.seek(offset)
        return words.encode() in file.read()
