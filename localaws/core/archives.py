"""tar.gz and zip files: extracted without trusting them; tar.gz made the same byte for byte.

Only regular files and folders with plain relative names exist here: no links, devices or owners.
What is in an archive does not belong here.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DEFAULT_MAX_BYTES = 2 * 1024**3
DEFAULT_MAX_FILES = 20_000
_EXECUTABLE = 0o100
#: Names and attributes of one tar entry; Python would read any number of bytes of them at once.
_MAX_HEADER_BYTES = 64 * 1024
_HEADERS = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
                      tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})  # fmt: skip


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
    with _readable(path, "tar.gz"), tarfile.open(path, mode="r|gz", tarinfo=_Entry) as archive:
        return _extract(path, target, _tar_entries(path, archive), max_bytes, max_files)


def extract_zip(
    path: Path,
    target: Path,
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_files: int = DEFAULT_MAX_FILES,
) -> list[Path]:
    """Extract a zip; everything as for ``extract_tar_gz``."""
    if path.stat().st_size > max_bytes:
        raise ArchiveError(f"{path.name}: more than {max_bytes} bytes")
    with _readable(path, "zip"), zipfile.ZipFile(path) as archive:
        return _extract(path, target, _zip_entries(path, archive), max_bytes, max_files)


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


class _Item(NamedTuple):
    name: str
    size: int
    executable: bool
    #: None for a folder.
    open: Callable[[], IO[bytes]] | None


class _Entry(tarfile.TarInfo):
    """An entry that refuses overlong headers before they are read."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _HEADERS and self.size > _MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]


@contextlib.contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except (
        tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError,
        RuntimeError,  # zipfile's for encryption, and NotImplementedError for odd compression
        ValueError,  # tarfile's for numbers that are none; our own pass below
    ) as error:  # fmt: skip
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError(f"{path.name}: not a readable {kind}: {error}") from error


def _extract(
    path: Path, target: Path, items: Iterable[_Item], max_bytes: int, max_files: int
) -> list[Path]:
    target.mkdir(parents=True, exist_ok=True)
    written: dict[PurePosixPath, Path] = {}
    budget = max_bytes
    for number, item in enumerate(items):
        if number >= max_files:
            raise ArchiveError(f"{path.name}: more than {max_files} entries")
        name = _plain_name(item.name)
        if name in written:
            raise ArchiveError(f"{path.name}: duplicate entry {item.name!r}")
        if item.open is None:
            (target / name).mkdir(parents=True, exist_ok=True)
            continue
        budget -= item.size
        if budget < 0:
            raise ArchiveError(f"{path.name}: more than {max_bytes} bytes when extracted")
        written[name] = _write(item, target / name)
    return list(written.values())


def _tar_entries(path: Path, archive: tarfile.TarFile) -> Iterator[_Item]:
    for member in archive:
        if not (member.isdir() or member.isreg()):
            raise ArchiveError(f"{path.name}: {member.name!r} is neither a file nor a folder")
        # extractfile is None for special entries only, and those ended above.
        content = cast("Callable[[], IO[bytes]]", functools.partial(archive.extractfile, member))
        executable = bool(member.mode & _EXECUTABLE)
        yield _Item(member.name, member.size, executable, None if member.isdir() else content)


def _zip_entries(path: Path, archive: zipfile.ZipFile) -> Iterator[_Item]:
    for entry in archive.infolist():
        mode = entry.external_attr >> 16  # 0 where the zip was not made on Unix
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ArchiveError(f"{path.name}: {entry.filename!r} is neither a file nor a folder")
        content = functools.partial(archive.open, entry)
        executable = bool(mode & _EXECUTABLE)
        yield _Item(
            entry.filename, entry.file_size, executable, None if entry.is_dir() else content
        )


def _plain_name(name: str) -> PurePosixPath:
    plain = PurePosixPath(name)
    if plain.is_absolute() or ".." in plain.parts or "\\" in name or "\0" in name:
        raise ArchiveError(f"entry {name!r} does not have a plain relative name")
    return plain


def _write(item: _Item, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    assert item.open is not None  # noqa: S101 - a folder is not written
    with item.open() as content, target.open("xb") as output:
        shutil.copyfileobj(content, output)
    target.chmod(0o755 if item.executable else 0o644)
    return target


def _add(archive: tarfile.TarFile, source: Path, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = source.stat().st_size
    entry.mode = 0o755 if source.stat().st_mode & _EXECUTABLE else 0o644
    with source.open("rb") as content:
        archive.addfile(entry, content)
