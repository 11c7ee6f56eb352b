"""The other monitors' sections: none is needed, each is checked, each mistake says where it is."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from usecases.declaration import UseCase, load_use_case
from usecases.errors import DeclarationError

REFERENCE = Path(__file__).parents[3] / "usecases" / "flight_delay"


def declared(tmp_path: Path, **sections: Any) -> UseCase:
    folder = Path(shutil.copytree(REFERENCE, tmp_path / "flight_delay"))
    path = folder / "usecase.yaml"
    document = yaml.safe_load(path.read_text())
    document["monitors"] = {"drift": document["monitors"]["drift"], **sections}
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return load_use_case(folder)


def test_a_declaration_without_sections_has_every_monitor_by_default(tmp_path: Path) -> None:
    monitors = declared(tmp_path).monitors
    assert monitors.sample.every == timedelta(days=7)
    assert list(monitors.sampled) == [
        "multivariate_drift",
        "prediction_drift",
        "performance_estimate",
        "bias_drift",
        "attribution_drift",
    ]
    assert not any(each.retrains for each in monitors.sampled.values())


def test_a_monitor_that_is_off_is_none(tmp_path: Path) -> None:
    monitors = declared(tmp_path, bias={"enabled": False}, sample={"window": "4w"}).monitors
    assert "bias_drift" not in monitors.sampled
    assert monitors.sample.window == timedelta(days=28)


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"multivariate": {"auc_threshold": 1.5}}, "monitors.multivariate.auc_threshold"),
        ({"multivariate": {"auc": 0.7}}, "monitors.multivariate.auc: unknown field"),
        ({"sample": {"every": "5m"}}, 'every: "5m" is wrong: too short; expected at least 1h'),
        ({"sample": {"every": 7}}, "monitors.sample.every"),
        ({"sample": {"source": "guessed"}}, "monitors.sample.source"),
        ({"sample": {"rows": 10_000_000}}, "monitors.sample.rows"),
        ({"attribution": {"minimum_ndcg": 0}}, "monitors.attribution.minimum_ndcg"),
        ({"bias": {"persistence": 0}}, "monitors.bias.persistence"),
        ({"data_quality": {"retrains": True}}, "monitors.data_quality.retrains"),
    ],
)
def test_a_wrong_section_is_one_problem_with_its_place(
    tmp_path: Path, sections: dict[str, Any], told: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        declared(tmp_path, **sections)
    (problem,) = str(caught.value).splitlines()
    assert told in problem
