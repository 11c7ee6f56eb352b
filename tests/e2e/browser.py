"""A headless Chromium driven over its DevTools protocol: open a page, click, type, look.

Elements are found by what a person reads. What is clicked is the test's.
"""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.sync.client import ClientConnection

SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
)
_LOOK_SECONDS = 60.0
#: The innermost visible, enabled elements that read so; the last, since dialogs come last.
_FIND = """
((words, tags) => {
  const seen = [...document.querySelectorAll(tags)].filter(each =>
    (each.innerText || each.placeholder || '').trim() === words
    && each.getClientRects().length && !each.disabled);
  const inner = seen.filter(each => !seen.some(other => other !== each && each.contains(other)));
  const found = inner[inner.length - 1];
  if (!found) return null;
  found.scrollIntoView({block: 'center'});
  const box = found.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
})(%s, %s)
"""


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=_LOOK_SECONDS))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def run(self, script: str) -> Any:
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"]
        return found.get("value")

    def open(self, url: str) -> None:
        self.ask("Page.navigate", url=url)

    def text(self) -> str:
        return str(self.run("document.body ? document.body.innerText : ''"))

    def wait(self, words: str) -> None:
        """Wait until the page says something.

        Raises:
            AssertionError: It does not; has what it says.
        """
        deadline = time.monotonic() + _LOOK_SECONDS
        while words not in self.text():
            assert time.monotonic() < deadline, f"never said {words!r}:\n{self.text()[:3000]}"
            time.sleep(0.1)

    def click(self, words: str, tags: str = "button, a, [role=tab], [role=menuitem]") -> None:
        """Click what reads so, once it is there and can be clicked.

        Raises:
            AssertionError: It never was; has what the page says.
        """
        deadline = time.monotonic() + _LOOK_SECONDS
        script = _FIND % (json.dumps(words), json.dumps(tags))
        last = None
        # Twice at the same place: what still moves would be missed.
        while (place := self.run(script)) is None or place != last:
            assert time.monotonic() < deadline, f"nothing reads {words!r}:\n{self.text()[:3000]}"
            last = place
            time.sleep(0.15)
        for kind in ("mousePressed", "mouseReleased"):
            self.ask(
                "Input.dispatchMouseEvent",
                type=kind, x=place[0], y=place[1], button="left", clickCount=1,
            )  # fmt: skip

    def focus(self, selector: str) -> None:
        """Put the cursor into the last element that fits: a dialog's comes after the page's."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})].pop()"
        assert self.run(f"(each => each && (each.focus(), true))({found})"), selector

    def type(self, words: str) -> None:
        """Replace the text of what has the focus."""
        self.run("document.activeElement.select && document.activeElement.select()")
        self.ask("Input.insertText", text=words)

    def press(self, key: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind, key=key, code=key, windowsVirtualKeyCode=code,
            )  # fmt: skip

    def picture(self, path: Path) -> None:
        shot = self.ask("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(shot))


@contextmanager
def browsing(
    browser: str, profile: Path, *, size: tuple[int, int] = (1600, 1200)
) -> Iterator[Page]:
    """Start a browser with a profile of its own, and give its tab; it is ended by its own pid."""
    profile.mkdir(parents=True)
    with (profile / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                browser,
                *SWITCHES,
                f"--window-size={size[0]},{size[1]}",
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        # A page with large answers: the UI's asset graph is one message.
        with connect(_tab(profile, process), max_size=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _tab(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the address of the first tab, once the browser has said on which port it listens."""
    told = profile / "DevToolsActivePort"
    deadline = time.monotonic() + _LOOK_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, (profile / "log").read_text(errors="replace")[-2000:]
        port = told.read_text().split("\n")[0] if told.exists() else ""
        if port:
            with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
                for tab in json.load(answer):
                    if tab["type"] == "page":
                        return str(tab["webSocketDebuggerUrl"])
        time.sleep(0.1)
    raise AssertionError(f"no tab after {_LOOK_SECONDS} s")
