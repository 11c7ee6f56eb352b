"""Once a day, what nobody needs any more is deleted. Which that is, decisions/expiry.py says."""

from typing import TYPE_CHECKING

import dagster as dg

from assets.expiry import Expired, expire
from resources.clock import utc_now
from resources.errors import PerennialError, Terminal
from resources.platform import Platform
from usecases.declaration import UseCase

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Early, when few wait for Athena; not on the hour, when everybody's schedules run.
_DAILY = "17 4 * * *"


def expiry_schedule(use_cases: tuple[UseCase, ...]) -> dg.ScheduleDefinition:
    """Return the daily schedule, with the job that deletes what has expired of every use case."""

    @dg.op(name="delete_expired")
    def expire_all(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
        failed = []
        for use_case in use_cases:
            try:
                done = expire(platform, use_case, now=utc_now())
            except PerennialError as error:
                failed.append(f"{use_case.name}: {error}")
                continue
            for line in lines_of(done):
                context.log.info("%s: %s", use_case.name, line)
        if failed:
            raise Terminal("; ".join(failed))

    @dg.job(
        name="expire",
        description="Delete data of datasets that nothing points at any more; vacuum Iceberg.",
        executor_def=dg.in_process_executor,
    )
    def expire_job() -> None:
        expire_all()

    return dg.ScheduleDefinition(
        job=expire_job,
        cron_schedule=_DAILY,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def lines_of(done: Expired, *, dry_run: bool = False, everything: bool = False) -> "Iterator[str]":
    """Yield what became of each thing, one line each, the sum last.

    Args:
        done: What was done, or would be.
        dry_run: It was not done.
        everything: Also what is kept.
    """
    for each in (*done.plan.locations, *done.plan.tables):
        if everything or each.fate != "kept":
            yield f"{each.fate}: {each.what}: {each.why}"
    for name, why in done.maintained.items():
        yield f"iceberg {name}: {why}"
    for prefix in done.spared:
        yield f"spared: {prefix}: something points at it since a moment ago"
    verb = "would be deleted" if dry_run else "deleted"
    yield (
        f"{done.plan.why}; {done.objects} objects ({done.size / 2**20:.1f} MiB) and "
        f"{len(done.tables)} table entries {verb}"
    )
