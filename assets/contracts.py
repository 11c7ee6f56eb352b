"""What a dataset promises, checked: one SQL pass over all rows, and pandera over a sample.

The promises are compiled by usecases.contracts and judged by decisions.contracts; this module
gathers the facts for them. Drift does not belong here: it is about change, a contract about what
may never be.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg
from sqlglot import exp

from assets.dataset_days import DIGEST, ROWS, days_of, partition_key
from assets.parts import asset_key, digest_of
from assets.quarantine import accepted, quarantine, record_key
from assets.windows import landed_through
from decisions.contracts import WHOLE, ContractVerdict, Freshness, PartitionCounts, judge
from resources.errors import Missing, Terminal
from resources.glue import ColumnFacts, TableFacts
from resources.platform import Platform
from resources.together import together
from usecases import asset_keys
from usecases.contracts.contract import Contract, contract_of
from usecases.contracts.frames import as_frame, broken_rows
from usecases.contracts.statements import compile_sql, read_counts, sample_sql
from usecases.declaration import UseCase
from usecases.fields import Dataset, SourceTable

SAMPLE_ROWS = 1000
_SHOWN = 20
"""Breaches that the check's table shows."""


def schema_breaches(dataset: Dataset, found: Iterable[ColumnFacts]) -> list[str]:
    """Compare a table's columns with the declared ones; name what is gone or retyped."""
    return _differences({name: column.type for name, column in dataset.columns.items()}, found)


def source_breaches(source: SourceTable, found: Iterable[ColumnFacts]) -> list[str]:
    """Compare a raw table's columns with those the use case counts on."""
    return _differences(source.columns, found)


