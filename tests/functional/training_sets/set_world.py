"""What these tests do to a deployment's training set and to its feature store."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from assets import manifests
from assets.training_set import build, manifest_of
from assets.windows import training_window
from decisions.manifest import FileEntry
from resources.polling import wait_for

if TYPE_CHECKING:
    from decisions.manifest import Manifest
    from tests.functional.loop.loop_world import Loop, Outcome

DATABASE = "perennial_flight_delay"


def make(own: Loop) -> Manifest:
    """Build the set of what has landed, as a run of its own would."""
    window = training_window(own.platform, own.quick)
    table = build(own.platform, own.quick, window, salt=f"make {next(_SALTS)}")
    return manifest_of(own.platform, own.quick, table)


def forget(own: Loop) -> None:
    own.platform.lake.delete_prefix("training-sets/")
    own.platform.catalogue.drop_table(DATABASE, "training_set")


def materialize(own: Loop, **options: Any) -> Outcome:
    """Run the asset and its check."""
    return own.run(
        own.quick, asset_selection=[dg.AssetKey(["flight_delay", "training_set"])], **options
    )


def prefix_of(found: Manifest) -> str:
    return manifests.prefix_of(found.use_case, found.digest)


def only_file(own: Loop, found: Manifest) -> tuple[str, bytes]:
    key = f"{prefix_of(found)}/{found.files[0].path}"
    return key, own.platform.lake.get(key)


def records(own: Loop, group: str) -> list[dict[str, Any]]:
    """All that the offline store holds of a group."""
    name = own.platform.names.feature_group("flight_delay", group)
    facts = own.platform.feature_store.describe(name)
    own_salt = str(next(_SALTS))
    return own.platform.athena.select(
        f'SELECT * FROM "{facts.glue_database}"."{facts.glue_table}"',  # noqa: S608
        database=facts.glue_database,
        intent=f"all of {name}",
        salt=own_salt,
    )


def restate(own: Loop) -> None:
    """Rewrite a record with another value, add one out of order, delete one."""
    name = own.platform.names.feature_group("flight_delay", "weather")
    before = len(records(own, "weather"))
    at = datetime(2013, 1, 10, 3)  # noqa: DTZ001
    values = {"temp": -40.5, "wind_speed": 99.0}
    own.platform.feature_store.ingest(
        name,
        [
            {"origin": "EWR", "event_time": at + timedelta(minutes=minutes), **values}
            for minutes in (0, 7)
        ],
    )
    own.aws.client("sagemaker-featurestore-runtime").delete_record(
        FeatureGroupName=name,
        RecordIdentifierValueAsString="JFK",
        EventTime="2013-01-20T12:00:00Z",
    )
    wait_for(
        lambda: len(records(own, "weather")) >= before + 3 or None,
        "the offline store to show the three",
        deadline=timedelta(seconds=60),
    )


def look_ahead(own: Loop, found: Manifest) -> int:
    """Give every row the weather of a day later, and the set a manifest that agrees.

    Returns how many rows were changed.
    """
    series = {
        (each["origin"], datetime.fromisoformat(each["event_time"].removesuffix("Z"))): each
        for each in records(own, "weather")
        if not each["is_deleted"]
    }
    names = list(own.quick.feature_group("weather").features)
    _, body = only_file(own, found)
    table = pq.read_table(io.BytesIO(body))
    rows, changed = table.to_pylist(), 0
    for row in rows:
        next_day = row["event_time"].replace(minute=30) + timedelta(days=1)
        later = series.get((row["origin"], next_day))
        if later is not None:
            row |= {name: later[name] for name in names}
            changed += 1
    _replace(own, found, pa.Table.from_pylist(rows, schema=table.schema))
    return changed


def _replace(own: Loop, found: Manifest, table: pa.Table) -> None:
    made = io.BytesIO()
    pq.write_table(table, made)
    sha256 = hashlib.sha256(made.getvalue()).hexdigest()
    path = f"data/{sha256}.parquet"
    own.platform.lake.delete_prefix(f"{prefix_of(found)}/data/")
    own.platform.lake.put(f"{prefix_of(found)}/{path}", made.getvalue())
    entry = FileEntry(path=path, sha256=sha256, rows=table.num_rows, bytes=made.tell())
    columns = own.platform.catalogue.table(DATABASE, "training_set").columns
    _, rows_sha256 = manifests.describe_files(own.platform, prefix_of(found), columns)
    changed = found.model_copy(update={"files": (entry,), "rows_sha256": rows_sha256})
    manifests.write(own.platform, changed)
    assert manifests.verify(own.platform, changed) == []


_SALTS = iter(range(1_000_000))
