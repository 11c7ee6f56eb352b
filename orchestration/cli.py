"""`perennial ...`: what an engineer types. Each command is a few calls; the work is elsewhere."""

from __future__ import annotations

import getpass
import os
import sys
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from resources.errors import PerennialError, Terminal
from usecases.errors import DeclarationError

if TYPE_CHECKING:
    from resources.platform import Platform
    from usecases.declaration import UseCase

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Models that renew themselves.",
)
training_sets = typer.Typer(
    no_args_is_help=True, help="What a model learnt from, held to its word."
)
app.add_typer(training_sets, name="training-set")
quarantine_app = typer.Typer(no_args_is_help=True, help="Data that broke its contract.")
app.add_typer(quarantine_app, name="quarantine")
baseline_app = typer.Typer(
    no_args_is_help=True, help="What new data is compared with; in Model Monitor's files, too."
)
app.add_typer(baseline_app, name="baseline")
console = Console()
errors = Console(stderr=True)

Model = Annotated[str, typer.Argument(help="The use case, for example flight_delay.")]
Version = Annotated[
    int | None, typer.Option(help="Its version; by default the newest that awaits approval.")
]


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

    platform = _platform()
    report = land_until(platform.accounts, platform.names, until)
    for table in report.tables:
        console.print(
            f"{table.table}: {table.added} partitions added, {table.restated} restated, "
            f"{table.unchanged} unchanged; landed through {table.landed_through}"
        )


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

    done = replay_events(_platform(), _use_case(model), since, until, per_day=per_day)
    console.print(f"{done.stage} was asked about {done.asked} events in {done.seconds} s")


@app.command()
def check() -> None:
    """Read every declaration strictly, and see that each account can be reached."""
    from orchestration.status import reachable

    for use_case in _use_cases():
        console.print(f"{use_case.name}: declared well, digest {use_case.digest[:12]}")
    for line in reachable(_platform()):
        console.print(line)


@app.command()
def status() -> None:
    """Show, per model, what is registered, what serves where, and what the governor says."""
    from orchestration.status import tables

    for table in tables(_platform(), _use_cases()):
        console.print(table)


@app.command()
def freshness(
    model: Annotated[str | None, typer.Argument(help="The use case; by default all.")] = None,
) -> None:
    """Show, per source, how far it has landed, how late it is, and whether its columns fit."""
    from orchestration.freshness import freshness_tables

    use_cases = _use_cases() if model is None else (_use_case(model),)
    for table in freshness_tables(_platform(), use_cases):
        console.print(table)


@app.command()
def approve(model: Model, version: Version = None) -> None:
    """Approve a version whose gates passed; the approval sensor releases it."""
    from assets.approval import approve as approve_version

    package = approve_version(_platform(), _use_case(model), version, by=getpass.getuser())
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
        _platform(), _use_case(model), version, by=getpass.getuser(), reason=reason
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

    found = explaining.explain(_platform(), _use_case(model))
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

    artifacts, use_case = _platform().artifacts, _use_case(model).name
    if cancel:
        console.print(f"{wishes.cancel(artifacts, use_case)} wish(es) for {model} taken back")
        return
    if not reason.strip():
        raise Terminal("Say why: perennial retrain MODEL --reason TEXT; it is kept with the wish.")
    now = datetime.now(UTC).replace(tzinfo=None)
    wishes.ask(artifacts, use_case, reason=reason.strip(), by=getpass.getuser(), at=now)
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

    use_case, policies = _use_case(model), read_policies(policy)
    span = Span.of(first.date(), through.date())
    with console.status("backtest") as status:
        written = run(use_case, policies, span, here=here, out=out, say=status.update)
    console.print(terminal(written.comparison))
    for line in written.comparison.about:
        console.print(line, soft_wrap=True, highlight=False)
    console.print(f"{written.seconds:.0f} s; table, figures, picture: {written.folder}")


Named = Annotated[
    str, typer.Option("--sha256", help="The manifest's sha256; by default the newest set's.")
]


