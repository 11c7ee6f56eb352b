"""A contract of 20 rules over 1 M rows x 40 columns: our SQL pass beside pandera on pandas.

The same Parquet file and the same contract, with breaches seeded; both must count the same rows for
every rule. Then 10 M rows once, for the memory that it takes. Every contender runs in a process of
its own, so that none meets another's caches and each has its own peak memory.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.about import about
from benchmarks.servers import ROOT, Server, embedded

ROWS, MANY_ROWS = 1_000_000, 10_000_000
_THREADS = 2
_DUCKDB_MEMORY = "600MB"
"""What DuckDB may hold of 10 M rows before it spills; the process holds more besides."""
_DATABASE = "bench_contracts"
_POLL_SECONDS = 0.01
_CHUNK = 250_000

OURS, ATHENA = "SQL pass, DuckDB", "SQL pass, embedded Athena"
CHECK, READ = "pandera, validate only", "pandera, Parquet read first"


def declaration() -> dict[str, Any]:
    """Return the dataset that is promised: 40 columns, 20 rules, and none of it null but 5."""
    columns: dict[str, Any] = {
        "event_id": {"type": "string"},
        "event_time": {"type": "timestamp"},
        "carrier": {"type": "string", "allowed": ["AA", "B6", "DL", "EV", "UA"]},
        "origin": {"type": "string", "allowed": ["EWR", "JFK", "LGA"]},
        "tail": {"type": "string", "pattern": "N[0-9]{1,5}", "max_length": 6},
        "departed": {"type": "timestamp"},
        "arrived": {"type": "timestamp"},
    }
    for number in range(6):
        columns[f"count_{number}"] = {"type": "bigint", "minimum": 0}
    for number in range(6):
        columns[f"ratio_{number}"] = {"type": "double", "nullable": True, "maximum": 6}
    for number in range(40 - len(columns)):
        columns[f"plain_{number}"] = {"type": "double", "nullable": True}
    return {
        "name": "events",
        "description": "Made up.",
        "sql": "events.sql",
        "primary_key": ["event_id"],
        "columns": columns,
        "rules": [
            {"name": "arrives_later", "sql": "arrived >= departed"},
            {"name": "arrives_soon", "sql": "arrived <= departed + INTERVAL '20' HOUR"},
            {"name": "counts_agree", "sql": "count_0 + count_1 <= 1900 OR ratio_0 < 5"},
        ],
    }


def rules() -> int:
    """Count the declared rules: all promises but that values are present."""
    return sum(rule.sort != "present" for rule in _contract().rules)


def measure(repeat: int) -> dict[str, Any]:
    """Run all rounds; return seconds and peak MiB by contender, and the figures of 10 M rows."""
    found: dict[str, Any] = {"seconds": defaultdict(list), "peak": defaultdict(list)}
    with tempfile.TemporaryDirectory(prefix="perennial-contracts-") as folder:
        path = Path(folder) / "events.parquet"
        _child("write", path, ROWS)
        for turn in range(1, repeat + 1):
            _round(path, Path(folder) / f"aws-{turn}", found)
            print(f"round {turn} of {repeat} done", file=sys.stderr)
        path.unlink()
        many = Path(folder) / "many.parquet"
        _child("write", many, MANY_ROWS)
        found["many"] = _child("duckdb", many, MANY_ROWS)
    return found


def section(found: dict[str, Any]) -> str:
    """Return the Markdown of what was measured."""
    seconds = {name: statistics.median(each) for name, each in found["seconds"].items()}
    lines = [
        "## Contracts",
        "",
        *about(["duckdb", "pandera", "pandas", "pyarrow", "sqlglot"]),
        "",
        _what(len(found["seconds"][OURS])),
        "",
        "| | s | peak MiB | pandera, validate only | pandera, with reading |",
        "|---|---|---|---|---|",
    ]
    for name in (OURS, ATHENA, CHECK, READ):
        peak = found["peak"].get(name)
        lines.append(
            f"| {name} | {seconds[name]:.2f} | {max(peak):,.0f} | "
            f"{seconds[CHECK] / seconds[name]:.1f}x | {seconds[READ] / seconds[name]:.1f}x |"
        )
    many = found["many"]
    told = (
        f"{MANY_ROWS:,} rows, one pass in DuckDB with {_DUCKDB_MEMORY} before it spills: "
        f"{many['seconds']:.1f} s, peak {many['peak']:,.0f} MiB (wanted: 1,024 or less)."
    )
    return "\n".join([*lines, "", told])


def _what(rounds: int) -> str:
    return (
        f"{ROWS:,} rows x 40 columns of Parquet, {rules()} rules besides those that values are "
        f"present; median of {rounds} rounds, each contender in a process of its own, equal counts "
        "for every rule asserted in each round. Peak memory is the process's; of Athena, the "
        "server's."
    )


def _round(path: Path, state: Path, found: dict[str, Any]) -> None:
    ours, theirs = _child("duckdb", path, ROWS), _child("pandera", path, ROWS)
    athena = _athena(path, state)
    for other in (theirs, athena):
        if other["counts"] != ours["counts"]:
            raise SystemExit(f"verdicts differ: {ours['counts']} and {other['counts']}")
    for name, figures in ((OURS, ours), (ATHENA, athena), (CHECK, theirs)):
        found["seconds"][name].append(figures["seconds"])
        found["peak"][name].append(figures["peak"])
    found["seconds"][READ].append(theirs["seconds"] + theirs["reading"])
    found["peak"][READ].append(theirs["peak"])


def _child(what: str, path: Path, rows: int) -> dict[str, Any]:
    """Run one contender in a process of its own and return what it printed."""
    argv = [sys.executable, "-m", "benchmarks.data.contracts", what, str(path), str(rows)]
    done = subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.PIPE, env={**os.environ})
    return dict(json.loads(done.stdout))


def _write(path: Path, rows: int) -> dict[str, Any]:
    """Write the events, of which about one in 4,000 breaks a rule."""
    import pyarrow.parquet as pq

    chunks = [_chunk(seed) for seed in range(min(4, rows // _CHUNK))]
    with pq.ParquetWriter(path, chunks[0].schema, compression="zstd") as writer:
        for start in range(0, rows, _CHUNK):
            table = _named(chunks[start // _CHUNK % len(chunks)], start)
            writer.write_table(table, row_group_size=125_000)
    return {}


def _named(chunk: Any, start: int) -> Any:
    """Return a chunk with ids of its own, of which two are the same."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = start + np.arange(_CHUNK)
    numbers[7] = numbers[6]
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 9, "0")
    ids = pc.binary_join_element_wise("event", digits, "-")
    return chunk.set_column(0, "event_id", ids)


