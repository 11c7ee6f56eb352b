"""Manifests of training sets in S3: written, found by name, and held against the files they name.

What a manifest must say is decisions/manifest.py's; how a set is made is training_set.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from assets.row_digest import BATCH_ROWS, RowDigest
from decisions.manifest import FileEntry, Manifest
from resources.errors import Missing, Terminal
from resources.ranges import RangedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resources.glue import ColumnFacts
    from resources.objects import ObjectFacts
    from resources.platform import Platform

FOLDER = "training-sets"


def prefix_of(use_case: str, digest: str) -> str:
    """Return the folder of a set, below the lake's bucket."""
    return f"{FOLDER}/{use_case}/{digest}"


def settle(platform: Platform, made: str, prefix: str) -> None:
    """Copy the files that Athena made below ``data/``, each under the sha256 of its bytes.

    Athena gives every file a random name; named by content, equal bytes make equal manifests.
    """
    platform.lake.delete_prefix(f"{prefix}/data/")
    for each in platform.lake.list(made):
        if each.size:
            name = platform.lake.sha256(each.key)
            platform.lake.copy(each.key, f"{prefix}/data/{name}.parquet")


def describe_files(
    platform: Platform, prefix: str, columns: Sequence[ColumnFacts]
) -> tuple[tuple[FileEntry, ...], str]:
    """Return an entry for each file below ``data/``, and the digest of all their rows.

    Files are read in pieces, a row group at a time.

    Raises:
        Terminal: A file is no Parquet.
    """
    rows = RowDigest([(column.name, column.type) for column in columns])
    entries = []
    for each in platform.lake.list(f"{prefix}/data/"):
        before = rows.rows
        _add(platform, each, rows)
        entries.append(
            FileEntry(
                path=each.key.removeprefix(f"{prefix}/"),
                sha256=platform.lake.sha256(each.key),
                rows=rows.rows - before,
                bytes=each.size,
            )
        )
    return tuple(entries), rows.hexdigest()


def write(platform: Platform, manifest: Manifest) -> None:
    """Store a manifest beside its files, and under its own name."""
    body = manifest.body()
    platform.lake.put(_named(manifest.use_case, manifest.sha256), body)
    platform.lake.put(f"{prefix_of(manifest.use_case, manifest.digest)}/manifest.json", body)


def stored(platform: Platform, use_case: str, digest: str) -> Manifest | None:
    """Return the manifest of a set that is all there, by the listing; None if it is not.

    A set whose manifest was written by an older version of this project counts as not there. One
    that is not there under its own name, or was changed there, is stored there again.
    """
    prefix = prefix_of(use_case, digest)
    try:
        manifest = _parse(platform.lake.get(f"{prefix}/manifest.json"), f"{prefix}/manifest.json")
    except (Missing, ManifestError):
        return None
    if (manifest.use_case, manifest.digest) != (use_case, digest):
        return None
    found = {each.key: each.size for each in platform.lake.list(f"{prefix}/data/")}
    listed = {f"{prefix}/{each.path}": each.bytes for each in manifest.files}
    if found != listed:
        return None
    try:
        return named(platform, use_case, manifest.sha256)
    except (Missing, ManifestError):
        write(platform, manifest)
        return manifest


def named(platform: Platform, use_case: str, sha256: str) -> Manifest:
    """Return the manifest with a name.

    Raises:
        Missing: There is no such manifest; says which there are.
        ManifestError: What is there is not it.
    """
    key = _named(use_case, sha256)
    try:
        body = platform.lake.get(key)
    except Missing as error:
        names = [each.key.rpartition("/")[2][:12] for each in platform.lake.list(_named(use_case))]
        raise Missing(
            f"{use_case} has no training set {sha256}; it has {', '.join(names) or 'none'}. "
            "Give a whole sha256: the metadata of a model version and of the asset has it."
        ) from error
    manifest = _parse(body, key)
    if manifest.sha256 != sha256:
        raise ManifestError(
            f"{platform.lake.uri(key)} has sha256 {manifest.sha256}, not the one it is named "
            "by: it was changed. Restore an older version of it, or build the set anew."
        )
    return manifest


def verify(platform: Platform, manifest: Manifest) -> list[str]:
    """Read every file again; return what differs from the manifest, nothing if the set is sound."""
    prefix = prefix_of(manifest.use_case, manifest.digest)
    found = {each.key: each for each in platform.lake.list(f"{prefix}/data/")}
    listed = {f"{prefix}/{entry.path}": entry for entry in manifest.files}
    problems = [
        f"{platform.lake.uri(key)} is there and the manifest does not list it"
        for key in sorted(found.keys() - listed.keys())
    ]
    for key, entry in listed.items():
        problems += _file_problems(platform, key, entry, found.get(key))
    if not problems:
        problems += _row_problems(platform, manifest, [found[key] for key in sorted(listed)])
    return problems


class ManifestError(Terminal):
    """A manifest that cannot be read, or is not the one it claims to be."""


def _file_problems(
    platform: Platform, key: str, entry: FileEntry, facts: ObjectFacts | None
) -> list[str]:
    uri = platform.lake.uri(key)
    if facts is None:
        return [f"{uri} is missing"]
    if facts.size != entry.bytes:
        return [f"{uri} has {facts.size} bytes, expected {entry.bytes}"]
    sha256 = platform.lake.sha256(key)
    return [] if sha256 == entry.sha256 else [f"{uri} has sha256 {sha256}, expected {entry.sha256}"]


def _row_problems(
    platform: Platform, manifest: Manifest, files: Iterable[ObjectFacts]
) -> list[str]:
    rows = RowDigest([(column.name, column.type) for column in manifest.columns])
    for each in files:
        _add(platform, each, rows)
    problems = []
    if rows.rows != manifest.rows:
        problems.append(f"the files hold {rows.rows} rows, expected {manifest.rows}")
    if rows.hexdigest() != manifest.rows_sha256:
        problems.append(
            f"the rows have rows_sha256 {rows.hexdigest()}, expected {manifest.rows_sha256}"
        )
    return problems


def _add(platform: Platform, facts: ObjectFacts, rows: RowDigest) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(RangedFile(platform.lake, facts)) as file:
            rows.add(file.iter_batches(BATCH_ROWS))
    except (pa.ArrowInvalid, KeyError) as error:
        raise Terminal(
            f"{platform.lake.uri(facts.key)} is no Parquet file of a training set: {error}. "
            "Delete the set's manifest.json and materialize the training set again."
        ) from error


def _parse(body: bytes, key: str) -> Manifest:
    try:
        return Manifest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ManifestError(
            f"{key} is no manifest of a training set: {where}: {first['msg']}. Materialize the "
            "training set again; a set from before this version has no such manifest."
        ) from error


def _named(use_case: str, sha256: str = "") -> str:
    return f"{FOLDER}/{use_case}/manifests/{sha256}{'.json' if sha256 else ''}"
