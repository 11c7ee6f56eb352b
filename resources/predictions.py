"""The table of predictions: new capture files are taken in once, each day stays one file.

A batch is a numbered list of files, written down before any of them is read. A run that was killed
is taken up with the same list, and a day that says it has a batch already is left alone: each file
counts once. A day is rewritten under a name made of its events, and its partition switched, so that
a reader sees the day before or after a batch. There is one writer, the sensor.
"""

from __future__ import annotations

import io
import json
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from decisions.model import digest_of
from resources.captures import Account, new_files, read_files
from resources.errors import Missing, Terminal
from resources.glue import ColumnFacts, PartitionFacts, TableMissing
from resources.objects import parse_s3_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resources.aws import AccountName
    from resources.captures import Row
    from resources.glue import TableFacts
    from resources.objects import Objects
    from resources.platform import Platform

TABLE = "predictions"
COLUMNS = (
    ColumnFacts("inference_id", "string", "Id of the event, as the caller sent it."),
    ColumnFacts("predicted_at", "timestamp", "When it was answered, UTC."),
    ColumnFacts("event_time", "timestamp", "The moment it is about, UTC, if the caller said so."),
    ColumnFacts("probability", "double", "Of label 1."),
    ColumnFacts("model_version", "bigint", "Version of the model package that answered."),
    ColumnFacts("variant", "string", "Production variant that answered."),
    ColumnFacts("features", "string", "JSON object of the features as sent."),
    ColumnFacts("event_id", "string", "AWS's id of the invocation."),
)
_KEY = ColumnFacts("dt", "string", "Day of the event's time, else of the prediction.")
_BATCH = "perennial.batch"
_PREVIOUS = "perennial.previous"
#: Files of one batch at most: with AWS's files of a few megabytes, what fits in memory with ease.
FILES_A_BATCH = 200


@dataclass
class Intake:
    """What was taken in so far.

    Attributes:
        batch: Number of the last batch that is in the table whole.
        known: Keys of capture files that are in it and still there.
        account: What became of all lines ever read.
    """

    batch: int = 0
    known: set[str] = field(default_factory=set)
    account: Account = field(default_factory=Account)


def read_intake(platform: Platform, use_case: str) -> Intake:
    """Return what a use case's table has taken in.

    Raises:
        Terminal: What was written down cannot be read.
    """
    key = f"{_home(use_case)}/taken-in.json"
    try:
        said = platform.lake.get_json(key)
    except Missing:
        return Intake()
    try:
        return Intake(said["batch"], set(said["known"]), Account(**said["account"]))
    except (KeyError, TypeError) as error:
        raise Terminal(
            f"{platform.lake.uri(key)} is not what was written there ({error!r}). Put its last "
            f"version back, or delete it and the table {TABLE} to take all in again."
        ) from error


def take_in(
    platform: Platform, use_case: str, stage: AccountName, *, seconds: float
) -> tuple[Intake, Account]:
    """Take new capture files in, batch by batch, until none is left or the time is up.

    Returns:
        What is in the table now, and what this call added to the account.

    Raises:
        Transient: AWS could not be asked just now; the next call goes on where this one stopped.
        Terminal: AWS refused.
    """
    deadline = time.monotonic() + seconds
    intake, added = read_intake(platform, use_case), Account()
    while True:
        keys, there = _next_batch(platform, use_case, stage, intake)
        if not keys:
            return intake, added
        account = _one_batch(platform, use_case, stage, intake.batch + 1, keys)
        added.add(account)
        intake.account.add(account)
        intake.batch += 1
        intake.known = (intake.known | set(keys)) & (there | set(keys))
        _remember(platform, use_case, intake)
        if time.monotonic() > deadline:
            return intake, added


def _next_batch(
    platform: Platform, use_case: str, stage: AccountName, intake: Intake
) -> tuple[list[str], set[str]]:
    """Return the files of the next batch, which are written down, and all files there are."""
    prefix = platform.names.capture_prefix(use_case)
    keys, there = new_files(platform.captures(stage), prefix, intake.known, most=FILES_A_BATCH)
    name = f"{_home(use_case)}/batches/{intake.batch + 1:08d}.json"
    if not keys and not platform.lake.exists(name):
        return [], there
    platform.lake.put_if_absent(name, json.dumps(keys).encode())
    # Whoever wrote it first says what is in it: an earlier run that was killed, perhaps.
    return list(platform.lake.get_json(name)), there