def _chunk(seed: int) -> Any:
    import numpy as np
    import pyarrow as pa

    random = np.random.default_rng(seed)
    first = np.datetime64("2013-01-01T00:00:00", "us")
    times = first + (seed * _CHUNK + np.arange(_CHUNK)) * np.timedelta64(20, "s")
    hours = random.integers(1, 12, _CHUNK)
    hours[random.integers(0, _CHUNK, 10)] = -1
    tails = pa.array(random.integers(0, 100_000, _CHUNK)).cast(pa.string()).to_pylist()
    few = [0.19999, 0.2, 0.2, 0.2, 0.2, 0.00001]
    columns: dict[str, Any] = {
        "event_id": [""] * _CHUNK,
        "event_time": times,
        "carrier": random.choice(["AA", "B6", "DL", "EV", "UA", "??"], _CHUNK, p=few),
        "origin": random.choice(["EWR", "JFK", "LGA"], _CHUNK),
        "tail": ["n12", *(f"N{each}" for each in tails[1:])],
        "departed": times,
        "arrived": times + hours * np.timedelta64(1, "h"),
    }
    for number in range(6):
        columns[f"count_{number}"] = random.integers(0, 1000, _CHUNK)
        columns[f"count_{number}"][random.integers(0, _CHUNK, 5)] = -1
    for number in range(40 - len(columns)):
        name = f"ratio_{number}" if number < 6 else f"plain_{number - 6}"
        columns[name] = random.normal(0, 1.2, _CHUNK)
        columns[name][random.integers(0, _CHUNK, 50)] = np.nan
    order = list(declaration()["columns"])
    return pa.table({name: pa.array(columns[name]) for name in order})


