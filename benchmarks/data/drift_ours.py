"""Our passes over the drift benchmark's window, and the verdicts that follow from the counts.

``python -m benchmarks.data.drift_ours PASS FOLDER`` is the child. It counts the window's file
against the bins frozen in FOLDER/frozen.json (``freeze`` writes them) and judges by the policy that
a declaration gets by default. The SQL is the project's own, written for Athena; here it runs on
DuckDB by the embedded Athena's translation, and in OnAthena through Athena's API.
"""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.data.drift_files import BASELINE, CURRENT, DAYS, NUMBERS, TEXTS
from benchmarks.data.drift_rivals import timed
from decisions.baseline import Baseline
from decisions.drift import judge
from usecases.declaration import load_use_case
from usecases.fields import DriftMonitor, SourceTable
from usecases.profiling import measure_baseline, measure_window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from decisions.baseline import Profile
    from decisions.reports import DriftReport
    from usecases.declaration import UseCase

    Select = Callable[[str], list[dict[str, Any]]]

ROOT = Path(__file__).resolve().parents[2]
MEMORY_LIMIT = "1GB"
FROZEN = "frozen.json"
#: Values of a text that the baseline keeps: all that the widest column has.
KEPT = 1000
_DATABASE, _TABLE, _BUCKET = "bench_drift", "samples", "bench-drift"
_KEY = "dt"


def declared() -> UseCase:
    """Return a use case that watches the forty columns of the one table."""
    base = load_use_case(ROOT / "usecases" / "flight_delay")
    kinds = dict.fromkeys(NUMBERS, "numeric") | dict.fromkeys(TEXTS, "categorical")
    types = _glue_types() | {_KEY: "string"}
    table = SourceTable.model_validate({"columns": types, "partition_key": _KEY})
    sources = base.sources.model_copy(update={"database": _DATABASE, "tables": {_TABLE: table}})
    drift = DriftMonitor.model_validate(
        {
            "window": "1d",
            "psi_threshold": 0.25,
            "minimum_rows": 200,
            "minimum_features": 1,
            "tables": {_TABLE: kinds},
        }
    )
    monitors = base.monitors.model_copy(update={"drift": drift})
    return base.model_copy(update={"sources": sources, "monitors": monitors})


def day_of(window: str) -> date:
    """Return the one day whose partition holds a window."""
    return date.fromisoformat(DAYS[window])


def verdicts(report: DriftReport) -> dict[str, bool]:
    """Return who drifted, by column."""
    return {each.name.partition(".")[2]: each.status == "drifted" for each in report.features}


