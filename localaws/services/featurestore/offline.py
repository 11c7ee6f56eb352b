"""From the ledger to the offline store: Parquet files in S3 by event day, partitions in Glue.

A flush follows about a second after the last write, at most five after the first; AWS takes up to
fifteen minutes. Files lie at AWS's documented place but for the hour: one file per flush and event
day, in ``.../data/year=/month=/day=/``, and ``hour`` is a column inside it. By AWS's layout, 4,000
hourly weather records would make 1,400 files and partitions, and every query would pay for that.
In an Iceberg table, each flush is one commit (sagemaker/feature_iceberg.py).
"""

from __future__ import annotations

import io
import json
import logging
import secrets
import threading
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.services.sagemaker import feature_iceberg, roles
from localaws.services.sagemaker.feature_groups import TABLE
from localaws.services.sagemaker.feature_tables import storage

if TYPE_CHECKING:
    import pyarrow as pa

    from localaws.core.context import ServerContext
    from localaws.core.provider import Document
    from localaws.services.featurestore.ledger import Backlog, Ledger

_log = logging.getLogger(__name__)

_TICK_SECONDS = 0.25
_QUIET_SECONDS = 0.5
_OLDEST_SECONDS = 5.0
_MOST_ROWS = 50_000
_ARROW = {"Integral": "int64", "Fractional": "float64", "String": "string"}
_READ: dict[str, Any] = {"Integral": int, "Fractional": float, "String": str}

Rows = list[tuple[float, float, int, str]]


class OfflineWriter:
    """The background thread that empties the ledger into S3."""

    def __init__(self, context: ServerContext, ledger: Ledger) -> None:
        self._context = context
        self._ledger = ledger
        self._partitions: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        self._thread = threading.Thread(target=self._loop, name="offline-store", daemon=True)

    def start(self) -> None:
        """Upload again what a power cut may have taken, and begin."""
        self._ledger.upload_again(self._context.now())
        self._thread.start()

    def stop(self) -> None:
        """Wait for the flush under way. What waits is durable and goes at the next start."""
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _loop(self) -> None:
        while not self._context.stopping.wait(_TICK_SECONDS):
            try:
                self._tick()
            except Exception:  # noqa: BLE001 - or the thread would end and rows wait for ever
                _log.exception("The offline store could not be written; trying again")

    def _tick(self) -> None:
        backlogs = [backlog for backlog in self._ledger.backlogs() if self._is_due(backlog)]
        sinks = self._ledger.sinks() if backlogs else {}
        for backlog in backlogs:
            self._flush(sinks[backlog.uid], backlog.uid)

    def _is_due(self, backlog: Backlog) -> bool:
        now = self._context.now()
        quiet = now - backlog.newest >= _QUIET_SECONDS
        return quiet or now - backlog.oldest >= _OLDEST_SECONDS or backlog.rows >= _MOST_ROWS

    def _flush(self, group: Document, uid: str) -> None:
        stamp = datetime.fromtimestamp(self._context.now(), UTC)
        self._ledger.assign(uid, f"{stamp:%Y%m%dT%H%M%S%fZ}_{secrets.token_hex(8)}", _MOST_ROWS)
        try:
            for flush in self._ledger.flushes(uid):
                self._upload(group, uid, flush)
                self._ledger.uploaded(uid, flush, self._context.now())
        except (
            ClientError, BotoCoreError, roles.RoleError, feature_iceberg.OfflineTableError,
        ) as error:  # fmt: skip
            _log.warning("Offline store of %s: %s", group["FeatureGroupName"], error)
            self._set_status(group, {"Status": "Blocked", "BlockedReason": str(error)[:1024]})
            self._context.stopping.wait(1.0)  # not a busy loop while the bucket is gone
        else:
            self._set_status(group, {"Status": "Active"})

    def _upload(self, group: Document, uid: str, flush: str) -> None:
        if feature_iceberg.in_iceberg(group):
            self._append(group, flush, self._ledger.rows(uid, flush))
        else:
            self._put(group, uid, flush)

    def _append(self, group: Document, flush: str, rows: Rows) -> None:
        """Commit a flush to an Iceberg table, in the role's name as AWS does.

        https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSageMakerFeatureStoreAccess.html
        """
        glue, s3 = (
            roles.client(self._context, service, group["RoleArn"], group["_region"])
            for service in ("glue", "s3")
        )
        feature_iceberg.append(glue, s3, group, flush, _arrow(group, flush, rows))

    def _put(self, group: Document, uid: str, flush: str) -> None:
        days: dict[tuple[str, ...], Rows] = defaultdict(list)
        for row in self._ledger.rows(uid, flush):
            moment = datetime.fromtimestamp(row[0], UTC)
            days[f"{moment:%Y}", f"{moment:%m}", f"{moment:%d}"].append(row)
        root = group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
        bucket, _, prefix = root.removeprefix("s3://").partition("/")
        s3 = roles.client(self._context, "s3", group["RoleArn"], group["_region"])
        encryption = feature_iceberg.encryption(group)
        for day, rows in days.items():
            s3.put_object(
                Bucket=bucket, Key=f"{prefix}/{_folder(day)}/{flush}.parquet",
                Body=_parquet(group, flush, rows), **encryption,
            )  # fmt: skip
        self._register(group, uid, set(days))

    def _register(self, group: Document, uid: str, days: set[tuple[str, ...]]) -> None:
        catalog = group["OfflineStoreConfig"].get("DataCatalogConfig")
        new = sorted(days - self._partitions[uid])
        if not catalog or not new:
            return
        glue = self._context.client("glue", group["_account"], group["_region"])
        described = storage(group)
        for start in range(0, len(new), 100):
            glue.batch_create_partition(
                DatabaseName=catalog["Database"], TableName=catalog["TableName"],
                PartitionInputList=[
                    {"Values": list(day), "StorageDescriptor": described
                     | {"Location": f"{described['Location']}{_folder(day)}/"}}
                    for day in new[start : start + 100]
                ],
            )  # fmt: skip
        self._partitions[uid] |= days

    def _set_status(self, group: Document, status: Document) -> None:
        table = self._context.store.table(TABLE)
        key = f"{group['_account']}/{group['_region']}/{group['FeatureGroupName']}"
        found = table.get(key)
        if found and found["_uid"] == group["_uid"] and found["OfflineStoreStatus"] != status:
            table.update(key, lambda document: document.update(OfflineStoreStatus=status))