def contract_check(use_case: UseCase, dataset: Dataset) -> dg.AssetChecksDefinition:
    """Return the blocking check that a dataset keeps its contract."""

    @dg.asset_check(
        asset=asset_key(asset_keys.dataset(use_case.name, dataset.name)),
        name="contract",
        blocking=True,
        description="Every row keeps what the declaration promises of its columns.",
    )
    def contract(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        verdict = judge_partitions(platform, use_case, dataset, None, context.run.run_id)
        records = []
        if verdict.quarantined:
            where = _where(platform, _table(platform, use_case, dataset.name))
            records = [
                platform.lake.uri(record_key(record))
                for record in quarantine(platform, use_case.name, dataset.name, verdict, where)
            ]
        return dg.AssetCheckResult(
            passed=verdict.passed,
            description=verdict.why,
            metadata={**contract_metadata(verdict), "quarantine": records},
        )

    return contract


def judge_partitions(
    platform: Platform,
    use_case: UseCase,
    dataset: Dataset,
    partitions: Sequence[str] | None,
    salt: str,
    *,
    table: str | None = None,
    digests: Mapping[str, str] | None = None,
) -> ContractVerdict:
    """Judge partitions of a dataset, in its own table or in another that holds its rows.

    Args:
        platform: The doors.
        use_case: Whose dataset.
        dataset: What is promised.
        partitions: Values of the table's first partition key; None for all, and for a table
            without partitions. Uniqueness is judged among their rows.
        salt: Tells deliberate repetitions apart, for example a Dagster run id.
        table: The table's name, by default the dataset's.
        digests: Partition to digest of its data, by which a release from quarantine is known. By
            default those that the catalogue has.

    Raises:
        TableMissing: There is no such table.
        Terminal: Partitions of a table that has none were asked for, or Athena refused.
    """
    facts = _table(platform, use_case, table or dataset.name)
    if partitions is not None and partition_key(facts) is None:
        raise Terminal(
            f"Glue table {facts.database}.{facts.name} has no partitions, so {list(partitions)} "
            "cannot be judged alone. Judge all of it, or partition it by day."
        )
    contract = contract_of(dataset, use_case.event_time(dataset))
    counts, doubts = _facts(platform, contract, facts, partitions, salt)
    verdict = judge(
        f"{facts.database}.{dataset.name}",
        counts,
        wanted=partitions,
        before=_rows_before(platform, use_case, dataset, partitions, counts),
        freshness=_freshness(platform, use_case, contract, partitions),
        doubts=doubts,
    )
    if not verdict.quarantined:
        return verdict
    known = digests or {name: each[0] for name, each in _where(platform, facts).items()}
    asked = {name: known[name] for name in verdict.quarantined if name in known}
    taken = accepted(platform, use_case.name, dataset.name, asked)
    return verdict.accepting(taken)


def contract_metadata(verdict: ContractVerdict) -> dict[str, Any]:
    """Return a verdict as the Dagster UI shows it."""
    breaches = [
        dg.TableRecord(
            {
                "partition": each.partition,
                "rule": breach.rule,
                "rows": breach.rows,
                "of": each.rows,
                "examples": str([dict(one) for one in breach.examples]),
            }
        )
        for each in verdict.partitions
        for breach in each.breaches
    ]
    shown = {"breaches": dg.MetadataValue.table(breaches[:_SHOWN])} if breaches else {}
    return {
        "rows": verdict.rows,
        "partitions": len(verdict.partitions),
        "quarantined": list(verdict.quarantined[:_SHOWN]),
        "problems": list(verdict.problems),
        **shown,
    }


def _facts(
    platform: Platform,
    contract: Contract,
    facts: TableFacts,
    partitions: Sequence[str] | None,
    salt: str,
) -> tuple[list[PartitionCounts], list[str]]:
    """Count in SQL, and hold pandera's finding on a sample against it."""
    table = exp.table_(facts.name, db=facts.database, quoted=True)
    key = partition_key(facts)

    def select(what: str, sql: str) -> list[dict[str, Any]]:
        # The text is part of the intent: the same token with another text would be refused.
        said = digest_of({"sql": sql, "location": facts.location, "version": facts.version_id})
        intent = f"{what} {facts.database}.{facts.name} {said[:16]}"
        return platform.athena.select(sql, database=facts.database, intent=intent, salt=salt)

    sql = compile_sql(contract, table, partition_key=key, only=partitions)
    sample = sample_sql(contract, table, SAMPLE_ROWS, partition_key=key, only=partitions)
    counted, sampled = together(
        [partial(select, "contract", sql), partial(select, "sample", sample)]
    )
    counts = read_counts(contract, counted)
    broken = broken_rows(contract, as_frame(contract, sampled))
    told = {breach.rule for each in counts for breach in each.breaches}
    return counts, [
        f"pandera finds that {rows} of {SAMPLE_ROWS} sampled rows break {rule}, SQL finds none: "
        "one of the two compilations is wrong; report it with the declaration"
        for rule, rows in broken.items()
        if rows and rule not in told
    ]


def _freshness(
    platform: Platform, use_case: UseCase, contract: Contract, partitions: Sequence[str] | None
) -> Freshness | None:
    """Return what freshness is judged by, if it is promised and these rows can tell.

    A restated day of last month says nothing about how new a table is that has newer days.
    """
    if contract.fresh_within is None:
        return None
    if partitions is not None and _newest_partition(platform, use_case, contract) > max(
        partitions, default=""
    ):
        return None
    return Freshness(
        landed_through=landed_through(platform, use_case), within=contract.fresh_within
    )


def _rows_before(
    platform: Platform,
    use_case: UseCase,
    dataset: Dataset,
    partitions: Sequence[str] | None,
    counts: Sequence[PartitionCounts],
) -> dict[str, int]:
    """Return how many rows the partitions that are empty now have in the dataset's own table."""
    empty = set(partitions or ()) - {each.partition for each in counts}
    if not empty:
        return {}
    try:
        found = days_of(platform, _table(platform, use_case, dataset.name))
    except Missing:
        return {}
    return {
        each.values[0]: int(each.parameters.get(ROWS, 0))
        for each in found
        if each.values[0] in empty
    }


def _newest_partition(platform: Platform, use_case: UseCase, contract: Contract) -> str:
    try:
        found = days_of(platform, _table(platform, use_case, contract.dataset))
    except Missing:
        return ""
    return max((each.values[0] for each in found), default="")


def _table(platform: Platform, use_case: UseCase, name: str) -> TableFacts:
    return platform.catalogue.table(platform.names.curated_database(use_case.name), name)


def _where(platform: Platform, facts: TableFacts) -> dict[str, tuple[str, str]]:
    """Return each partition's digest and location, as the catalogue has them."""
    if partition_key(facts) is None:
        return {WHOLE: (facts.parameters.get(DIGEST, facts.version_id), facts.location)}
    return {
        each.values[0]: (each.parameters.get(DIGEST, "unknown"), each.location)
        for each in days_of(platform, facts)
    }


def _differences(expected: Mapping[str, str], found: Iterable[ColumnFacts]) -> list[str]:
    types = {column.name: column.type for column in found}
    breaches = []
    for name, kind in expected.items():
        if name not in types:
            breaches.append(f"column {name} is missing (expected type {kind})")
        elif types[name] != kind:
            breaches.append(f"column {name} has type {types[name]}, expected {kind}")
    return breaches
