"""The SQL pass and pandera count the same breaches, rule by rule, whatever is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings

from tests.unit.usecases.contracts.agreement import by_pandera, by_sql, contracts, rows

if TYPE_CHECKING:
    from usecases.contracts.contract import Contract


@settings(max_examples=60, deadline=None)
@given(contracts(), rows())
def test_sql_and_pandera_count_the_same(contract: Contract, found: list[dict[str, Any]]) -> None:
    assert by_sql(contract, found)[""] == by_pandera(contract, found)


@settings(max_examples=20, deadline=None)
@given(contracts(), rows())
def test_partitions_add_up(contract: Contract, found: list[dict[str, Any]]) -> None:
    """Each row is counted in its own partition, and duplicates are found across partitions."""
    whole = by_sql(contract, found)[""]
    parts = by_sql(contract, found, partition_key="dt")
    assert set(parts) == {row["dt"] for row in found}
    summed = {name: sum(part[name] for part in parts.values()) for name in whole}
    assert summed == whole


@settings(max_examples=20, deadline=None)
@given(contracts(), rows())
def test_chosen_partitions_are_judged_alone(
    contract: Contract, found: list[dict[str, Any]]
) -> None:
    chosen = by_sql(contract, found, partition_key="dt", only=["it's"])
    own = [row for row in found if row["dt"] == "it's"]
    assert set(chosen) == ({"it's"} if own else set())
    if own:
        assert chosen["it's"] == by_pandera(contract, own)
