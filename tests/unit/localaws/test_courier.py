"""Posted work is parted from its cause by no kill, and carried once without one."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from localaws.core import announcing
from localaws.core.announcing import EVENTS, Announcement, Change
from localaws.core.courier import Courier, post
from localaws.core.store import Store

ROOT = Path(__file__).resolve().parents[3]
KIND = "test/work"
#: Writes documents that announce themselves until it is killed; says each number it was done with.
WRITER = """
import sys
from pathlib import Path
from localaws.core import announcing
from localaws.core.store import Store
store = Store(Path(sys.argv[1]))
say = lambda change: [announcing.Announcement("aws.test", "T", (), {"n": change.after["n"]})]
announcing.attach(store, {"thing": say})
for n in range(10**6):
    store.table("thing").put(f"111111111111/us-east-1/{n}", {"n": n})
    print(n, flush=True)
"""


def store_at(path: Path) -> Store:
    return Store(path / "documents.sqlite")


def until(done, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_kill_parts_no_event_from_its_change(tmp_path):
    for life in range(3):
        path = tmp_path / str(life) / "documents.sqlite"
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(50 + 37 * life):
            said = writer.stdout.readline()
        writer.kill()
        writer.wait()
        store = Store(path)
        things = {document["n"] for _, document in store.table("thing").scan()}
        told = [p["body"]["event"]["detail"]["n"] for _, p in store.table(EVENTS).between("", ":")]
        store.close()
        assert told == sorted(things)
        assert set(range(int(said) + 1)) <= things


def test_an_undone_change_announces_nothing(tmp_path):
    store = store_at(tmp_path)
    announcing.attach(store, {"thing": lambda change: [Announcement("aws.test", "T", ())]})
    store.watch("thing", lambda *_: 1 / 0)  # after the event was posted
    with pytest.raises(ZeroDivisionError):
        store.table("thing").put("1/r/x", {})
    assert store.table(EVENTS).between("", ":") == []
    assert store.table("thing").get("1/r/x") is None


def test_a_notice_that_fails_does_not_fail_the_change(tmp_path):
    store = store_at(tmp_path)

    def broken(change: Change):
        raise ValueError(change.key)

    announcing.attach(store, {"thing": broken})
    store.table("thing").put("1/r/x", {"a": 1})
    assert store.table("thing").get("1/r/x") == {"a": 1}


def test_a_change_knows_what_turned(tmp_path):
    store = store_at(tmp_path)
    seen = []
    store.watch("thing", lambda *change: seen.append(Change(*change, store)))
    table = store.table("thing")
    table.put("1/r/x", {"a": 1, "b": 1})
    table.update("1/r/x", lambda d: d.update(a=2))
    table.delete("1/r/x")
    assert [(c.turned("a"), c.turned("b")) for c in seen] == [
        (True, True), (True, False), (False, False)
    ]  # fmt: skip


def test_work_is_carried_in_order_once_and_what_failed_again(tmp_path):
    store = store_at(tmp_path)
    carried: list[tuple[int, int]] = []

    def carry(body, attempts):
        carried.append((body["n"], attempts))
        if body["n"] == 1 and attempts < 2:
            return 0.05
        if body["n"] == 2 and attempts == 0:
            raise RuntimeError("of no concern to the others")
        return None

    for n in range(4):
        post(store, KIND, {"n": n})
    courier = Courier(store, KIND, carry)
    courier.start()
    try:
        until(lambda: not store.table(KIND).between("", ":"))
    finally:
        courier.stop()
    assert [n for n, attempts in carried if attempts == 0] == [0, 1, 2, 3]
    assert sorted(carried) == [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (3, 0)]


def test_an_idle_courier_sleeps(tmp_path):
    store = store_at(tmp_path)
    carried = threading.Event()
    courier = Courier(store, KIND, lambda *_: carried.set())
    courier.start()
    try:
        time.sleep(0.05)
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.02
        post(store, KIND, {})
        assert carried.wait(2)
    finally:
        courier.stop()


def test_what_is_not_due_waits_and_holds_up_nothing(tmp_path):
    store = store_at(tmp_path)
    carried: list[str] = []
    post(store, KIND, {"n": "later"}, due=time.time() + 0.3)
    courier = Courier(store, KIND, lambda body, _: carried.append(body["n"]))
    courier.start()
    try:
        post(store, KIND, {"n": "now"})
        until(lambda: carried == ["now"], 0.25)
        until(lambda: carried == ["now", "later"])
    finally:
        courier.stop()
