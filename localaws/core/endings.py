"""Waiting for the signal that ends a server, whichever of its threads the kernel hands it to.

Python runs a signal's handler in the main thread, between two bytecodes. A main thread that sleeps
on a lock reads none, and only a signal handed to itself wakes it: one that the kernel hands to
another thread would be noticed never. The wake-up descriptor is written in whatever thread it was,
https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd.
"""

from __future__ import annotations

import signal
import socket

_ENDING = (signal.SIGTERM, signal.SIGINT)


class EndSignal:
    """SIGTERM and SIGINT from now on, those before ``wait`` remembered. For the main thread."""

    def __init__(self) -> None:
        self._heard, self._told = socket.socketpair()
        self._told.setblocking(False)
        signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)
        for number in _ENDING:
            signal.signal(number, lambda *_: None)

    def wait(self) -> None:
        """Return once one has come."""
        while not any(number in _ENDING for number in self._heard.recv(64)):
            pass
