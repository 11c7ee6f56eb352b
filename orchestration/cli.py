"""`perennial ...`: what an engineer types. Each command is a few calls; the work is elsewhere.

Here are the commands of the whole environment; those of a model are cli_models.py's, those of what
it learns from cli_data.py's.
"""

from __future__ import annotations

import sys
from datetime import datetime  # noqa: TC003 - Typer reads it at run time
from typing import Annotated

import typer

from orchestration import cli_data, cli_models
from orchestration.cli_shared import console, declared, doors, errors
from resources.errors import PerennialError
from usecases.errors import DeclarationError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Models that renew themselves.",
)


def main() -> None:
    """Run a command; an error that was foreseen is one message and exit code 1."""
    try:
        app()
    except (PerennialError, DeclarationError) as error:
        errors.print(f"[bold red]error:[/] {error}", soft_wrap=True, highlight=False)
        sys.exit(1)


@app.command()
def up() -> None:
    """Start what this environment needs here, lay its foundations, start the Dagster daemon."""
    from orchestration.local import start_everything

    for line in start_everything():
        console.print(line)


@app.command()
def down() -> None:
    """Stop the processes that `up` started. Everything they knew is kept."""
    from orchestration.local import stop_everything

    for line in stop_everything():
        console.print(line)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Where the UI listens, on 127.0.0.1.")] = 3000,
) -> None:
    """Serve the Dagster UI on this state until interrupted."""
    from orchestration.local import refuse_taken, serve_ui, start_everything

    refuse_taken(port)
    for line in start_everything():
        console.print(line)
    serve_ui(port)


@app.command()
def demo() -> None:
    """Show the whole loop: train, release, land drift, renew, release again."""
    from orchestration.demo import run

    run(console)


@app.command()
def land(
    until: Annotated[datetime, typer.Option(help="Land what was known by then (UTC).")],
) -> None:
    """Land raw data as the upstream team would, up to a moment of 2013."""
    from orchestration.upstream import land as land_until

    platform = doors()
    report = land_until(platform.accounts, platform.names, until)
    for table in report.tables:
        console.print(
            f"{table.table}: {table.added} partitions added, {table.restated} restated, "
            f"{table.unchanged} unchanged; landed through {table.landed_through}"
        )


@app.command()
def check() -> None:
    """Read every declaration strictly, and see that each account can be reached."""
    from orchestration.status import reachable

    for use_case in declared():
        console.print(f"{use_case.name}: declared well, digest {use_case.digest[:12]}")
    for line in reachable(doors()):
        console.print(line)


@app.command()
def status() -> None:
    """Show, per model, what is registered, what serves where, and what the governor says."""
    from orchestration.status import tables

    for table in tables(doors(), declared()):
        console.print(table)


cli_models.add_to(app)
cli_data.add_to(app)

if __name__ == "__main__":
    main()
