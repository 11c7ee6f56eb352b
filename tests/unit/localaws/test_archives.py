"""Archives from elsewhere: what is extracted, and what never is."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import warnings
import zipfile

import pytest

from localaws.core.archives import ArchiveError, extract_tar_gz, extract_zip, make_tar_gz


def _archive(path, *entries):
    with tarfile.open(path, "w:gz") as archive:
        for entry, content in entries:
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def _file(name):
    return tarfile.TarInfo(name)


def _special(name, kind, target=""):
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.linkname = target
    return entry


def test_a_folder_comes_back_as_it_was(tmp_path):
    source = tmp_path / "source"
    (source / "code").mkdir(parents=True)
    (source / "code" / "run.sh").write_text("#!/bin/sh\n")
    (source / "code" / "run.sh").chmod(0o755)
    (source / "model.txt").write_bytes(b"\0model")
    make_tar_gz(source, tmp_path / "a.tar.gz")
    written = extract_tar_gz(tmp_path / "a.tar.gz", tmp_path / "out")
    assert {path.relative_to(tmp_path / "out").as_posix() for path in written} == {
        "code/run.sh",
        "model.txt",
    }
    assert (tmp_path / "out" / "model.txt").read_bytes() == b"\0model"
    assert (tmp_path / "out" / "code" / "run.sh").stat().st_mode & 0o111


def test_equal_content_makes_equal_bytes(tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        for file in ("b", "a") if name == "one" else ("a", "b"):
            (folder / file).write_text(file)
        make_tar_gz(folder, tmp_path / f"{name}.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()


@pytest.mark.parametrize(
    "entries",
    [
        [(_file("../escaped"), b"x")],
        [(_file("/escaped"), b"x")],
        [(_file("a/../../escaped"), b"x")],
        [(_special("link", tarfile.SYMTYPE, "/etc"), b"")],
        [(_special("hard", tarfile.LNKTYPE, "a"), b"")],
        [(_special("device", tarfile.CHRTYPE), b"")],
        [(_file("same"), b"1"), (_file("./same"), b"2")],
        [(_file("big"), b"x" * 1001)],
        [(_file(str(number)), b"") for number in range(11)],
    ],
    ids=["up", "absolute", "inner up", "symlink", "hardlink", "device", "twice", "big", "many"],
)
def test_what_is_not_a_plain_small_file_is_refused(tmp_path, entries):
    path = _archive(tmp_path / "a.tar.gz", *entries)
    with pytest.raises(ArchiveError):
        extract_tar_gz(path, tmp_path / "out", max_bytes=1000, max_files=10)
    assert not (tmp_path / "escaped").exists()


def test_a_damaged_archive_is_said_to_be_one(tmp_path):
    path = _archive(tmp_path / "a.tar.gz", (_file("a"), b"x" * 5000))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ArchiveError, match="not a readable"):
        extract_tar_gz(path, tmp_path / "out")


def test_a_bomb_of_zeros_stops_at_the_limit(tmp_path):
    path = _archive(tmp_path / "a.tar.gz", (_file("zeros"), bytes(20_000_000)))
    assert path.stat().st_size < 40_000
    with pytest.raises(ArchiveError, match="more than"):
        extract_tar_gz(path, tmp_path / "out", max_bytes=1_000_000)
    assert not any((tmp_path / "out").iterdir())


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME], ids=["pax", "gnu"])
def test_a_header_that_would_fill_the_memory_is_not_read(tmp_path, kind):
    header = tarfile.TarInfo("header")
    header.type, header.size = kind, 3_000_000_000
    with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT) + bytes(100_000))
    with pytest.raises(ArchiveError, match="a header of 3000000000 bytes"):
        extract_tar_gz(tmp_path / "a.tar.gz", tmp_path / "out")


def _zip(path, *entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        for name, content, mode in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, content, compress_type=zipfile.ZIP_DEFLATED)
    return path


def test_a_zip_of_plain_files_comes_out(tmp_path):
    path = _zip(
        tmp_path / "a.zip",
        ("folder/", b"", stat.S_IFDIR | 0o755),
        ("folder/run.sh", b"#!", stat.S_IFREG | 0o755),
        ("dos.txt", b"dos", 0),
    )
    extract_zip(path, tmp_path / "out")
    assert (tmp_path / "out" / "folder" / "run.sh").stat().st_mode & 0o111
    assert (tmp_path / "out" / "dos.txt").read_bytes() == b"dos"


@pytest.mark.parametrize(
    "entries",
    [
        [("../escaped", b"x", 0)],
        [("/escaped", b"x", 0)],
        [("a/../../escaped", b"x", 0)],
        [("..\\escaped", b"x", 0)],
        [("link", b"/etc/passwd", stat.S_IFLNK | 0o777)],
        [("device", b"", stat.S_IFCHR | 0o666)],
        [("pipe", b"", stat.S_IFIFO | 0o666)],
        [("same", b"1", 0), ("./same", b"2", 0)],
        [("file", b"1", 0), ("file/below", b"2", 0)],
        [("bomb", bytes(1001), 0)],
        [(str(number), b"", 0) for number in range(11)],
    ],
    ids=["up", "absolute", "inner up", "backslash", "symlink", "device", "pipe", "twice",
         "file as folder", "bomb", "many"],
)  # fmt: skip
def test_a_zip_of_anything_else_is_refused(tmp_path, entries):
    path = _zip(tmp_path / "a.zip", *entries)
    with pytest.raises(ArchiveError):
        extract_zip(path, tmp_path / "out", max_bytes=1000, max_files=10)
    assert not list(tmp_path.rglob("escaped"))


def test_a_zip_that_lies_about_a_size_is_damaged(tmp_path):
    path = _zip(tmp_path / "a.zip", ("bomb", bytes(100_000), 0))
    content = path.read_bytes().replace((100_000).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="not a readable zip"):
        extract_zip(path, tmp_path / "out", max_bytes=1000)
    assert (tmp_path / "out" / "bomb").stat().st_size <= 9


@pytest.mark.parametrize("spoil", [lambda b: b[:-30], lambda b: b"PK", lambda b: b[:40] + b[44:]])
def test_a_damaged_zip_is_said_to_be_one(tmp_path, spoil):
    path = _zip(tmp_path / "a.zip", ("a", bytes(range(256)) * 20, 0))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ArchiveError, match="not a readable zip"):
        extract_zip(path, tmp_path / "out")
