"""First step: is this training set what it claims to be, and can a model be made of it?

Fails before money is spent on training. Smaller faults go into `data_report.json`, for the schema
gate to judge. Nothing is repaired here.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter, ValidationError

from decisions.gates import Gate
from decisions.reports import ColumnReport, DataReport
from pipelines.steps import command, data, train
from pipelines.steps.command import ML_INPUT, ML_OUTPUT, StepError
from pipelines.steps.config import Feature, StepConfig, read_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WHAT = "the training set"
_MEND = "Mend the SQL or the source behind it, build the training set again, then retrain."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step; the options are its contract."""
    parser = command.parser("validate", __doc__ or "")
    parser.add_argument("--training-set", type=Path, default=Path(ML_INPUT, "training_set"))
    parser.add_argument("--training-set-sha256", default="", help="sha256 of manifest.json's bytes")
    parser.add_argument("--config", type=Path, default=Path(ML_INPUT, "config/config.json"))
    parser.add_argument("--output", type=Path, default=Path(ML_OUTPUT, "data_report"))
    found = parser.parse_args(command.arguments(argv))

    def body() -> None:
        config = read_config(found.config)
        check_gates(config)
        train.parameters(config)  # refuses what the pipeline decides itself
        table = read_training_set(found.training_set, found.training_set_sha256)
        report = inspect(table, config)
        command.write_json(found.output / "data_report.json", report.model_dump(mode="json"))
        print(f"rows={report.rows} label_rate={report.label_rate} problems={len(report.problems)}")
        for problem in report.problems:
            print(f"problem: {problem}")

    return command.run("validate", body, found.message)


def check_gates(config: StepConfig) -> None:
    """Refuse gates that `judge` could not read, before anything was trained.

    Raises:
        StepError: A gate is unknown or has a wrong parameter.
    """
    try:
        TypeAdapter(tuple[Gate, ...]).validate_python(config.gates)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StepError(
            f"config.json: gates.{where}: {first['msg']}; got {first['input']!r}. "
            "Mend the gate in the use case's declaration."
        ) from error


def read_training_set(folder: Path, manifest_sha256: str) -> Any:
    """Read the files that the manifest lists, each checked against its sha256.

    Raises:
        StepError: The manifest is not the expected one, or a file is missing or differs.
    """
    path = folder / "manifest.json"
    manifest = command.read_json(path, f"{_WHAT}'s manifest")
    found = command.sha256_of(path)
    if manifest_sha256 and found != manifest_sha256:
        raise StepError(
            f"{path} has sha256 {found}; expected {manifest_sha256} (parameter TrainingSetSha256). "
            "The set was changed after it was named; build it again."
        )
    return pa.concat_tables(
        [_read_listed(folder, entry) for entry in _entries(manifest, path)],
        promote_options="permissive",
    )


def _entries(manifest: Any, path: Path) -> list[dict[str, Any]]:
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, list) or not files:
        raise StepError(f'{path} lists no files; expected {{"files": [{{"path", "sha256"}}]}}.')
    for entry in files:
        relative = PurePosixPath(str(entry.get("path", ""))) if isinstance(entry, dict) else None
        if relative is None or relative.is_absolute() or ".." in relative.parts:
            raise StepError(f"{path} lists {entry!r}; expected a path below the manifest's folder.")
    return files


def _read_listed(folder: Path, entry: dict[str, Any]) -> Any:
    path = folder / entry["path"]
    if not path.is_file():
        raise StepError(f"{path} is missing though the manifest lists it. {_MEND}")
    found = command.sha256_of(path)
    if found != entry.get("sha256"):
        raise StepError(
            f"{path} has sha256 {found}; the manifest says {entry.get('sha256')}. {_MEND}"
        )
    return data.read_table(path, _WHAT)


def inspect(table: Any, config: StepConfig) -> DataReport:
    """Look at every column and say what is wrong.

    Raises:
        StepError: Names every fault that makes training pointless.
    """
    fatal = list(_fatal(table, config))
    if fatal:
        raise StepError(f"{_WHAT} cannot be trained on: {'; '.join(fatal)}. {_MEND}")
    labels = data.numbers(data.column(table, config.label, _WHAT))
    columns = tuple(_column_report(table, feature) for feature in config.features)
    return DataReport(
        rows=table.num_rows,
        label_rate=float(labels.mean()),
        columns=columns,
        problems=tuple(_problems(columns, table.num_rows)),
    )