def _one_batch(
    platform: Platform, use_case: str, stage: AccountName, number: int, keys: Sequence[str]
) -> Account:
    account = Account()
    days: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in read_files(platform.captures(stage), keys, account):
        same_day = days[row.prediction.day]
        if row.prediction.event_id in same_day:
            account.duplicates += 1
        same_day.setdefault(row.prediction.event_id, row)
    table = ensure_table(platform, use_case)
    there = {each.values[0]: each for each in platform.catalogue.partitions(table.database, TABLE)}
    for day, rows in sorted(days.items()):
        _one_day(platform, table, there.get(day), _Addition(use_case, day, number, rows), account)
    return account


@dataclass(frozen=True, slots=True)
class _Addition:
    use_case: str
    day: str
    batch: int
    rows: dict[str, Row]


def _one_day(
    platform: Platform,
    table: TableFacts,
    partition: PartitionFacts | None,
    new: _Addition,
    account: Account,
) -> None:
    said = dict(partition.parameters) if partition else {}
    if int(said.get(_BATCH, 0)) >= new.batch:  # a run that was killed got this far
        account.rows += int(said["perennial.added"])
        account.duplicates += len(new.rows) - int(said["perennial.added"])
        return
    whole, added = _with_new(_read_day(platform.lake, partition) if partition else None, new.rows)
    account.rows += added
    account.duplicates += len(new.rows) - added
    name = digest_of(whole["event_id"].to_pylist())[:32]
    prefix = f"{_home(new.use_case)}/dt={new.day}/{name}/"
    platform.lake.put(f"{prefix}data.parquet", _parquet(whole))
    parameters = {
        _BATCH: str(new.batch),
        _PREVIOUS: partition.location if partition else "",
        "perennial.added": str(added),
        "perennial.rows": str(whole.num_rows),
    }
    switched = PartitionFacts((new.day,), platform.lake.uri(prefix), parameters)
    platform.catalogue.put_partitions(table, [switched])
    _clear(platform, said.get(_PREVIOUS, ""), keep={switched.location, parameters[_PREVIOUS]})


def ensure_table(platform: Platform, use_case: str) -> TableFacts:
    """Return the table of a use case's predictions, made if it is not there."""
    database = platform.names.curated_database(use_case)
    try:
        return platform.catalogue.table(database, TABLE)
    except TableMissing:
        platform.catalogue.point_table(
            database,
            TABLE,
            columns=COLUMNS,
            location=platform.lake.uri(f"{_home(use_case)}/"),
            parameters={},
            partition_keys=[_KEY],
        )
    return platform.catalogue.table(database, TABLE)


def _clear(platform: Platform, location: str, *, keep: set[str]) -> None:
    """Delete what a day was two batches ago: whoever read it then has read it by now."""
    if location and location not in keep:
        platform.lake.delete_prefix(parse_s3_uri(location)[1])


def _remember(platform: Platform, use_case: str, intake: Intake) -> None:
    document = {
        "batch": intake.batch,
        "known": sorted(intake.known),
        "account": asdict(intake.account),
    }
    platform.lake.put_json(f"{_home(use_case)}/taken-in.json", document)


def _record(row: Row) -> dict[str, Any]:
    said = row.prediction
    return {
        "inference_id": said.inference_id,
        "predicted_at": said.predicted_at,
        "event_time": said.event_time,
        "probability": said.probability,
        "model_version": row.version,
        "variant": row.variant,
        "features": said.features,
        "event_id": said.event_id,
    }


def _with_new(before: Any, rows: dict[str, Row]) -> tuple[Any, int]:
    """Return a day's Arrow table with what it does not have yet, and how many rows that is."""
    import pyarrow as pa

    kinds = {
        "string": pa.string(),
        "timestamp": pa.timestamp("ms"),
        "double": pa.float64(),
        "bigint": pa.int64(),
    }
    schema = pa.schema([(each.name, kinds[each.type]) for each in COLUMNS])
    ids = set(before["event_id"].to_pylist()) if before is not None else set()
    fresh = [_record(each) for event, each in rows.items() if event not in ids]
    parts = [pa.Table.from_pylist(fresh, schema=schema)]
    if before is not None:
        parts.insert(0, before.cast(schema))
    whole = pa.concat_tables(parts)
    return whole.sort_by([("predicted_at", "ascending"), ("event_id", "ascending")]), len(fresh)


def _read_day(lake: Objects, partition: PartitionFacts) -> Any:
    import pyarrow.parquet as pq

    prefix = parse_s3_uri(partition.location)[1]
    return pq.read_table(io.BytesIO(lake.get(f"{prefix.rstrip('/')}/data.parquet")))


def _parquet(table: Any) -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _home(use_case: str) -> str:
    return f"predictions/{use_case}"
