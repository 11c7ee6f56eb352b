"""A policy file says one thing, or is refused with its line and what was expected."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.backtest.policy import read_policies
from usecases.declaration import load_use_case
from usecases.errors import DeclarationError

ROOT = Path(__file__).resolve().parents[3]
FLIGHTS = ROOT / "usecases" / "flight_delay"


def write(folder: Path, text: str, name: str = "p.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_changes_reach_the_use_case_and_the_rest_stays(tmp_path: Path) -> None:
    text = (
        "name: keen\nkind: governor\nretraining: {max_age: 9d}\nmonitors:\n  drift: {window: 7d}\n"
    )
    policy = read_policies([write(tmp_path, text)])[0]
    declared = load_use_case(FLIGHTS)
    changed = policy.applied(declared)
    assert changed.retraining.max_age == timedelta(days=9)
    assert changed.retraining.cool_down == declared.retraining.cool_down
    assert changed.monitors.drift.window == timedelta(days=7)
    assert changed.monitors.drift.tables == declared.monitors.drift.tables
    assert changed.gates == declared.gates


def test_a_policy_without_changes_is_the_declaration(tmp_path: Path) -> None:
    policy = read_policies([write(tmp_path, "name: own\nkind: governor\n")])[0]
    declared = load_use_case(FLIGHTS)
    assert policy.applied(declared) == declared


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: a\nkind: governor\nretraining:\n  max_agee: 9d\n", "p.yaml:4: retraining.max_agee"),
        ("name: a\nkind: governor\nretraining:\n  max_age: 9\n", "p.yaml:4: retraining.max_age"),
        ("name: a\nkind: sometimes\n", "p.yaml:2: kind"),
        ("name: a\nkind: every\n", "every: kind is every"),
        ("name: a\nkind: weekly\nevery: 7d\n", "p.yaml:3: every: kind is weekly"),
        ("name: a\nkind: every\nevery: 36h\n", "p.yaml:3: every: not whole days"),
        ("name: a\nkind: every\nevery: 0d\n", "p.yaml:3: every: not whole days"),
        ("name: a\nkind: weekly\nretraining: {max_age: 9d}\n", "reads no max_age"),
        ("name: a\nname: b\nkind: never\n", "p.yaml:2: name is here twice"),
        ("kind: never\n", "p.yaml:1: name: missing"),
        ("", "the file is empty"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        read_policies([write(tmp_path, text)])
    assert told in str(caught.value)


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    good = write(tmp_path, "name: a\nkind: never\n", "one.yaml")
    twice = write(tmp_path, "name: a\nkind: weekly\n", "two.yaml")
    wrong = write(tmp_path, "name: b\nkind: often\n", "three.yaml")
    with pytest.raises(DeclarationError) as caught:
        read_policies([good, twice, wrong, tmp_path / "none.yaml"])
    assert len(caught.value.problems) == 3


def test_the_policies_that_are_shipped_can_be_read() -> None:
    found = read_policies(sorted((FLIGHTS / "policies").glob("*.yaml")))
    assert {each.name for each in found} == {"never", "monthly", "weekly", "drift", "governor"}
    shipped = {each.name: each for each in found}["governor"]
    assert shipped.applied(load_use_case(FLIGHTS)) == load_use_case(FLIGHTS)