def _folder(day: tuple[str, ...]) -> str:
    return "year={}/month={}/day={}".format(*day)


def _parquet(group: Document, flush: str, rows: Rows) -> bytes:
    import pyarrow.parquet as pq

    body = io.BytesIO()
    pq.write_table(_arrow(group, flush, rows), body, compression="snappy")
    return body.getvalue()


def _arrow(group: Document, flush: str, rows: Rows) -> pa.Table:
    import pyarrow as pa

    values = [json.loads(row[3]) for row in rows]
    columns: dict[str, pa.Array] = {}
    for feature in group["FeatureDefinitions"]:
        name, kind = feature["FeatureName"], feature["FeatureType"]
        read = _READ[kind]
        texts = (record.get(name) for record in values)
        columns[name.lower()] = pa.array(
            [None if text is None else read(text) for text in texts],
            pa.type_for_alias(_ARROW[kind]),
        )
    written = datetime.strptime(flush.split("_", maxsplit=1)[0], "%Y%m%dT%H%M%S%fZ")  # noqa: DTZ007 - UTC, naive
    moments = pa.timestamp("ms")
    columns["write_time"] = pa.array([written] * len(rows), moments)
    columns["api_invocation_time"] = pa.array([int(row[1] * 1000) for row in rows], moments)
    columns["is_deleted"] = pa.array([bool(row[2]) for row in rows])
    columns["hour"] = pa.array([f"{datetime.fromtimestamp(row[0], UTC):%H}" for row in rows])
    return pa.table(columns)
