"""`perennial why MODEL` and what else is said to one model. The work is elsewhere."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import Annotated

import typer

from orchestration.cli_shared import Model, Version, console, declared, doors, use_case_named
from resources.clock import utc_now
from resources.errors import Terminal

app = typer.Typer()


def add_to(whole: typer.Typer) -> None:
    """Give these commands to the command line."""
    whole.add_typer(app)


@app.command()
def replay(
    model: Model,
    since: Annotated[datetime, typer.Option(help="First event time (UTC).")],
    until: Annotated[datetime, typer.Option(help="Event time before which it ends (UTC).")],
    per_day: Annotated[
        int | None, typer.Option(min=1, help="Events of a day at most; by default all.")
    ] = None,
) -> None:
    """Ask what serves about the events of past days, as its clients would have."""
    from orchestration.replaying import replay as replay_events

    done = replay_events(doors(), use_case_named(model), since, until, per_day=per_day)
    console.print(f"{done.stage} was asked about {done.asked} events in {done.seconds} s")


@app.command()
def freshness(
    model: Annotated[str | None, typer.Argument(help="The use case; by default all.")] = None,
) -> None:
    """Show, per source, how far it has landed, how late it is, and whether its columns fit."""
    from orchestration.freshness import freshness_tables

    use_cases = declared() if model is None else (use_case_named(model),)
    for table in freshness_tables(doors(), use_cases):
        console.print(table)


@app.command()
def approve(model: Model, version: Version = None) -> None:
    """Approve a version whose gates passed; the approval sensor releases it."""
    from assets.approval import approve as approve_version

    package = approve_version(doors(), use_case_named(model), version, by=getpass.getuser())
    console.print(f"version {package.version} of {model} is approved; its release follows")


@app.command()
def reject(
    model: Model,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the version.")],
    version: Version = None,
) -> None:
    """Reject a version. If it serves, the approved one before it is released in its place."""
    from assets.approval import reject as reject_version

    package = reject_version(
        doors(), use_case_named(model), version, by=getpass.getuser(), reason=reason
    )
    console.print(f"version {package.version} of {model} is rejected")


@app.command()
def why(
    model: Model,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Show why a model is trained again or not: reasons, obstacles, budget, queue, last runs.

    Exit code 0: it trains, or need not; 3: there is a reason, and it waits; 4: cannot tell.
    """
    from orchestration import why as explaining

    found = explaining.explain(doors(), use_case_named(model))
    if as_json:
        typer.echo(explaining.as_json(found))
    else:
        for table in explaining.tables(found):
            console.print(table)
    raise typer.Exit(found.exit_code)


@app.command()
def retrain(
    model: Model,
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept until a training answers it.")] = "",
    cancel: Annotated[bool, typer.Option("--cancel", help="Take back what was asked for.")] = False,
) -> None:
    """Ask for a training. The governor starts it when budget, blackout and quota allow."""
    from resources import wishes

    artifacts, use_case = doors().artifacts, use_case_named(model).name
    if cancel:
        console.print(f"{wishes.cancel(artifacts, use_case)} wish(es) for {model} taken back")
        return
    if not reason.strip():
        raise Terminal("Say why: perennial retrain MODEL --reason TEXT; it is kept with the wish.")
    wishes.ask(artifacts, use_case, reason=reason.strip(), by=getpass.getuser(), at=utc_now())
    console.print(f"asked for; [bold]perennial why {model}[/] says what it waits for")


@app.command()
def backtest(
    model: Model,
    policy: Annotated[list[Path], typer.Option(help="A policy file; may be given again.")],
    first: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day that is scored.")
    ] = datetime(2013, 2, 18),  # noqa: DTZ001 - data time is naive UTC
    through: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day that is scored.")
    ] = datetime(2013, 12, 22),  # noqa: DTZ001
    out: Annotated[
        Path | None, typer.Option(help="Folder of the results; by default in the state folder.")
    ] = None,
    *,
    here: Annotated[
        bool, typer.Option("--here", help="Ask the embedded AWS that is there, land nothing.")
    ] = False,
) -> None:
    """Replay the past under each policy: quality over time against number and cost of retrains."""
    from orchestration.backtest.command import run
    from orchestration.backtest.policy import read_policies
    from orchestration.backtest.span import Span
    from orchestration.backtest.tables import terminal

    use_case, policies = use_case_named(model), read_policies(policy)
    span = Span.of(first.date(), through.date())
    with console.status("backtest") as status:
        written = run(use_case, policies, span, here=here, out=out, say=status.update)
    console.print(terminal(written.comparison))
    for line in written.comparison.about:
        console.print(line, soft_wrap=True, highlight=False)
