"""Archives from elsewhere: what is extracted, and what never is."""

from __future__ import annotations

import io
import tarfile

import pytest

from localaws.core.archives import ArchiveError, extract_tar_gz, make_tar_gz


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
