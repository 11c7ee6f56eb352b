"""Where every model stands, as tables for a terminal. Gathers and shows; changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.table import Table

from assets.quarantine import partition_name, quarantined
from decisions.contracts import told
from orchestration.why import explain
from resources.errors import PerennialError, call

if TYPE_CHECKING:
    from collections.abc import Iterator

    import dagster as dg

    from resources.aws import AccountName
    from resources.platform import Platform
    from usecases.declaration import UseCase


def reachable(platform: Platform) -> Iterator[str]:
    """Yield a line per account: whom we are there, or why we are not."""
    for account, account_id in platform.accounts.settings.accounts.items():
        sts = platform.accounts.client("sts", account)
        try:
            arn = call(sts.get_caller_identity)["Arn"]
        except PerennialError as error:
            yield f"{account} ({account_id}): {error}"
        else:
            yield f"{account} ({account_id}): {arn}"


def tables(
    platform: Platform, use_cases: tuple[UseCase, ...], instance: dg.DagsterInstance | None = None
) -> Iterator[Table]:
    """Yield one table per use case; Dagster's instance is that of this machine by default."""
    for use_case in use_cases:
        table = Table(title=use_case.title, show_header=False, title_justify="left")
        for row in _rows(platform, use_case, instance):
            table.add_row(*row)
        yield table


def _rows(
    platform: Platform, use_case: UseCase, instance: dg.DagsterInstance | None
) -> Iterator[tuple[str, str]]:
    found = explain(platform, use_case, instance)
    facts = found.judged.facts
    for name, moment in found.situation.landed.items():
        yield f"landed {name}", str(moment or "unknown")
    for package in platform.registry(use_case.name).packages(limit=5):
        yield (
            f"version {package.version}",
            f"{package.approval}, gates {package.metadata.get('gates', 'not judged')}",
        )
    for stage in use_case.release.stages:
        yield f"serves in {stage}", _serving(platform, use_case, cast("AccountName", stage))
    yield "drift", facts.drift.why if facts.drift else "no champion to compare with"
    for report in facts.monitors:
        yield report.monitor.replace("_", " "), f"{report.verdict}: {report.why}"
    yield "governor", f"{found.state}: {found.why}"


def _serving(platform: Platform, use_case: UseCase, stage: AccountName) -> str:
    facts = platform.endpoints(stage).describe(platform.names.endpoint(use_case.name))
    if facts is None:
        return "nothing"
    version = (facts.package_arn or "unknown").rpartition("/")[2]
    return f"version {version}, {facts.status}"


def quarantine_table(platform: Platform, use_case: UseCase) -> Table:
    """Return the quarantine of a use case: what is in it, why, and who accepted it."""
    table = Table("dataset", "partition", "digest", "broken", "accepted", title="Quarantine")
    for record, acceptance in quarantined(platform, use_case.name):
        broken = "\n".join(told(breach) for breach in record.breaches)
        taken = str(acceptance) if acceptance else "no"
        table.add_row(record.dataset, partition_name(record), record.digest[:12], broken, taken)
    return table
