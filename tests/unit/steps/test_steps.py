"""The steps one after the other on real files: what they write, and what they refuse."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.steps import inference, train, validate
from pipelines.steps.command import StepError
from pipelines.steps.config import parse_config
from pipelines.steps.model_io import open_model
from tests.unit.steps.world import Run, config, rows
from usecases.declaration import load_use_case

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One good run, shared by tests that only read it."""
    found = Run(tmp_path_factory.mktemp("run"))
    assert found.all() == [0] * 6
    return found


def test_a_good_set_ends_in_a_gate_report_bound_to_its_evidence(run: Run) -> None:
    report = run.report("gate_report.json")
    assert report["passed"] is True
    evaluation = run.report("evaluation.json")
    assert report["model_sha256"] == evaluation["model_sha256"]
    assert 0.6 < evaluation["challenger"]["auc"] < 1.0
    assert evaluation["champion"] is None
    assert sum(evaluation["feature_importance"].values()) == pytest.approx(1.0)
    assert {facet["value"] for facet in run.report("bias.json")["facets"]} == {
        "AA", "B6", "DL", "UA",
    }  # fmt: skip


def test_split_is_by_time_and_test_keeps_raw_columns(run: Run) -> None:
    test = pq.read_table(run.root / "test" / "data.parquet")
    assert set(test["carrier"].to_pylist()) == {"AA", "B6", "DL", "UA"}
    times = test["event_time"].to_numpy()
    assert times.max() - times.min() <= np.timedelta64(4, "D")
    parts = [
        pq.read_metadata(run.root / part / "data.parquet").num_rows
        for part in ("train", "validation", "test")
    ]
    assert sum(parts) == 3000
    assert run.report("data_report.json")["rows"] == 3000


def test_the_same_input_gives_the_same_model_whatever_the_order_of_rows(
    run: Run, tmp_path: Path
) -> None:
    columns = rows()
    order = np.random.default_rng(5).permutation(len(columns["hour"]))
    again = Run(tmp_path, {name: pa.array(v).take(order) for name, v in columns.items()})
    again.validate(), again.prepare(), again.train()
    for name in ("model.txt", "model.json", "code/inference.py"):
        assert (again.root / "model_dir" / name).read_bytes() == (
            run.root / "model_dir" / name
        ).read_bytes()


def test_champion_is_measured_on_the_same_rows(run: Run, tmp_path: Path) -> None:
    challenger = Run(tmp_path, rows(seed=2))
    (challenger.champion / "none.json").unlink()
    shutil.copy(run.model, challenger.champion / "model.tar.gz")
    challenger.champion_arn = "arn:aws:sagemaker:us-east-1:555555555555:model-package/f/1"
    assert challenger.all() == [0] * 6
    report = challenger.report("evaluation.json")
    assert report["champion"]["rows"] == report["challenger"]["rows"]
    assert report["champion_sha256"] != report["model_sha256"]


@pytest.mark.parametrize("arn", ["none", "arn:some"])
def test_a_champion_that_contradicts_its_parameter_is_an_error(
    run: Run, tmp_path: Path, arn: str
) -> None:
    empty = shutil.copytree(run.root, tmp_path / "copy") / "champion"
    copied = Run.__new__(Run)
    copied.__dict__ |= run.__dict__ | {"root": tmp_path / "copy", "champion_arn": arn}
    if arn == "none":
        (empty / "none.json").unlink()
    assert copied.evaluate() == 1
    assert "ChampionPackageArn" in copied.message


def test_the_probe_is_answered_by_the_serving_path(run: Run, tmp_path: Path) -> None:
    probe = run.report("probe.json")
    assert 1 <= len(probe["instances"]) <= 5
    model = open_model(run.model, tmp_path, "the challenger")
    body = json.dumps({"instances": probe["instances"]})
    answers = json.loads(
        inference.output_fn(
            inference.predict_fn(inference.input_fn(body, "application/json"), model), "*/*"
        )
    )["predictions"]
    assert [answer["probability"] for answer in answers] == pytest.approx(
        probe["expected"], abs=1e-9
    )


def changed(name: str, value: Any) -> dict[str, Any]:
    return rows() | {name: value}


BAD_SETS = {
    "single class": (changed("arr_delayed", [1] * 3000), "single class: 1"),
    "null label": (changed("arr_delayed", pa.nulls(3000)), "null in every row"),
    "some null labels": (changed("arr_delayed", [0, 1, None] * 1000), "null in 1000 of 3000"),
    "odd label": (changed("arr_delayed", [0, 1, 2] * 1000), "value 2"),
    "duplicate": (changed("flight_id", ["a", "b"] * 1500), "repeats in 2998 rows"),
    "wrong type": (changed("wind", ["much"] * 3000), "numeric feature wind is string"),
    "empty": ({name: pa.array(v)[:0] for name, v in rows().items()}, "empty"),
    "too few": ({name: pa.array(v)[:9] for name, v in rows().items()}, "9 rows, at least 500"),
    "missing": ({n: v for n, v in rows().items() if n != "wind"}, "column wind is missing"),
}


