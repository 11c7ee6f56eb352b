"""Zip files in and out of a build: unpacked without trusting them, packed deterministically.

Where they come from and go to (S3) does not belong here.
"""

from __future__ import annotations

import io
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localaws.services.codebuild.buildspec import Artifacts

_MAX_BYTES = 512 * 1024**2
_MAX_FILES = 20_000
_EXECUTABLE = 0o100
# The oldest time a zip can hold: equal content must make equal bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


class SourceError(ValueError):
    """The source is no zip of plain files, or an artifact pattern matched nothing."""


def unpack(body: bytes, target: Path) -> None:
    """Extract a zip of plain files below ``target``.

    Raises:
        SourceError: It is damaged, too large, or holds a link or a climbing name.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = archive.infolist()
            _check_size(entries)
            for entry in entries:
                _extract(archive, entry, target)
    except zipfile.BadZipFile as error:
        raise SourceError(f"the source is not a readable zip: {error}") from error


def _check_size(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > _MAX_FILES or sum(entry.file_size for entry in entries) > _MAX_BYTES:
        raise SourceError(f"the source has more than {_MAX_FILES} files or {_MAX_BYTES} bytes")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    name = PurePosixPath(entry.filename)
    mode = entry.external_attr >> 16
    if name.is_absolute() or ".." in name.parts or "\\" in entry.filename:
        raise SourceError(f"entry {entry.filename!r} does not have a plain relative name")
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
        raise SourceError(f"entry {entry.filename!r} is neither a file nor a folder")
    path = target / name
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as content, path.open("wb") as output:
        shutil.copyfileobj(content, output)
    path.chmod(0o755 if mode & _EXECUTABLE else 0o644)


def pack(artifacts: Artifacts, source: Path) -> bytes:
    """Zip the files the buildspec names, with paths relative to its base directory.

    Raises:
        SourceError: The base directory leaves the source, or a pattern matches nothing.
    """
    base = (source / artifacts.base_directory).resolve()
    if not base.is_relative_to(source.resolve()):
        raise SourceError(
            f"artifacts.base-directory {artifacts.base_directory!r} leaves the source"
        )
    files = sorted({path for pattern in artifacts.files for path in _matching(base, pattern)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            name = path.name if artifacts.discard_paths else path.relative_to(base).as_posix()
            _write(archive, name, path)
    return buffer.getvalue()


def _matching(base: Path, pattern: str) -> list[Path]:
    if PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts:
        raise SourceError(f"artifacts.files pattern {pattern!r} is not relative to the source")
    found = [p for p in base.glob(pattern) if p.is_file() and not p.is_symlink()]
    if not found:
        raise SourceError(f"no matching artifact paths found for {pattern!r}")
    return found


def _write(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    entry = zipfile.ZipInfo(name, _NO_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | (path.stat().st_mode & 0o777)) << 16
    archive.writestr(entry, path.read_bytes())