def _fatal(table: Any, config: StepConfig) -> Iterator[str]:
    """Yield the faults that end the step, as clauses of one sentence."""
    missing = [name for name in config.columns if name not in table.column_names]
    if missing:
        yield f"column {', '.join(missing)} is missing (it has {', '.join(table.column_names)})"
    if table.num_rows == 0:
        yield f"it is empty (0 rows, at least {config.minimum_rows} expected)"
    if missing or table.num_rows == 0:
        return
    if table.num_rows < config.minimum_rows:
        yield f"it has {table.num_rows} rows, at least {config.minimum_rows} expected"
    yield from _label_faults(table, config)
    yield from _key_faults(table, config)
    for feature in config.features:
        yield from _type_faults(table, feature)


def _label_faults(table: Any, config: StepConfig) -> Iterator[str]:
    labels = data.column(table, config.label, _WHAT)
    name = config.label
    if labels.null_count == len(labels):
        yield f"the label {name} is null in every row"
        return
    if not data.is_number(labels.type):
        yield f"the label {name} is {labels.type}, whole numbers 0 and 1 expected"
        return
    if labels.null_count:
        yield f"the label {name} is null in {labels.null_count} of {len(labels)} rows"
    values = data.numbers(pc.drop_null(labels))
    distinct = np.unique(values)
    if not np.isin(distinct, (0.0, 1.0)).all():
        odd = [value for value in distinct if value not in (0.0, 1.0)]
        yield f"the label {name} has the value {odd[0]:g}, only 0 and 1 expected"
    elif len(distinct) == 1:
        yield f"the label {name} has a single class: {distinct[0]:g} in every row, 0 and 1 expected"


def _key_faults(table: Any, config: StepConfig) -> Iterator[str]:
    keys = data.column(table, config.id, _WHAT)
    duplicates = len(keys) - keys.null_count - pc.count_distinct(keys, mode="only_valid").as_py()
    if keys.null_count:
        yield f"the id {config.id} is null in {keys.null_count} rows"
    if duplicates:
        yield f"the id {config.id} repeats in {duplicates} rows"
    moments = data.column(table, config.event_time, _WHAT)
    if not pa.types.is_timestamp(moments.type):
        yield f"the event time {config.event_time} is {moments.type}, timestamp expected"
    elif moments.null_count:
        yield f"the event time {config.event_time} is null in {moments.null_count} rows"


def _type_faults(table: Any, feature: Feature) -> Iterator[str]:
    kind = data.column(table, feature.name, _WHAT).type
    fits = data.is_number(kind) if feature.kind == "numeric" else data.is_category(kind)
    if not fits:
        expected = "numbers" if feature.kind == "numeric" else "text, whole numbers or booleans"
        yield f"the {feature.kind} feature {feature.name} is {kind}, {expected} expected"


def _column_report(table: Any, feature: Feature) -> ColumnReport:
    values = data.column(table, feature.name, _WHAT)
    if feature.kind == "categorical":
        distinct = pc.count_distinct(values, mode="only_valid").as_py()
        return ColumnReport(
            name=feature.name, kind=feature.kind, missing=values.null_count, distinct=distinct
        )
    numbers = data.numbers(values)
    present = numbers[~np.isnan(numbers)]
    return ColumnReport(
        name=feature.name,
        kind=feature.kind,
        missing=len(numbers) - len(present),
        distinct=len(np.unique(present)),
        minimum=float(present.min()) if len(present) else None,
        maximum=float(present.max()) if len(present) else None,
    )


def _problems(columns: tuple[ColumnReport, ...], rows: int) -> Iterator[str]:
    for column in columns:
        if column.missing == rows:
            yield f"the feature {column.name} is null in every row"
        elif column.kind == "numeric" and (column.minimum is None or column.maximum is None):
            yield f"the feature {column.name} has infinite values"
