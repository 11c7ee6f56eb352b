"""Small pieces that every asset module uses: keys, metadata, digests. No AWS call belongs here."""

from __future__ import annotations

import functools
import hashlib
import json
import warnings
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import dagster as dg
from dagster import BetaWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from resources.athena import QueryRun
    from resources.glue import ColumnFacts

P = ParamSpec("P")
T = TypeVar("T")

#: Athena's list price in us-east-1, USD per byte scanned: 5 USD per TB (2**40 bytes), at least
#: 10 MB a query (aws.amazon.com/athena/pricing, read 2026-11).
_USD_PER_BYTE = 5.0 / 2**40
_MINIMUM_BYTES = 10 * 2**20


def asset_key(path: Iterable[str]) -> dg.AssetKey:
    """Return Dagster's key of a path from usecases.asset_keys."""
    return dg.AssetKey(list(path))


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the sha256 of a document's canonical JSON; datetimes as ISO text."""
    text = json.dumps(document, sort_keys=True, default=str, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def table_schema(columns: Iterable[ColumnFacts]) -> dg.TableSchemaMetadataValue:
    """Return a table's columns as the Dagster UI shows them."""
    return dg.MetadataValue.table_schema(
        dg.TableSchema(
            columns=[
                dg.TableColumn(name=c.name, type=c.type, description=c.comment) for c in columns
            ]
        )
    )


def query_metadata(run: QueryRun) -> dict[str, Any]:
    """Return what a query was and cost, by Athena's list price."""
    billed = max(run.bytes_scanned, _MINIMUM_BYTES)
    return {
        "athena/query_id": run.query_id,
        "athena/bytes_scanned": run.bytes_scanned,
        "athena/engine_ms": run.engine_ms,
        "athena/list_price_usd": round(billed * _USD_PER_BYTE, 6),
    }


def daily_partitions(start: date) -> dg.DailyPartitionsDefinition:
    """Return the days of a use case's tables and datasets, today's included."""
    return dg.DailyPartitionsDefinition(start_date=start.isoformat(), end_offset=1)


def query_totals(queries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what several queries were and cost together; adopted ones cost nothing now."""
    ran = [each for each in queries if "athena/query_id" in each]
    if not ran:
        return {}
    numbers = ("athena/bytes_scanned", "athena/engine_ms", "athena/list_price_usd")
    totals = {name: round(sum(each[name] for each in ran), 6) for name in numbers}
    return {"athena/query_id": ", ".join(each["athena/query_id"] for each in ran), **totals}


def without_beta_warnings(define: Callable[P, T]) -> Callable[P, T]:
    """Let a definition use what Dagster calls beta without telling every user at every load."""

    @functools.wraps(define)
    def quietly(*args: P.args, **kwargs: P.kwargs) -> T:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BetaWarning)
            return define(*args, **kwargs)

    return quietly
