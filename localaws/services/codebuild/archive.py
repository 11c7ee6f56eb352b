"""The zip file that a build puts out, packed deterministically.

Where it goes to (S3) does not belong here; unpacking a source is core.archives' business.
"""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localaws.services.codebuild.buildspec import Artifacts

# The oldest time a zip can hold: equal content must make equal bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


class ArtifactError(ValueError):
    """An artifact pattern leaves the source, or matched nothing."""


def pack(artifacts: Artifacts, source: Path) -> bytes:
    """Zip the files the buildspec names, with paths relative to its base directory.

    Raises:
        ArtifactError: The base directory leaves the source, or a pattern matches nothing.
    """
    base = (source / artifacts.base_directory).resolve()
    if not base.is_relative_to(source.resolve()):
        raise ArtifactError(
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
        raise ArtifactError(f"artifacts.files pattern {pattern!r} is not relative to the source")
    found = [p for p in base.glob(pattern) if p.is_file() and not p.is_symlink()]
    if not found:
        raise ArtifactError(f"no matching artifact paths found for {pattern!r}")
    return found


def _write(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    entry = zipfile.ZipInfo(name, _NO_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | (path.stat().st_mode & 0o777)) << 16
    archive.writestr(entry, path.read_bytes())
