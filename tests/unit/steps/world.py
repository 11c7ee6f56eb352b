"""A small training set that a model can learn from, and the steps run on it in a folder."""

from __future__ import annotations

import hashlib
import json
import tarfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.steps import bias, evaluate, judge, prepare, train, validate

if TYPE_CHECKING:
    from pathlib import Path

START = np.datetime64("2013-01-01T00:00:00", "us")
CARRIERS = np.array(["UA", "B6", "AA", "DL"])


def config(**changes: Any) -> dict[str, Any]:
    """A step configuration as a use case would declare it."""
    document = {
        "use_case": "flight_delay",
        "label": "arr_delayed",
        "event_time": "event_time",
        "id": "flight_id",
        "features": [
            {"name": "carrier", "kind": "categorical"},
            {"name": "night", "kind": "categorical"},
            {"name": "hour", "kind": "numeric"},
            {"name": "wind", "kind": "numeric"},
        ],
        "split": {"validation_days": 4, "test_days": 4},
        "hyperparameters": {"num_iterations": 40, "num_leaves": 7, "learning_rate": 0.2},
        "seed": 7,
        "minimum_rows": 500,
        "gates": [
            {"gate": "performance", "minimum_auc": 0.6},
            {"gate": "champion", "tolerance": 0.05},
            {"gate": "schema"},
            {"gate": "size", "minimum_test_rows": 50},
        ],
        "bias_facets": ["carrier"],
        "decision_threshold": 0.4,
    }
    return document | changes


def rows(count: int = 3000, seed: int = 1) -> dict[str, Any]:
    """Columns of flights over 30 days; lateness depends on the hour, the wind and the carrier."""
    random = np.random.default_rng(seed)
    moments = START + np.sort(random.integers(0, 30 * 86_400, count)) * np.timedelta64(1, "s")
    hour = random.integers(5, 24, count)
    wind = np.where(random.random(count) < 0.1, np.nan, random.gamma(2.0, 5.0, count))
    carrier = random.integers(0, len(CARRIERS), count)
    odds = -3.0 + 0.12 * hour + 0.06 * np.nan_to_num(wind, nan=10.0) + 0.4 * (carrier == 1)
    labels = (random.random(count) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    return {
        "flight_id": [f"F{seed}-{at}" for at in range(count)],
        "event_time": moments,
        "arr_delayed": labels,
        "carrier": CARRIERS[carrier].tolist(),
        "night": hour > 20,
        "hour": hour,
        "wind": pa.array(wind, from_pandas=True),
    }


def write_set(folder: Path, columns: dict[str, Any], files: int = 2) -> str:
    """Write a training set with its manifest and give the manifest's sha256."""
    table = pa.table(columns)
    size = -(-table.num_rows // files) or 1
    listed = []
    for at in range(files):
        # Athena's own files have no suffix, other writers' have.
        path = folder / "data" / (f"part-{at}.parquet" if at == 0 else f"part-{at}")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = table.slice(at * size, size)
        pq.write_table(part, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        listed.append({"path": f"data/{path.name}", "sha256": digest, "rows": part.num_rows})
    content = json.dumps({"files": listed, "rows": table.num_rows}).encode()
    (folder / "manifest.json").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


class Run:
    """The places of one pipeline run, and its steps called as the containers call them."""

    def __init__(self, root: Path, columns: dict[str, Any] | None = None, **changes: Any) -> None:
        self.root = root
        self.config = root / "config" / "config.json"
        self.config.parent.mkdir(parents=True)
        self.config.write_text(json.dumps(config(**changes)))
        self.sha256 = write_set(root / "set", rows() if columns is None else columns)
        self.champion = root / "champion"
        self.champion.mkdir()
        (self.champion / "none.json").write_text("{}")
        self.champion_arn = "none"

    @property
    def message(self) -> str:
        """What the last failing step left behind."""
        return (self.root / "message").read_text()

    @property
    def model(self) -> Path:
        return self.root / "model" / "model.tar.gz"

    def report(self, name: str) -> Any:
        return json.loads((self.root / "out" / name).read_text())

    def validate(self) -> int:
        options = {"training-set": "set", "output": "out", "config": self.config}
        return self._call(validate, options, {"training-set-sha256": self.sha256})

    def prepare(self) -> int:
        options: dict[str, Any] = {"training-set": "set", "config": self.config}
        options |= {part: part for part in ("train", "validation", "test", "encoding")}
        return self._call(prepare, options)

    def train(self) -> int:
        options: dict[str, Any] = {"config": "config", "model-dir": "model_dir"}
        options |= {part: part for part in ("train", "validation", "encoding")}
        status = self._call(train, options)
        if status == 0:
            self.model.parent.mkdir(exist_ok=True)
            with tarfile.open(self.model, "w:gz") as tar:
                tar.add(self.root / "model_dir", ".")
        return status

    def evaluate(self) -> int:
        options = {"test": "test", "model": "model", "champion": "champion", "output": "out"}
        more = {"config": str(self.config), "champion-package-arn": self.champion_arn}
        return self._call(evaluate, options, more)

    def bias(self) -> int:
        options = {"test": "test", "model": "model", "config": self.config, "output": "out"}
        return self._call(bias, options)

    def judge(self) -> int:
        options: dict[str, Any] = {"config": self.config, "model": self.model, "output": "out"}
        options |= {"data-report": "out/data_report.json", "bias": "out/bias.json"}
        return self._call(judge, options | {"evaluation": "out/evaluation.json"})

    def all(self) -> list[int]:
        steps = (self.validate, self.prepare, self.train, self.evaluate, self.bias, self.judge)
        return [step() for step in steps]

    def _call(self, step: Any, places: dict[str, Any], plain: dict[str, str] | None = None) -> int:
        argv = ["--message", str(self.root / "message")]
        for name, place in places.items():
            argv += [f"--{name}", str(self.root / place)]
        for name, value in (plain or {}).items():
            argv += [f"--{name}", value]
        return step.main(argv)