def _contract() -> Any:
    from usecases.contracts.contract import contract_of
    from usecases.fields import Dataset

    return contract_of(Dataset.model_validate(declaration()), "event_time")


def _duckdb(path: Path) -> dict[str, Any]:
    import duckdb

    contract = _contract()
    settings = {"threads": _THREADS, "memory_limit": _DUCKDB_MEMORY,
                "temp_directory": str(path.parent / "spill")}  # fmt: skip
    with duckdb.connect(config=settings) as connection:
        # By default DuckDB believes the file's statistics, which leave NaN out.
        source = f"read_parquet('{path}', can_have_nan = true)"
        connection.execute(f"CREATE VIEW few AS SELECT * FROM {source} LIMIT 100")  # noqa: S608
        _judged(connection, contract, "few")  # warms up, as pandera is: imports, parser
        began = time.perf_counter()
        connection.execute(f"CREATE VIEW events AS SELECT * FROM {source}")  # noqa: S608
        counts = _judged(connection, contract, "events")
        return {"seconds": time.perf_counter() - began, "counts": counts}


def _judged(connection: Any, contract: Any, view: str) -> dict[str, int]:
    from sqlglot import exp

    from usecases.contracts.statements import compile_sql, read_counts

    table = exp.table_(view, quoted=True)
    answer = connection.execute(compile_sql(contract, table, dialect="duckdb"))
    names = [each[0] for each in answer.description]
    rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    return _counts(contract, read_counts(contract, rows))


def _counts(contract: Any, read: Any) -> dict[str, int]:
    (whole,) = read
    return {rule.name: 0 for rule in contract.rules} | {
        breach.rule: breach.rows for breach in whole.breaches
    }


def _pandera(path: Path) -> dict[str, Any]:
    import pandas as pd
    import pandera.pandas  # noqa: F401 - imported before the clock starts

    from usecases.contracts.frames import broken_rows

    contract = _contract()
    broken_rows(contract, pd.read_parquet(path).head(100))  # warms up: imports, schema, parser
    began = time.perf_counter()
    frame = pd.read_parquet(path)
    reading = time.perf_counter() - began
    began = time.perf_counter()
    counts = broken_rows(contract, frame)
    return {"seconds": time.perf_counter() - began, "reading": reading, "counts": counts}


def _athena(path: Path, state: Path) -> dict[str, Any]:
    from sqlglot import exp

    from resources.athena import Athena
    from usecases.contracts.statements import compile_sql, read_counts

    contract = _contract()
    with embedded(state) as server:
        _table(server, path, contract)
        athena = Athena(server.client("athena"), "bench")
        sql = compile_sql(contract, exp.table_("events", quoted=True))
        athena.select("SELECT count(*) AS n FROM events", database=_DATABASE, intent="warm up")
        began = time.perf_counter()
        rows = athena.select(sql, database=_DATABASE, intent="contract")
        counts = _counts(contract, read_counts(contract, rows))
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "counts": counts, "peak": _peak(server.pid)}


def _table(server: Server, path: Path, contract: Any) -> None:
    from resources.glue import Catalogue, ColumnFacts

    s3 = server.client("s3")
    s3.create_bucket(Bucket=_DATABASE.replace("_", "-"))
    bucket = _DATABASE.replace("_", "-")
    s3.upload_file(str(path), bucket, "events/part-0.parquet")
    server.client("athena").create_work_group(
        Name="bench",
        Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/results/"}},
    )
    catalogue = Catalogue(server.client("glue"))
    catalogue.ensure_database(_DATABASE)
    catalogue.point_table(
        _DATABASE,
        "events",
        columns=[ColumnFacts(name, kind) for name, kind in contract.types.items()],
        location=f"s3://{bucket}/events/",
        parameters={},
    )


def _peak(pid: int | str) -> float:
    """Return a process's peak memory (VmHWM), in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _main() -> None:
    what, path, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if what == "write":
        answer = _write(path, rows)
    else:
        answer = _duckdb(path) if what == "duckdb" else _pandera(path)
    print(json.dumps({**answer, "peak": _peak("self")}))


if __name__ == "__main__":
    _main()
