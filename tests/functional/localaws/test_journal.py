"""Kills at random, damaged files and a full disk: nothing acknowledged is lost unnoticed."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.core_world import Process, refused, running
from tests.functional.localaws.journal_world import Scribe, listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def test_whenever_it_is_killed_everything_acknowledged_is_there(tmp_path):
    state, scribe, seen = tmp_path / "aws", Scribe(7), None
    for _ in range(3):
        with running(state) as aws:
            assert (aws.health()["status"], aws.health()["notes"]) == ("ok", [])
            if seen is None:
                scribe.prepare(aws)
            else:
                assert listing(aws) == seen
            scribe.write(aws, scribe.dice.randint(20, 60))
            seen = listing(aws)
    with running(state) as aws:
        assert listing(aws) == seen
        assert aws.health()["notes"] == []


def _values(aws: Process) -> list[str]:
    found = aws.client("ssm").get_parameters_by_path(Path="/")["Parameters"]
    return sorted(parameter["Value"] for parameter in found)


def _written(state: Path, *values: int, end: Callable[[Process], Any] = Process.kill) -> None:
    """Have a server write parameters, and end it."""
    process = Process(state)
    try:
        ssm = process.client("ssm")
        for value in values:
            ssm.put_parameter(Name=f"/{value}", Value=str(value), Type="String")
        end(process)
    finally:
        process.kill()


def _only(state: Path, pattern: str) -> Path:
    (path,) = (state / "moto").glob(pattern)
    return path


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


def test_a_record_that_breaks_off_was_never_answered_and_is_dropped(tmp_path):
    state = tmp_path / "aws"
    _written(state, 1, 2)
    journal = _only(state, "journal-*.bin")
    journal.write_bytes(journal.read_bytes() + journal.read_bytes()[:100][-60:])
    with running(state) as aws:
        assert _values(aws) == ["1", "2"]
        aws.client("ssm").put_parameter(Name="/3", Value="3", Type="String")
    with running(state) as aws:
        assert _values(aws) == ["1", "2", "3"]
        assert aws.health()["notes"] == []
    assert "dropped" in (tmp_path / "aws.log").read_text()


def test_damage_inside_a_journal_is_refused_and_salvage_keeps_the_rest(tmp_path):
    state = tmp_path / "aws"
    _written(state, 1, 2, 3)
    journal = _only(state, "journal-*.bin")
    _flip(journal, journal.read_bytes().index(b'"Value": "2"'))
    said = refused(state, 0)
    for part in (str(journal), "damaged", "2 calls", "--salvage"):
        assert part in said
    assert said.strip().count("\n") == 0
    with running(state, "--salvage") as aws:
        assert _values(aws) == ["1", "3"]
        assert "damaged" in aws.health()["notes"][0]
    assert _only(state, "journal-*.bin.damaged-*").exists()
    with running(state) as aws:
        assert _values(aws) == ["1", "3"]
        assert aws.health()["notes"] == []


def test_a_damaged_newest_snapshot_loses_nothing(tmp_path):
    state = tmp_path / "aws"
    _written(state, 1, end=Process.stop)
    _written(state, 2, end=Process.stop)
    _written(state, 3)
    newest = max((state / "moto").glob("snapshot-*.bin"))
    _flip(newest, 500)
    with running(state) as aws:
        assert _values(aws) == ["1", "2", "3"]
        assert "nothing is lost" in aws.health()["notes"][0]
        aws.client("ssm").put_parameter(Name="/4", Value="4", Type="String")
    with running(state) as aws:
        assert _values(aws) == ["1", "2", "3", "4"]
        assert aws.health()["notes"] == []


def test_a_damaged_only_snapshot_is_refused_and_salvage_keeps_later_calls(tmp_path):
    state = tmp_path / "aws"
    _written(state, 1, end=Process.stop)
    _written(state, 2)
    _only(state, "journal-000000000000.bin").unlink()
    snapshot = _only(state, "snapshot-*.bin")
    _flip(snapshot, 500)
    said = refused(state, 0)
    for part in (str(snapshot), "damaged", "later calls", "--salvage"):
        assert part in said
    with running(state, "--salvage") as aws:
        assert _values(aws) == ["2"]
        assert "what only it knew is lost" in aws.health()["notes"][0]
    assert _only(state, "snapshot-*.bin.damaged-*").exists()


def test_a_missing_content_is_refused_and_salvage_keeps_the_other_objects(tmp_path):
    state = tmp_path / "aws"
    with running(state) as aws:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="kept")
        for key in ("a", "b"):
            s3.put_object(Bucket="kept", Key=key, Body=key.encode() * 100_000)
    lost = next(
        path for path in (state / "moto/objects").glob("??/*") if path.read_bytes()[:1] == b"a"
    )
    lost.unlink()
    assert str(lost) in refused(state, 0)
    with running(state, "--salvage") as aws:
        found = aws.client("s3").list_objects_v2(Bucket="kept")["Contents"]
        assert [each["Key"] for each in found] == ["b"]


@pytest.mark.parametrize("kind", ["snapshot", "journal"])
def test_another_version_of_moto_is_refused(tmp_path, kind):
    state = tmp_path / "aws"
    _written(state, 1, end=Process.stop if kind == "snapshot" else Process.kill)
    path = max((state / "moto").glob(f"{kind}-*.bin"))
    if kind == "snapshot":
        first, _, rest = path.read_bytes().partition(b"\n")
        path.write_bytes(first.replace(b'"moto": "', b'"moto": "0') + b"\n" + rest)
    else:
        from localaws.core import journal_file

        old = journal_file.header().replace(b'"moto": "', b'"moto": "0')
        whole = journal_file.record(journal_file.Kind.HEADER, 0, journal_file.header())
        changed = journal_file.record(journal_file.Kind.HEADER, 0, old)
        path.write_bytes(changed + path.read_bytes()[len(whole) :])
    said = refused(state, 0)
    assert "moto 0" in said
    assert "make clean-state" in said


def test_damaged_documents_are_refused_and_salvage_keeps_what_can_be_read(tmp_path):
    state = tmp_path / "aws"
    names = [f"group-{number:03d}-" + "x" * 40 for number in range(60)]
    with running(state) as aws:
        sagemaker = aws.client("sagemaker")
        for name in names:
            sagemaker.create_model_package_group(
                ModelPackageGroupName=name, ModelPackageGroupDescription="d" * 1000
            )
        assert aws.stop() == 0
    path = state / "documents.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as database:
        page = database.execute("PRAGMA page_size").fetchone()[0]
    data = bytearray(path.read_bytes())
    at = len(data) // page // 2 * page
    data[at : at + page] = os.urandom(page)
    path.write_bytes(data)
    said = refused(state, 0)
    for part in (str(path), "damaged", "rows", "--salvage"):
        assert part in said
    with running(state, "--salvage") as aws:
        listed = aws.client("sagemaker").list_model_package_groups(MaxResults=100)
        kept = [group["ModelPackageGroupName"] for group in listed["ModelPackageGroupSummaryList"]]
        assert set(kept) < set(names)
        assert len(kept) >= len(names) // 2
    assert list(state.glob("documents.sqlite.damaged-*"))


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "localaws-test", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _until_refused(write: Callable[[int], Any]) -> tuple[list[int], ClientError]:
    written: list[int] = []
    for number in range(200):
        try:
            write(number)
        except ClientError as error:
            return written, error
        written.append(number)
    raise AssertionError("it was never full")


def test_a_full_disk_refuses_changes_and_loses_nothing(tmp_path):
    with _small_disk(tmp_path / "disk") as disk:
        state = disk / "aws"
        with running(state) as aws:
            s3, ssm = aws.client("s3"), aws.client("ssm")
            s3.create_bucket(Bucket="kept")
            (disk / "ballast").write_bytes(bytes(12_000_000))

            def put(number: int) -> None:
                s3.put_object(Bucket="kept", Key=str(number), Body=bytes([number]) * 1_000_000)

            def group(number: int) -> None:
                aws.client("sagemaker").create_model_package_group(
                    ModelPackageGroupName=f"g{number}", ModelPackageGroupDescription="d" * 1000
                )

            objects, error = _until_refused(put)
            assert error.response["Error"]["Code"] == "InsufficientStorage"
            assert "Make room" in error.response["Error"]["Message"]
            _fill(disk / "rest")
            with pytest.raises(ClientError, match="InsufficientStorage"):
                [ssm.put_parameter(Name=f"/{n}", Value="v", Type="String") for n in range(100)]
            groups, error = _until_refused(group)
            assert error.response["Error"]["Code"] == "InsufficientStorage"
            refused_key = str(len(objects))
            assert _keys(s3) == sorted(str(number) for number in objects)  # what can be read is so
            (disk / "rest").unlink()
            (disk / "ballast").unlink()
            put(len(objects))
            group(len(groups))
            parameters = _values(aws)
        with running(state) as aws:
            s3 = aws.client("s3")
            assert _keys(s3) == sorted([*map(str, objects), refused_key])
            for key in _keys(s3):
                body = s3.get_object(Bucket="kept", Key=key)["Body"].read()
                assert body == bytes([int(key)]) * 1_000_000
            listed = aws.client("sagemaker").list_model_package_groups(MaxResults=100)
            assert len(listed["ModelPackageGroupSummaryList"]) == len(groups) + 1
            assert _values(aws) == parameters
            assert aws.health()["notes"] == []


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (1_000_000, 1000, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass


def _keys(s3: Any) -> list[str]:
    return sorted(each["Key"] for each in s3.list_objects_v2(Bucket="kept")["Contents"])
