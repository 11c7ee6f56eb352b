"""One ingest in a process of its own; prints seconds and peak memory as JSON. Run by its path.

Arguments: contender, endpoint, group, records. The clock runs around the ingest alone: imports, and
the making of the frame, are not counted.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS = 4


def records(count: int) -> Iterator[dict[str, Any]]:
    """Yield records of ten features: a name, a time, six numbers, two texts."""
    for n in range(count):
        yield {
            "id": f"r{n}",
            "at": "2026-01-01T00:00:00Z",
            **{f"x{k}": n / (k + 3) for k in range(6)},
            "place": f"place {n % 97}",
            "kind": "abc"[n % 3],
        }


def ours(endpoint: str, group: str, count: int) -> tuple[float, int]:
    """Ingest with the project's door."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    import boto3

    from resources.aws import AwsSettings, client_options
    from resources.feature_store import FeatureStore

    settings = AwsSettings.model_construct(region="us-east-1", endpoint_url=endpoint)
    session = boto3.session.Session(region_name="us-east-1")
    services = ("sagemaker", "sagemaker-featurestore-runtime")
    store = FeatureStore(
        *(session.client(name, **client_options(settings, name)) for name in services)
    )
    begun = time.perf_counter()
    report = store.ingest(group, records(count), threads=THREADS)
    return time.perf_counter() - begun, report.written


def sdk(group: str, count: int, *, batches: bool) -> tuple[float, int]:
    """Ingest with the sagemaker SDK, as its documentation has it."""
    import logging

    import pandas as pd
    from sagemaker.mlops.feature_store import ingest_dataframe

    logging.getLogger().setLevel(logging.ERROR)
    frame = pd.DataFrame(records(count))
    begun = time.perf_counter()
    manager = ingest_dataframe(
        group, frame, max_workers=THREADS, use_batch_write_record=batches, region="us-east-1"
    )
    return time.perf_counter() - begun, count - len(manager.failed_rows)


def main() -> None:
    """Run one contender."""
    contender, endpoint, group, count = sys.argv[1:5]
    os.environ["AWS_ENDPOINT_URL"] = endpoint
    if contender == "ours":
        seconds, written = ours(endpoint, group, int(count))
    else:
        seconds, written = sdk(group, int(count), batches=contender == "sdk batches")
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = sum(resource.getrusage(each).ru_maxrss for each in who) / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "written": written, "peak": peak}))


if __name__ == "__main__":
    main()
