"""What a contract's counts mean for the partitions, and how it is said."""

from __future__ import annotations

from datetime import datetime, timedelta

from decisions.contracts import Freshness, PartitionCounts, RuleBreach, judge

BREACH = RuleBreach(
    rule="seats.minimum",
    words="seats: 2 rows are not >= 1",
    rows=2,
    examples=({"tailnum": "N1", "seats": "0"},),
)
GOOD = PartitionCounts(partition="2013-01-01", rows=10, newest=datetime(2013, 1, 1, 23))  # noqa: DTZ001
BAD = PartitionCounts(partition="2013-01-02", rows=5, breaches=(BREACH,))


def test_only_the_breaching_partition_is_quarantined_and_all_downstream_is_blocked() -> None:
    verdict = judge("db.planes", [GOOD, BAD])
    assert verdict.clean == ("2013-01-01",)
    assert verdict.quarantined == ("2013-01-02",)
    assert not verdict.passed
    assert verdict.why == (
        "partition 2013-01-02: seats: 2 rows are not >= 1, "
        "for example {'tailnum': 'N1', 'seats': '0'}"
    )


def test_good_rows_pass() -> None:
    verdict = judge("db.planes", [GOOD])
    assert verdict.passed
    assert verdict.why == "10 rows keep the contract."


def test_a_day_on_which_nothing_happened_passes() -> None:
    verdict = judge("db.planes", [GOOD], wanted=["2013-01-01", "2013-01-03"])
    assert verdict.passed
    assert verdict.clean == ("2013-01-01", "2013-01-03")


def test_a_day_that_lost_all_its_rows_is_a_breach() -> None:
    verdict = judge(
        "db.planes", [GOOD], wanted=["2013-01-01", "2013-01-03"], before={"2013-01-03": 7}
    )
    assert verdict.quarantined == ("2013-01-03",)
    assert verdict.why == (
        "db.planes, partition 2013-01-03, is empty: it had 7 rows and lost them all"
    )


def test_a_table_without_a_row_fails() -> None:
    for counts in ([], [PartitionCounts(partition="", rows=0)]):
        verdict = judge("db.planes", counts)
        assert not verdict.passed
        assert verdict.why == "db.planes is empty: nothing landed in the window"


def test_a_breach_that_somebody_accepted_passes_and_says_who_and_why() -> None:
    verdict = judge("db.planes", [GOOD, BAD]).accepting({"2013-01-02": "ann: known test rows"})
    assert verdict.passed
    assert verdict.clean == ("2013-01-01", "2013-01-02")
    assert verdict.why == (
        "10 rows keep the contract. 2013-01-02 breaks seats.minimum, and was accepted by "
        "ann: known test rows."
    )


def test_an_acceptance_of_good_rows_says_nothing() -> None:
    assert judge("db.planes", [GOOD]).accepting({"2013-01-01": "ann: why"}) == judge(
        "db.planes", [GOOD]
    )


def test_a_stale_table_blocks_without_quarantine() -> None:
    landed = datetime(2013, 1, 3)  # noqa: DTZ001
    fresh = judge(
        "db.planes", [GOOD], freshness=Freshness(landed_through=landed, within=timedelta(hours=25))
    )
    assert fresh.passed
    stale = judge(
        "db.planes", [GOOD], freshness=Freshness(landed_through=landed, within=timedelta(hours=24))
    )
    assert not stale.passed
    assert stale.quarantined == ()
    assert (
        "db.planes is stale: its newest row is of 2013-01-01 23:00:00, 1 day, 1:00:00" in stale.why
    )


def test_rows_without_an_event_time_are_not_stale() -> None:
    landed = datetime(2013, 1, 3)  # noqa: DTZ001
    none = PartitionCounts(partition="", rows=3)
    freshness = Freshness(landed_through=landed, within=timedelta(hours=1))
    assert judge("db.planes", [none], freshness=freshness).passed


def test_a_doubt_between_sql_and_pandera_blocks() -> None:
    verdict = judge("db.planes", [GOOD], doubts=["pandera finds what SQL does not"])
    assert not verdict.passed
    assert verdict.why == "pandera finds what SQL does not"
