"""Training sets at the command line: find one, show it, hold it against its manifest.

How a set is made and named belongs to assets/.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rich.table import Table

from assets import manifests
from assets.training_set import current, manifest_of
from resources.errors import Terminal

if TYPE_CHECKING:
    from decisions.manifest import Manifest
    from resources.platform import Platform
    from usecases.declaration import UseCase


def manifest(platform: Platform, use_case: UseCase, sha256: str = "") -> Manifest:
    """Return a set's manifest: the one with this sha256, or the newest set's.

    Raises:
        Terminal: The text is no sha256, or what is stored under it is something else.
        Missing: There is no such set.
    """
    if not sha256:
        return manifest_of(platform, use_case, current(platform, use_case))
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise Terminal(f"{sha256!r} is no sha256; expected 64 characters of 0-9 and a-f.")
    return manifests.named(platform, use_case.name, sha256)


def verify(platform: Platform, found: Manifest) -> None:
    """Compare a set's files with its manifest.

    Raises:
        Terminal: They differ; names every file that does.
    """
    problems = manifests.verify(platform, found)
    if problems:
        prefix = manifests.prefix_of(found.use_case, found.digest)
        raise Terminal(
            f"training set {found.sha256} of {found.use_case} is damaged: {'; '.join(problems)}. "
            "Restore older versions of the files, or delete "
            f"{platform.lake.uri(prefix)}/manifest.json and materialize the training set again."
        )


def summary(found: Manifest) -> list[Any]:
    """Return what a person wants to know of a set: facts, inputs, files."""
    facts = Table(title=f"Training set of {found.use_case}", show_header=False)
    for name, value in (
        ("sha256", found.sha256),
        ("rows_sha256", found.rows_sha256),
        ("rows", f"{found.rows:,}"),
        ("columns", str(len(found.columns))),
        ("window", f"{found.window[0]} to {found.window[1]}"),
        ("as of", str(found.as_of)),
        ("written by", str(found.written_by)),
        ("sql_sha256", found.sql_sha256),
    ):
        facts.add_row(name, value)
    return [facts, _inputs(found), _files(found)]


def _inputs(found: Manifest) -> Table:
    inputs = Table("input", "table", "version", "records", "last written", title="Made from")
    for name, each in found.inputs.items():
        version = f"snapshot {each.snapshot}" if each.snapshot else each.digest[:12]
        records = "" if each.records is None else f"{each.records:,}"
        inputs.add_row(name, each.table, version, records, str(each.last_written or ""))
    return inputs


def _files(found: Manifest) -> Table:
    files = Table("file", "rows", "bytes", title="Files")
    for each in found.files:
        files.add_row(each.path, f"{each.rows:,}", f"{each.bytes:,}")
    return files
