"""Which snapshots and journals there are, what to make of them at start, which are still needed.

A generation is a snapshot with the journal of the calls after it. Two are kept: from the older
one and both journals, everything is there even if the newest snapshot is damaged. The formats
belong to core.snapshot and core.journal_file, the timing to the keeper.
"""

from __future__ import annotations

import logging
import os
from itertools import pairwise
from typing import TYPE_CHECKING

from localaws.core import journal_file, snapshot
from localaws.core.bodies import Bodies
from localaws.core.damage import WAY_OUT, DamagedError, StateError, set_aside
from localaws.core.journal import Journal, path_of
from localaws.core.replay import replay

if TYPE_CHECKING:
    from pathlib import Path

    from localaws.core.journal_file import Contents, Entry
    from localaws.core.passthrough import Moto

_log = logging.getLogger(__name__)

#: So many calls or objects are named where some were lost or differ.
_NAMED = 10


class Generations:
    """The generations in a folder.

    Attributes:
        journal: Open once ``load`` has returned.
        notes: What was wrong at the last load; empty if nothing.
    """

    journal: Journal

    def __init__(self, folder: Path, *, salvage: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._salvage = salvage
        self._bodies = Bodies(folder / "objects")
        #: Which bodies each snapshot and each journal needs, by the number in its name.
        self._needed: dict[int, set[str]] = {}
        self._sent: dict[int, set[str]] = {}
        self.notes: list[str] = []

    def load(self, moto: Moto) -> None:
        """Give moto the newest state there is: a snapshot, and the calls made after it.

        Raises:
            DamagedError: A part of it cannot be read, and no other file makes up for it.
            StateError: Another version wrote it.
        """
        old = self._folder / "snapshot.bin"
        if old.exists():
            raise StateError(
                f"{old} was written by an older version, which this one cannot read. "
                "Start afresh with `make clean-state`, or put back what wrote it."
            )
        start = self._load_snapshot(moto)
        entries, last, contents = self._entries_after(start)
        done = replay(moto, entries, self._bodies, salvage=self._salvage)
        self._tell(done.diverged, "calls of the journal were answered otherwise than before")
        self._tell(done.lost, "calls of the journal could not be made, their content is damaged")
        seq = entries[-1].seq if entries else max(start, last)
        calls = len(contents.entries) if contents else 0
        self.journal = Journal(self._folder, last, seq, calls, self._bodies)
        for note in self.notes:
            _log.error("%s", note)
        if self.notes:
            self.checkpoint(moto)  # what was mended need not be mended again

    def checkpoint(self, moto: Moto) -> None:
        """Write a snapshot and begin a new journal; forget the generation before the last.

        Raises:
            OSError: There is no room. Nothing is lost: the journals are still there.
        """
        journal = self.journal
        with moto.lock:
            base = journal.base
            if journal.seq > base:
                journal.rotate()
            payload, digests = snapshot.collect(moto, self._bodies)
            seq = journal.seq
            self._sent.setdefault(base, set()).update(self._bodies.take_recent())
        self._needed[seq] = digests
        journal.sync()
        snapshot.write(self._snapshot_path(seq), payload)
        self._retire()

    def _load_snapshot(self, moto: Moto) -> int:
        damaged = []
        for seq in sorted(self._numbers("snapshot"), reverse=True):
            snapshot.forget(moto)
            try:
                self._needed[seq], gone = snapshot.load(
                    self._snapshot_path(seq), self._bodies, salvage=self._salvage
                )
            except DamagedError as error:
                _log.error("%s", error)
                damaged.append((seq, error))
                continue
            self._make_up_for(damaged, seq)
            self._tell(gone, "objects have lost their content and cannot be read")
            return seq
        snapshot.forget(moto)
        self._make_up_for(damaged, 0)
        return 0

    def _make_up_for(self, damaged: list[tuple[int, DamagedError]], seq: int) -> None:
        """Set damaged snapshots aside if the journals since ``seq`` hold all that they held."""
        if not damaged:
            return
        whole = path_of(self._folder, seq).exists()
        if not whole and not self._salvage:
            calls = sum(len(self._read(number).entries) for number in self._numbers("journal"))
            raise DamagedError(
                f"{damaged[0][1]} There is no older one to begin from. What can be kept: what "
                f"{calls} later calls on record can make again. {WAY_OUT}"
            )
        for number, error in damaged:
            aside = set_aside(self._snapshot_path(number))
            made_up = "nothing is lost" if whole else "what only it knew is lost"
            self.notes.append(f"{error} It was set aside as {aside.name}; {made_up}.")
        if not whole:
            self._keep_objects()

    def _keep_objects(self) -> None:
        """Copy the contents only a damaged snapshot knew to where nothing removes them."""
        objects = self._folder / "objects"
        aside = set_aside(objects)
        objects.mkdir()
        for path in aside.glob("??/*"):
            again = objects / path.parent.name / path.name
            again.parent.mkdir(exist_ok=True)
            os.link(path, again)

    def _entries_after(self, start: int) -> tuple[list[Entry], int, Contents | None]:
        """Return the calls after a snapshot, the newest journal's number and what it holds."""
        numbers = sorted(number for number in self._numbers("journal") if number >= start)
        found = {number: self._read(number) for number in numbers}
        problem = self._problem(start, found)
        if problem and not self._salvage:
            calls = sum(len(contents.entries) for contents in found.values())
            raise DamagedError(f"{problem} What can be kept: {calls} calls. {WAY_OUT}")
        entries = [entry for contents in found.values() for entry in contents.entries]
        for number, contents in found.items():
            self._mend(number, contents, is_last=number == numbers[-1])
            self._sent[number] = {e.call.body_digest for e in contents.entries} - {""}
        if problem:
            self.notes.append(f"{problem} The {len(entries)} calls that could be read were kept.")
        last = numbers[-1] if numbers else start
        if problem:  # what is left no longer follows on from its number
            last = max([last, *(entry.seq for entry in entries)])
        return entries, last, found.get(last)

    def _problem(self, start: int, found: dict[int, Contents]) -> str:
        for number, contents in found.items():
            path = path_of(self._folder, number)
            if contents.holes:
                size = sum(end - begin for begin, end in contents.holes)
                return f"{path} is damaged: {size} bytes from {contents.holes[0][0]} on."
            if contents.size > contents.end and number != max(found):
                return f"{path} is damaged: it breaks off at {contents.end}."
        after = [start] + [e.seq for contents in found.values() for e in contents.entries]
        for before, seq in pairwise(after):
            if seq != before + 1:
                return f"{self._folder}: the journal of calls {before + 1} to {seq - 1} is missing."
        if (found and start not in found) or (start and not found):
            return f"{path_of(self._folder, start)} is missing."
        return ""

    def _mend(self, number: int, contents: Contents, *, is_last: bool) -> None:
        path = path_of(self._folder, number)
        if contents.holes or (contents.size > contents.end and not is_last):
            set_aside(path)
        elif contents.size > contents.end:
            _log.warning(
                "%s: dropped %d bytes behind the last whole record; the call that was being "
                "recorded there was never answered", path, contents.size - contents.end,
            )  # fmt: skip
            os.truncate(path, contents.end)

    def _retire(self) -> None:
        snapshots = sorted(self._numbers("snapshot"))
        oldest = snapshots[-2] if len(snapshots) > 1 else 0
        for number in snapshots[:-2]:
            self._snapshot_path(number).unlink()
        for number in self._numbers("journal"):
            if number < oldest:
                path_of(self._folder, number).unlink()
        self._needed = {seq: held for seq, held in self._needed.items() if seq >= oldest}
        self._sent = {seq: held for seq, held in self._sent.items() if seq >= oldest}
        self._bodies.keep_only(set().union(*self._needed.values(), *self._sent.values()))

    def _tell(self, names: list[str], what: str) -> None:
        if names:
            self.notes.append(f"{len(names)} {what}: {', '.join(names[:_NAMED])}")

    def _read(self, number: int) -> Contents:
        return journal_file.read(path_of(self._folder, number))

    def _numbers(self, kind: str) -> list[int]:
        found = self._folder.glob(f"{kind}-{'[0-9]' * 12}.bin")
        return [int(path.stem.rpartition("-")[2]) for path in found]

    def _snapshot_path(self, seq: int) -> Path:
        return self._folder / f"snapshot-{seq:012d}.bin"