@pytest.mark.parametrize("name", BAD_SETS)
def test_validate_refuses_what_cannot_be_trained_on(tmp_path: Path, name: str) -> None:
    columns, expected = BAD_SETS[name]
    bad = Run(tmp_path, columns)
    assert bad.validate() == 1
    assert expected in bad.message
    assert "build the training set again" in bad.message
    assert not (tmp_path / "out").exists()


def test_smaller_faults_are_reported_and_refused_by_the_schema_gate(tmp_path: Path) -> None:
    poor = Run(tmp_path, changed("wind", pa.nulls(3000, pa.float64())))
    assert poor.all() == [0] * 6
    assert poor.report("data_report.json")["problems"] == ["the feature wind is null in every row"]
    report = poor.report("gate_report.json")
    assert report["passed"] is False
    assert [r["gate"] for r in report["results"] if not r["passed"]] == ["schema"]


def test_a_file_that_changed_after_the_manifest_is_refused(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with (tmp_path / "set/data/part-0.parquet").open("ab") as file:
        file.write(b"x")
    assert run.validate() == 1
    assert "the manifest says" in run.message
    run.sha256 = "0" * 64
    assert run.validate() == 1
    assert "TrainingSetSha256" in run.message


def test_a_part_without_both_classes_is_refused(tmp_path: Path) -> None:
    columns = rows()
    columns["arr_delayed"][-600:] = 0
    run = Run(tmp_path, columns)
    assert (run.validate(), run.prepare()) == (0, 1)
    assert "test part has the single class 0" in run.message


def test_judge_refuses_evidence_about_another_model(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.root, tmp_path / "copy")
    copied = Run.__new__(Run)
    copied.__dict__ |= run.__dict__ | {"root": tmp_path / "copy"}
    copied.model.write_bytes(run.model.read_bytes() + b"\0")
    assert copied.judge() == 1
    assert "expected the same artifact" in copied.message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"hyperparameters": {"objective": "poisson"}}, "hyperparameters.objective"),
        ({"hyperparameters": {"num_iterations": "many"}}, "expected a whole number"),
        ({"gates": [{"gate": "luck"}]}, "gates.0"),
        ({"colour": "red"}, "unknown field"),
        ({"minimum_rows": "500"}, "minimum_rows is '500'"),
        ({"features": []}, "features"),
    ],
)
def test_a_bad_configuration_fails_before_training(
    tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    run = Run(tmp_path, **change)
    assert run.validate() == 1
    assert expected in run.message


def test_a_training_failure_is_where_sagemaker_looks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path, hyperparameters={"num_leaves": 1})
    assert (run.validate(), run.prepare()) == (0, 0)
    for part in ("train", "validation", "encoding", "config"):
        monkeypatch.setenv(f"SM_CHANNEL_{part.upper()}", str(tmp_path / part))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model_dir"))
    monkeypatch.setenv("SM_OUTPUT_DATA_DIR", str(tmp_path / "output" / "data"))
    assert train.main([]) == 1
    assert "LightGBM refused to train" in (tmp_path / "output" / "failure").read_text()
    assert not (tmp_path / "model_dir").exists()


@pytest.mark.parametrize("name", ["flight_delay"])
def test_the_declared_use_case_is_a_configuration(tmp_path: Path, name: str) -> None:
    declared = load_use_case(ROOT / "usecases" / name).step_config()
    found = parse_config(json.loads(json.dumps(declared)), "config.json")
    validate.check_gates(found)
    train.parameters(found)


def test_configuration_reads_the_declared_columns_once() -> None:
    found = parse_config(config(), "config.json")
    assert found.columns == (
        "flight_id", "event_time", "arr_delayed", "carrier", "night", "hour", "wind",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"../model.txt": b"x", "model.json": b"{}"}, "has ['model.json']"),
        ({"model.txt": b"x", "model.json": b'{"format": 9}'}, "format 9"),
        ({"model.txt": b"no booster", "model.json": b'{"format": 1}'}, "cannot be loaded"),
        (None, "cannot be unpacked"),
    ],
)
def test_a_hostile_artifact_is_refused(
    tmp_path: Path, members: dict[str, bytes] | None, expected: str
) -> None:
    archive = tmp_path / "model.tar.gz"
    archive.write_bytes(b"not a tar")
    if members is not None:
        with tarfile.open(archive, "w:gz") as tar:
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    place = tmp_path / "open"
    place.mkdir()
    with pytest.raises(StepError, match=expected.replace("[", r"\[")):
        open_model(archive, place, "the champion")
    assert not (tmp_path / "model.txt").exists()
