"""A declaration is read whole or not at all, and every mistake says where it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from usecases.declaration import UseCase, load_use_case, load_use_cases, use_case_roots
from usecases.errors import DeclarationError
from usecases.fields import Column

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "usecases" / "flight_delay"
FIXTURES = ROOT / "tests" / "fixtures" / "usecases"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REFERENCE, tmp_path / "flight_delay"))


def edit(folder: Path, old: str, new: str, file: str = "usecase.yaml") -> int:
    """Replace the first occurrence and give the line it stands on."""
    path = folder / file
    text = path.read_text()
    assert old in text, old
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def problems(folder: Path) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        load_use_case(folder)
    return str(caught.value).splitlines()


def test_both_models_load_and_cross_to_the_steps_as_json() -> None:
    loaded = load_use_cases(ROOT / "usecases", FIXTURES)
    assert [use_case.name for use_case in loaded] == ["flight_cancellation", "flight_delay"]
    config = loaded[1].step_config()
    assert json.loads(json.dumps(config)) == config
    assert config["label"] == "arr_delayed"
    assert [feature["name"] for feature in config["features"]][:3] == ["carrier", "origin", "dest"]
    assert loaded[1].reads("flights_labelled") == ("flights",)


def test_the_digest_follows_what_is_said_not_where_it_lies(folder: Path) -> None:
    before = load_use_case(folder).digest
    assert before == load_use_case(REFERENCE).digest
    edit(folder, "arr_delay > 15", "arr_delay > 20", "sql/flights_labelled.sql")
    after = load_use_case(folder).digest
    assert after != before
    edit(folder, "seed: 7", "seed: 8")
    assert load_use_case(folder).digest != after


def test_a_use_case_cannot_be_changed() -> None:
    use_case = load_use_case(REFERENCE)
    with pytest.raises(ValueError, match="frozen"):
        use_case.seed = 8  # type: ignore[misc]


WRONG = {
    "unknown field": ("seed: 7", "seeed: 7", "seeed: unknown field", "did you mean seed?"),
    "unknown nested field": ("window: 365d", "windw: 84d", "training_set.windw", "window"),
    "text for a number": ("seed: 7", "seed: seven", 'seed: "seven" is wrong', "valid integer"),
    "number for text": ("title: Flight delay", "title: 7", "title: 7 is wrong", "string"),
    "bad duration": ("window: 365d", "window: 84 days", "window", 'expected for example "12h"'),
    "no first day": ("nycflights\n  start: 2013-01-01\n", "nycflights\n",
                     "partitioned by day: flights, weather", "add for example start"),
    "bad first day": ("start: 2013-01-01", "start: 1 Jan", "sources.start", "correct the"),
    "lag twice": ("freshness: 36h", "freshness: 36h\n      sla: {event_time_lag: 1d}",
                  "the lag is allowed twice", "remove freshness"),
    "no wait at all": ("freshness: 36h", "sla: {arrival: 0m}", "shorter than a minute", "lengthen"),
    "unknown table format": (
        "primary_key: [flight_id]", "primary_key: [flight_id]\n    table_format: orc",
        "datasets.0.table_format", "'parquet' or 'iceberg'"),
    "retention of an hour": ("seed: 7", "seed: 7\nretention: {superseded: 1h}",
                             "retention.superseded: shorter than a day", "1d or more"),
    "quarantine of an hour": ("seed: 7", "seed: 7\nretention: {quarantined: 1h}",
                              "retention.quarantined: shorter than a day", "1d or more"),
    "unknown refresh": ("start: 2013", "refresh: a\n  start: 2013", "sources.refresh", "'on_l"),
    "bad owner": ("team:flight-operations", "nobody", "owner", "team:"),
    "unknown gate": ("gate: schema", "gate: shcema", "gates.0", "'performance'"),
    "bad gate parameter": ("minimum_auc: 0.6", "minimum_auc: 6", "minimum_auc", "le 1"),
    "unknown gate parameter": ("minimum_auc", "auc", "gates.2.auc", "one of blocking, gate, min"),
    "no schedule": ("max_age: 13d", 'max_age: 13d\n  schedule: "60 6 * * 1"', "minute '60' is",
                    'for example "0 6 * * 1"'),
    "a schedule of two days": ("max_age: 13d", 'max_age: 13d\n  schedule: "0 6 1 * 1"',
                               "retraining.schedule", "day of week"),
    "back-off swapped": ("back_off: 5m", "back_off: 9h", "longer than maximum", "shorten it"),
    "no price": ("max_age: 13d", "max_age: 13d\n  budget: {monthly_usd: 0}",
                 "retraining.budget.monthly_usd", "gt 0"),
    "dearer run than month": ("max_age: 13d",
                              "max_age: 13d\n  budget: {monthly_usd: 1, per_run_usd: 2}",
                              "budget.per_run_usd: 2.0 is more than monthly_usd", "raise that"),
    "unknown budget": ("max_age: 13d", "max_age: 13d\n  budget: {montly_usd: 1}",
                       "budget.montly_usd: unknown field", "did you mean monthly_usd?"),
    "blackout without time": ("max_age: 13d", "max_age: 13d\n  blackout:\n    - {reason: r}",
                              "blackout.0: no time is named", "days: [sat, sun]"),
    "blackout of both kinds": (
        "max_age: 13d", "max_age: 13d\n  blackout:\n    - {days: [sat], first: 2026-01-01}",
        "weekdays and dates in one window", "two windows"),
    "blackout with one end": ("max_age: 13d", "max_age: 13d\n  blackout:\n    - {start: '22:00'}",
                              "only one end is named", "start and end"),
    "blackout of one day": ("max_age: 13d", "max_age: 13d\n  blackout:\n    - {last: 2026-01-01}",
                            "only one end is named", "first and last"),
    "blackout backwards": (
        "max_age: 13d",
        "max_age: 13d\n  blackout:\n    - {first: 2026-01-02, last: 2026-01-01}",
        "2026-01-02 comes after 2026-01-01", "swap them"),
    "blackout for ever": (
        "max_age: 13d",
        "max_age: 13d\n  blackout: [{days: [mon, tue, wed, thu, fri, sat, sun]}]",
        "covers the whole week", "shorten a window"),
    "no weekday": ("max_age: 13d", "max_age: 13d\n  blackout: [{days: [monday]}]",
                   "blackout.0.days.0", "'mon'"),
    "no time of day": ("max_age: 13d", "max_age: 13d\n  blackout: [{start: noon, end: '13:00'}]",
                       "not a time of the day", '"22:00", in quotes'),
    "NaN": ("minimum_auc: 0.6", "minimum_auc: .nan", "minimum_auc", "valid number"),
    "unknown dataset": ("dataset: planes", "dataset: planet", "no dataset planet", "planes"),
    "unknown group": ("group: weather,", "group: wether,", "no feature group wether", "weather"),
    "unknown label": ("column: arr_delayed", "column: late", "unknown column late", "arr_delayed"),
    "wrong kind": ("dewp: numeric", "dewp: categorical", "dewp is double", "string"),
    "unknown feature": ("humid: numeric", "humidity: numeric", "column humidity", "declare"),
    "wrong join key": ("key: tailnum", "key: distance", "distance is a bigint", "string, like"),
    "facet is no feature": ("facets: [carrier", "facets: [seats", "seats", "carrier, dest, origin"),
    "bounds on text": ("dest: {type: string}", "dest: {type: string, minimum: 1}", "bounds", "num"),
    "nothing within bounds": (
        "minimum: 0, maximum: 23", "exclusive_minimum: 9, maximum: 8", "no number lies", "mend",
    ),
    "a pattern on a number": (
        "minimum: 0, maximum: 23", 'pattern: "[0-9]"', "pattern on a bigint", "a string",
    ),
    "a pattern that engines read differently": (
        "dest: {type: string}", 'dest: {type: string, pattern: "^[A-Z]+$"}',
        "columns.dest.pattern: a bare ^", "needs no anchors",
    ),
    "a double as a key": (
        "primary_key: [tailnum]", "primary_key: [plane_year]", "a double as a key", "CAST",
    ),
    "a rule on an unknown column": (
        "primary_key: [tailnum]",
        "rules: [{name: sits, sql: 'chairs > 0'}]\n    primary_key: [tailnum]",
        "rules.0.sql: unknown column chairs", "one of tailnum, event_time",
    ),
    "a rule that aggregates": (
        "primary_key: [tailnum]",
        "rules: [{name: sits, sql: 'max(seats) > 0'}]\n    primary_key: [tailnum]",
        "MAX(seats) cannot be judged alike", "columns, numbers",
    ),
    "a rule's name taken": (
        "primary_key: [tailnum]",
        "rules: [{name: primary_key, sql: 'seats > 0'}]\n    primary_key: [tailnum]",
        "primary_key is taken", "rename",
    ),
    "a bound too large": (
        "seats: {type: bigint, minimum: 1}", "seats: {type: bigint, minimum: 1.0e+300}",
        "1e+300", "at most 9007199254740992",
    ),
    "swapped bounds": ("minimum: 0, maximum: 23", "minimum: 23, maximum: 0", "exceeds", "swap"),
    "window too short": ("window: 365d", "window: 9d", "9 days", "more than the 10 days"),
    "stages out of order": ("[dev, staging, prod]", "[prod, dev]", "order prod, dev", "dev"),
    "monitored column": ("dep_delay: num", "delay: num", "unknown column delay", "declare"),
    "sql is not there": ("sql/planes.sql", "sql/plane.sql", "does not exist", "create it"),
    "sql lies outside": ("sql/planes.sql", "../planes.sql", "lies outside", "inside the use case"),
    "name and folder": ("name: flight_delay\n", "name: flights\n", "not the folder's", "rename"),
    "duplicate key": ("seed: 7", "seed: 7\nseed: 8", "seed is here twice", "remove one"),
    "alias": ("seed: 7", "seed: &a 7", "an alias or anchor", "write the value out"),
    "tag": ("seed: 7", "seed: !!python/name:os.system", "the tag", "remove the tag"),
    "not YAML": ("seed: 7", "seed: [7", "not YAML", "mend the line"),
    "computed field": ("seed: 7", "seed: 7\nqueries: {}", "queries: unknown field", "remove it"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", sorted(WRONG))
def test_every_mistake_names_file_line_and_remedy(folder: Path, mistake: str) -> None:
    old, new, said, helped = WRONG[mistake]
    line = edit(folder, old, new)
    told = problems(folder)
    about = [text for text in told if said in text]
    assert about, told
    assert helped in about[0]
    assert "; expected " in about[0]
    found = int(about[0].removeprefix(f"{folder / 'usecase.yaml'}:").split(":")[0])
    assert line - 1 <= found <= line + 2, about[0]


WRONG_SQL = {
    "unknown column": ("tailnum,", "tail_number,", 9, "'tail_number' could not be resolved"),
    "unknown table": ("nycflights.flights", "nycflights.fights", 14, "unknown table"),
    "another database": ("nycflights.flights", "secrets.flights", 14, "unknown table secrets"),
    "undeclared output": ("  dest,", "  dest, dest AS dest2,", 1, "undeclared ['dest2']"),
    "missing output": ("  dest,", "", 1, "missing ['dest']"),
    "star": ("  dest,", "  *,", 1, "columns differ"),
    "unknown placeholder": (":as_of", ":today", 21, "unknown placeholder :today"),
    "not SQL": ("SELECT", "SELECTED", 3, "cannot be parsed"),
    "two statements": ("SELECT\n", "SELECT 1; SELECT\n", 1, "2 statement(s)"),
    "no query": ("SELECT\n  flight_id", "DROP TABLE x; SELECT\n  flight_id", 1, "statement"),
}


@pytest.mark.parametrize("mistake", sorted(WRONG_SQL))
def test_every_mistake_in_sql_names_its_file_and_line(folder: Path, mistake: str) -> None:
    old, new, line, said = WRONG_SQL[mistake]
    edit(folder, old, new, "sql/flights_labelled.sql")
    (told,) = problems(folder)
    assert said in told
    assert told.startswith(f"{folder / 'sql' / 'flights_labelled.sql'}:"), told
    assert abs(int(told.split(":")[1]) - line) <= 1, told


def test_an_instance_without_a_price_asks_for_one_where_there_is_a_budget(folder: Path) -> None:
    edit(folder, "ml.m5.xlarge", "ml.new.huge")
    load_use_case(folder)
    edit(folder, "max_age: 13d", "max_age: 13d\n  budget: {monthly_usd: 5}")
    (told,) = problems(folder)
    assert "ml.new.huge has no list price here" in told
    assert "add usd_per_hour: {ml.new.huge: 1.23} under budget" in told
    edit(folder, "{monthly_usd: 5}", "{monthly_usd: 5, usd_per_hour: {ml.new.huge: 9.5}}")
    use_case = load_use_case(folder)
    found = use_case.retraining.ceiling_usd(use_case.compute)
    assert found == pytest.approx(5 * 0.115 + 9.5)


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    edit(folder, "seed: 7", "seed: seven")
    edit(folder, "window: 365d", "window: long")
    edit(folder, "owner: team:flight-operations\n", "")
    told = problems(folder)
    assert len(told) == 3
    assert any("owner: missing" in text for text in told)


def test_one_broken_folder_is_told_with_the_others(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(FIXTURES / "flight_cancellation", tmp_path / "flight_cancellation")
    edit(folder, "seed: 7", "seed: seven")
    edit(tmp_path / "flight_cancellation", "seed: 11", "seed: eleven")
    with pytest.raises(DeclarationError) as caught:
        load_use_cases(tmp_path)
    assert len(caught.value.problems) == 2


def test_a_name_is_declared_once(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DeclarationError, match="is declared in"):
        load_use_cases(tmp_path, ROOT / "usecases")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"- a\n- b\n", "not a mapping"),
        (b"name: \xff\xfe\n", "not UTF-8"),
        (b"a: " + b"[" * 30_000, "deeper than 20"),
        (b"a: " + b"9" * 5_000, "unreadable"),
        (b"a: 1\n" + b"#" * 300_000, "at most 262144"),
        (b"a: 1\n---\nb: 2\n", "not YAML"),
        (b"? {a: b}\n: 1\n", "a key that is not a word"),
        (b"a: &x [1]\nb: [*x, *x]\n", "alias or anchor"),
    ],
)
def test_hostile_files_are_refused_in_one_sentence(folder: Path, content: bytes, said: str) -> None:
    (folder / "usecase.yaml").write_bytes(content)
    with pytest.raises(DeclarationError, match=said):
        load_use_case(folder)


def test_a_folder_without_a_declaration_and_a_root_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="there is no such file"):
        load_use_case(tmp_path)
    with pytest.raises(DeclarationError, match="PERENNIAL_USECASES"):
        load_use_cases(tmp_path / "nowhere")
    assert load_use_cases(tmp_path) == ()


def test_further_roots_come_from_the_environment(tmp_path: Path) -> None:
    roots = use_case_roots({"PERENNIAL_USECASES": f"{FIXTURES}:{tmp_path}"})
    assert roots == (ROOT / "usecases", FIXTURES, tmp_path)
    assert use_case_roots({}) == (ROOT / "usecases",)


def test_a_column_may_be_called_like_a_yaml_boolean(folder: Path) -> None:
    edit(
        folder, "tailnum: string\n        hour", "tailnum: string\n        no: string\n        hour"
    )
    assert "no" in load_use_case(folder).sources.tables["flights"].columns


def test_models_keep_their_meaning_through_json() -> None:
    use_case = load_use_case(REFERENCE)
    again = UseCase.model_validate_json(use_case.model_dump_json())
    assert again.digest == use_case.digest
    assert not Column(type="string").nullable
