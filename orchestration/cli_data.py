"""`perennial training-set|quarantine|baseline|expire`: a model's data. The work is elsewhere."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import Annotated

import typer

from orchestration.cli_shared import Model, console, doors, use_case_named
from resources.clock import utc_now

training_sets = typer.Typer(
    no_args_is_help=True, help="What a model learnt from, held to its word."
)
quarantine_app = typer.Typer(no_args_is_help=True, help="Data that broke its contract.")
baseline_app = typer.Typer(
    no_args_is_help=True, help="What new data is compared with; in Model Monitor's files, too."
)


def add_to(whole: typer.Typer) -> None:
    """Give these commands to the command line."""
    whole.add_typer(training_sets, name="training-set")
    whole.add_typer(quarantine_app, name="quarantine")
    whole.add_typer(baseline_app, name="baseline")
    whole.command()(expire)


def expire(
    model: Model,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell it, and change nothing.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Tell what is kept, too.")] = False,
) -> None:
    """Delete data of datasets that nothing has pointed at for as long as `retention` declares."""
    from assets.expiry import expire as expire_now
    from orchestration.housekeeping import lines_of

    done = expire_now(doors(), use_case_named(model), now=utc_now(), dry_run=dry_run)
    for line in lines_of(done, dry_run=dry_run, everything=everything):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


Named = Annotated[
    str, typer.Option("--sha256", help="The manifest's sha256; by default the newest set's.")
]


@training_sets.command()
def show(model: Model, sha256: Named = "") -> None:
    """Show what a training set was made from, and its files."""
    from orchestration.training_sets import manifest, summary

    for part in summary(manifest(doors(), use_case_named(model), sha256)):
        console.print(part)


@training_sets.command()
def verify(model: Model, sha256: Named = "") -> None:
    """Read every file of a training set again and compare it with the manifest."""
    from orchestration.training_sets import manifest
    from orchestration.training_sets import verify as verify_set

    platform = doors()
    found = manifest(platform, use_case_named(model), sha256)
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

    console.print(quarantine_table(doors(), use_case_named(model)))


@quarantine_app.command("release")
def release_quarantined(
    model: Model,
    dataset: Annotated[str, typer.Argument(help="The dataset, for example planes.")],
    partition: Annotated[str, typer.Argument(help="Its partition; `all` where it has none.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the record.")],
) -> None:
    """Accept data as it is, in spite of its breaches; the next run takes it."""
    from assets.quarantine import release

    use_case, at = use_case_named(model).name, datetime.now(UTC)
    record = release(
        doors(), use_case, dataset, partition, by=getpass.getuser(), at=at, reason=reason
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
        doors(), use_case_named(model), files, window=(start, through), by=getpass.getuser()
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

    gone, now = undo(doors(), use_case_named(model))
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

    for path in take_out(doors(), use_case_named(model), out):
        console.print(str(path), soft_wrap=True)