def on_duckdb(folder: Path, window: str) -> Select:
    """Return what runs the project's SQL on DuckDB over one window's file."""
    import duckdb

    from localaws.services.athena.dialect import parse
    from localaws.services.athena.translation import to_duckdb

    connection = duckdb.connect(config={"threads": 2, "memory_limit": MEMORY_LIMIT})
    macros = ROOT / "localaws" / "services" / "athena" / "macros.sql"
    connection.execute(macros.read_text())
    connection.execute(f"CREATE SCHEMA {_DATABASE}")
    connection.execute(
        f"CREATE VIEW {_DATABASE}.{_TABLE} AS SELECT *, '{DAYS[window]}' AS {_KEY} "  # noqa: S608
        f"FROM read_parquet('{folder / window}.parquet')"
    )

    def select(sql: str) -> list[dict[str, Any]]:
        found = connection.execute(to_duckdb(parse(sql)))
        names = [each[0] for each in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return select


def freeze(folder: Path) -> None:
    """Count the baseline's rows once, and keep its bins and counts."""
    use_case, day = declared(), day_of(BASELINE)
    baseline = measure_baseline(use_case, day, day, on_duckdb(folder, BASELINE), top=KEPT)
    (folder / FROZEN).write_text(baseline.model_dump_json())


def by_sql(folder: Path) -> Callable[[], dict[str, bool]]:
    """Count the window by the project's SQL on DuckDB, and judge."""
    use_case, baseline = declared(), frozen(folder)
    select = on_duckdb(folder, CURRENT)

    def compare() -> dict[str, bool]:
        profile = measure_window(use_case, baseline, [day_of(CURRENT)], select)
        return verdicts(judged(use_case, baseline, profile))

    return compare


def by_arrow(folder: Path) -> Callable[[], dict[str, bool]]:
    """Count the window from Arrow batches, as a Processing step does, and judge."""
    import pyarrow.compute  # noqa: F401 - imports are not what is measured

    import pipelines.steps.arrow_profile  # noqa: F401

    use_case, baseline = declared(), frozen(folder)

    def compare() -> dict[str, bool]:
        return verdicts(judged(use_case, baseline, arrow_profile(folder, baseline)))

    return compare


def arrow_profile(folder: Path, baseline: Baseline) -> Profile:
    """Return the window's profile by the Arrow pass."""
    import pyarrow.parquet as pq

    from pipelines.steps.arrow_profile import batches, profile

    file = pq.ParquetFile(folder / f"{CURRENT}.parquet", read_dictionary=list(TEXTS))
    bins = {name.partition(".")[2]: each for name, each in baseline.features.items()}
    kinds: Any = dict.fromkeys(NUMBERS, "numeric") | dict.fromkeys(TEXTS, "categorical")
    day = datetime.fromisoformat(DAYS[CURRENT])
    found = profile(
        batches(file, list(bins)),
        bins,
        kinds,
        window_from=day,
        window_through=day.replace(day=day.day + 1),
    )
    return found.model_copy(
        update={"features": {f"{_TABLE}.{name}": each for name, each in found.features.items()}}
    )


def scan(folder: Path) -> Callable[[], dict[str, bool]]:
    """Read and decode every column of the window, and do nothing with it."""
    import pyarrow.parquet as pq

    from pipelines.steps.arrow_profile import batches

    def read() -> dict[str, bool]:
        file = pq.ParquetFile(folder / f"{CURRENT}.parquet", read_dictionary=list(TEXTS))
        for batch in batches(file):
            batch.validate()
        return {}

    return read


def frozen(folder: Path) -> Baseline:
    """Return what ``freeze`` wrote."""
    return Baseline.model_validate_json((folder / FROZEN).read_text())


def judged(use_case: UseCase, baseline: Baseline, profile: Profile) -> DriftReport:
    """Return the verdict on one window."""
    return judge(baseline, [profile], use_case.monitors.drift.policy)


class OnAthena:
    """The same pass through Athena's API of the embedded AWS, over files that lie in its S3."""

    def __init__(self, client: Callable[[str], Any], folder: Path, windows: Sequence[str]) -> None:
        from resources.athena import Athena

        s3, athena = client("s3"), client("athena")
        s3.create_bucket(Bucket=_BUCKET)
        athena.create_work_group(
            Name=_BUCKET,
            Configuration={
                "ResultConfiguration": {"OutputLocation": f"s3://{_BUCKET}/results/"},
                "EnforceWorkGroupConfiguration": True,
            },
        )
        glue = client("glue")
        glue.create_database(DatabaseInput={"Name": _DATABASE})
        glue.create_table(DatabaseName=_DATABASE, TableInput=_table_input())
        for window in windows:
            place = f"{_TABLE}/{_KEY}={DAYS[window]}"
            s3.upload_file(str(folder / f"{window}.parquet"), _BUCKET, f"{place}/0.parquet")
            partition = {
                "Values": [DAYS[window]],
                "StorageDescriptor": storage(f"s3://{_BUCKET}/{place}/"),
            }
            glue.create_partition(
                DatabaseName=_DATABASE, TableName=_TABLE, PartitionInput=partition
            )
        self._athena = Athena(athena, _BUCKET)
        self._turn = 0

    def select(self, sql: str) -> list[dict[str, Any]]:
        """Run a query anew, whatever was run before."""
        self._turn += 1
        return self._athena.select(sql, database=_DATABASE, intent=f"bench-{self._turn}")

    def compare(self, baseline: Baseline) -> dict[str, bool]:
        """Count the window and judge."""
        use_case = declared()
        profile = measure_window(use_case, baseline, [day_of(CURRENT)], self.select)
        return verdicts(judged(use_case, baseline, profile))


def _glue_types() -> dict[str, str]:
    numbers = {name: "bigint" if int(name[1:]) % 5 == 4 else "double" for name in NUMBERS}
    return numbers | dict.fromkeys(TEXTS, "string")


def _table_input() -> dict[str, Any]:
    return {
        "Name": _TABLE,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "PartitionKeys": [{"Name": _KEY, "Type": "string"}],
        "StorageDescriptor": storage(f"s3://{_BUCKET}/{_TABLE}/"),
    }


def storage(location: str) -> dict[str, Any]:
    """Return a Glue storage descriptor of the forty columns."""
    hive = "org.apache.hadoop.hive.ql.io.parquet"
    return {
        "Columns": [{"Name": name, "Type": kind} for name, kind in _glue_types().items()],
        "Location": location,
        "InputFormat": f"{hive}.MapredParquetInputFormat",
        "OutputFormat": f"{hive}.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{hive}.serde.ParquetHiveSerDe"},
    }


PASSES: dict[str, Any] = {"sql": by_sql, "arrow": by_arrow, "scan": scan}

if __name__ == "__main__":
    if sys.argv[1] == "freeze":
        freeze(Path(sys.argv[2]))
        print(json.dumps({}))
    else:
        print(timed(PASSES[sys.argv[1]](Path(sys.argv[2]))))
