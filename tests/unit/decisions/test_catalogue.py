"""Comparing two looks at a catalogue: what was added, restated, removed; which columns moved."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from decisions.catalogue import (
    GONE,
    compare,
    partition_version,
    schema_drift,
    table_version,
)

NOON = datetime(2013, 3, 1, 12)  # noqa: DTZ001 - the project's times are naive UTC
values = st.text(min_size=1, max_size=6)
looks = st.dictionaries(values, st.sampled_from(["a", "b", "c"]), max_size=8)
columns = st.dictionaries(values, st.sampled_from(["string", "double", "bigint"]), max_size=6)


@given(before=looks, now=looks)
def test_every_partition_is_told_once_and_what_is_told_leads_from_one_look_to_the_next(
    before: dict[str, str], now: dict[str, str]
) -> None:
    change = compare(before, now)
    told = [*change.added, *change.restated, *change.removed]
    assert sorted(told) == list(change.touched)
    assert len(set(told)) == len(told)
    rebuilt = {value: version for value, version in before.items() if value not in change.removed}
    rebuilt |= {value: now[value] for value in (*change.added, *change.restated)}
    assert rebuilt == now
    assert compare(now, now).touched == ()


@given(look=looks, gone=values)
def test_a_partition_told_gone_is_absent(look: dict[str, str], gone: str) -> None:
    without = {value: version for value, version in look.items() if value != gone}
    assert compare(without | {gone: GONE}, without).touched == ()
    assert compare(without | {gone: GONE}, without | {gone: "a"}).added == (gone,)


@given(declared=columns, found=columns)
def test_drift_is_exactly_what_differs(declared: dict[str, str], found: dict[str, str]) -> None:
    drift = schema_drift(declared, found)
    assert drift.breaks == (not declared.items() <= found.items())
    assert set(drift.missing) == declared.keys() - found.keys()
    assert set(drift.undeclared) == found.keys() - declared.keys()
    for name, guesses in drift.renamed.items():
        assert all(found[guess] == declared[name] for guess in guesses)
        assert not set(guesses) & declared.keys()


def test_drift_is_said_with_a_guess_at_the_new_name() -> None:
    drift = schema_drift(
        {"seats": "bigint", "year": "double", "tailnum": "string"},
        {"tailnum": "string", "year": "string", 'Sitzplätze "neu"': "bigint", "note": "string"},
        partition_key="dt",
        keys=("day",),
    )
    assert drift.why == (
        'column seats is missing (expected type bigint), renamed to Sitzplätze "neu"?; '
        "column year has type string, expected double; it is partitioned by day, expected dt"
    )
    assert drift.undeclared == ('Sitzplätze "neu"', "note")


def test_further_columns_and_keys_do_no_harm() -> None:
    drift = schema_drift({"a": "int"}, {"a": "int", "b": "int"}, partition_key="dt", keys=("dt",))
    assert not drift.breaks
    assert drift.undeclared == ("b",)


def test_too_many_guesses_are_none() -> None:
    found = {f"c{number}": "string" for number in range(4)}
    assert schema_drift({"name": "string"}, found).renamed == {}


def test_anything_of_an_entry_changes_its_version() -> None:
    def version(
        values: tuple[str, ...] = ("2013-03-01",),
        location: str = "s3://b/1/",
        created: datetime = NOON,
        parameters: tuple[tuple[str, str], ...] = (("sha256", "a"), ("rows", "1")),
    ) -> str:
        return partition_version(values, location, created, dict(parameters))

    same = version(parameters=(("rows", "1"), ("sha256", "a")))
    others = {
        version(values=("2013-03-02",)),
        version(location="s3://b/2/"),
        version(created=NOON + timedelta(seconds=1)),
        version(parameters=(("sha256", "b"), ("rows", "1"))),
    }
    assert version() == same
    assert len(others) == 4
    assert same not in others


def test_an_iceberg_commit_is_a_new_version() -> None:
    def version(metadata: str) -> str:
        parameters = {"table_type": "ICEBERG", "metadata_location": metadata}
        return table_version(
            columns={"a": "int"}, keys={}, location="s3://b/t/", parameters=parameters,
            partitions={},
        )  # fmt: skip

    assert version("s3://b/t/metadata/00001.json") == version("s3://b/t/metadata/00001.json")
    assert version("s3://b/t/metadata/00001.json") != version("s3://b/t/metadata/00002.json")
