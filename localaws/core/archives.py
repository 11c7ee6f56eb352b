"""tar.gz files: extracted without trusting them, made the same byte for byte each time.

Only regular files and folders with plain relative names exist here: no links, devices or owners.
Other formats, and what is in an archive, do not belong here.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_MAX_BYTES = 2 * 1024**3
DEFAULT_MAX_FILES = 20_000
_EXECUTABLE = 0o100


class ArchiveError(ValueError):
    """The archive is damaged, too large, or holds something other than plain files."""


def extract_tar_gz(
    path: Path,
    target: Path,
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_files: int = DEFAULT_MAX_FILES,
) -> list[Path]:
    """Extract into ``target`` (made if need be) and return the files written.

    Args:
        path: The archive.
        target: Folder to write below.
        max_bytes: Most bytes all files together may have once extracted.
        max_files: Most entries the archive may have.

    Raises:
        ArchiveError: An entry is not a regular file or folder, has an absolute, climbing or
            duplicate name, a limit is exceeded, or this is no readable tar.gz. What was written
            before stays in ``target``; the caller owns and discards that folder.
    """
    target.mkdir(parents=True, exist_ok=True)
    written: dict[PurePosixPath, Path] = {}
    budget = max_bytes
    try:
        for member, content in _entries(path, max_files):
            name = _plain_name(member.name)
            if name in written:
                raise ArchiveError(f"{path.name}: duplicate entry {member.name!r}")
            if content is None:
                (target / name).mkdir(parents=True, exist_ok=True)
                continue
            budget -= member.size
            if budget < 0:
                raise ArchiveError(f"{path.name}: more than {max_bytes} bytes when extracted")
            written[name] = _write(content, target / name, executable=_is_executable(member))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArchiveError(f"{path.name}: not a readable tar.gz: {error}") from error
    return list(written.values())


def make_tar_gz(folder: Path, path: Path) -> None:
    """Pack all regular files below ``folder`` so that equal content makes equal bytes.

    Raises:
        ArchiveError: The folder holds a link or a special file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        path.open("wb") as raw,
        # No file name and no time in the header, else equal content would differ.
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for source in sorted(folder.rglob("*")):
            if source.is_symlink() or not (source.is_file() or source.is_dir()):
                raise ArchiveError(f"{source}: only regular files can be packed")
            if source.is_file():
                _add(archive, source, source.relative_to(folder).as_posix())


def _entries(path: Path, max_files: int) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    with tarfile.open(path, mode="r|gz") as archive:
        for number, member in enumerate(archive):
            if number >= max_files:
                raise ArchiveError(f"{path.name}: more than {max_files} entries")
            if member.isdir():
                yield member, None
            elif member.isreg():
                # extractfile is None for special entries only, and those end below.
                yield member, cast("IO[bytes]", archive.extractfile(member))
            else:
                raise ArchiveError(f"{path.name}: {member.name!r} is neither a file nor a folder")


def _plain_name(name: str) -> PurePosixPath:
    plain = PurePosixPath(name)
    if plain.is_absolute() or ".." in plain.parts or "\\" in name or "\0" in name:
        raise ArchiveError(f"entry {name!r} does not have a plain relative name")
    return plain


def _write(content: IO[bytes], target: Path, *, executable: bool) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as output:
        shutil.copyfileobj(content, output)
    target.chmod(0o755 if executable else 0o644)
    return target


def _add(archive: tarfile.TarFile, source: Path, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = source.stat().st_size
    entry.mode = 0o755 if source.stat().st_mode & _EXECUTABLE else 0o644
    with source.open("rb") as content:
        archive.addfile(entry, content)


def _is_executable(member: tarfile.TarInfo) -> bool:
    return bool(member.mode & _EXECUTABLE)