@training_sets.command()
def show(model: Model, sha256: Named = "") -> None:
    """Show what a training set was made from, and its files."""
    from orchestration.training_sets import manifest, summary

    for part in summary(manifest(_platform(), _use_case(model), sha256)):
        console.print(part)


@training_sets.command()
def verify(model: Model, sha256: Named = "") -> None:
    """Read every file of a training set again and compare it with the manifest."""
    from orchestration.training_sets import manifest
    from orchestration.training_sets import verify as verify_set

    platform = _platform()
    found = manifest(platform, _use_case(model), sha256)
    verify_set(platform, found)
    console.print(
        f"training set {found.sha256} of {model} is sound: {found.rows} rows in "
        f"{len(found.files)} file(s), all as the manifest says",
        soft_wrap=True,
    )


@quarantine_app.command("list")
def list_quarantine(model: Model) -> None:
    """Show the data of a model that broke its contract, with rules, counts and examples."""
    from orchestration.status import quarantine_table

    console.print(quarantine_table(_platform(), _use_case(model)))


@quarantine_app.command("release")
def release_quarantined(
    model: Model,
    dataset: Annotated[str, typer.Argument(help="The dataset, for example planes.")],
    partition: Annotated[str, typer.Argument(help="Its partition; `all` where it has none.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the record.")],
) -> None:
    """Accept data as it is, in spite of its breaches; the next run takes it."""
    from assets.quarantine import release

    use_case, at = _use_case(model).name, datetime.now(UTC)
    record = release(
        _platform(), use_case, dataset, partition, by=getpass.getuser(), at=at, reason=reason
    )
    console.print(f"{record.location} is accepted; the next run of {dataset} takes it")


@baseline_app.command("import")
def import_baseline(
    model: Model,
    statistics: Annotated[
        list[str],
        typer.Option(help="statistics.json: an S3 URI or a path; TABLE=... where several."),
    ],
    constraints: Annotated[
        list[str] | None, typer.Option(help="constraints.json, in the same order.")
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", help="Of the files' data; by default the champion's."),
    ] = None,
    through: Annotated[
        datetime | None, typer.Option(help="Its end; by default the champion's.")
    ] = None,
) -> None:
    """Compare the champion with a Model Monitor baseline from now on; `baseline undo` undoes it."""
    from orchestration.baselines import bring_in, pair

    files = pair(statistics, constraints or [])
    found, override = bring_in(
        _platform(), _use_case(model), files, window=(start, through), by=getpass.getuser()
    )
    for name, why in found.left_out.items():
        console.print(f"left out: {name}: {why}", soft_wrap=True)
    if found.unwatched:
        console.print(f"not watched: {', '.join(found.unwatched)}", soft_wrap=True)
    console.print(
        f"version {override.version} of {model} is compared with {override.uri}: "
        f"{len(found.baseline.features)} columns; `perennial baseline undo {model}` takes it back",
        soft_wrap=True,
    )


@baseline_app.command("undo")
def undo_baseline(model: Model) -> None:
    """Take the newest import back; what was compared with before is compared with again."""
    from orchestration.baselines import undo

    gone, now = undo(_platform(), _use_case(model))
    console.print(
        f"{gone.uri} ({gone.reason}) is taken back; compared with is {now or 'nothing'}",
        soft_wrap=True,
    )


@baseline_app.command("export")
def export_baseline(
    model: Model,
    out: Annotated[Path, typer.Option(help="The folder; it gets one folder per table.")],
) -> None:
    """Write the champion's baseline as Model Monitor's statistics.json and constraints.json."""
    from orchestration.baselines import take_out

    for path in take_out(_platform(), _use_case(model), out):
        console.print(str(path), soft_wrap=True)


def _platform() -> Platform:
    from orchestration.environments import platform

    return platform()


def _use_cases() -> tuple[UseCase, ...]:
    from usecases.declaration import load_use_cases, use_case_roots

    return load_use_cases(*use_case_roots(os.environ))


def _use_case(name: str) -> UseCase:
    found = {each.name: each for each in _use_cases()}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise Terminal(f"There is no use case {name!r}; declared are: {known}.")
    return found[name]


if __name__ == "__main__":
    main()
