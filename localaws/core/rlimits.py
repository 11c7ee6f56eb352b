"""What one program may take of this machine, in force before its first instruction.

Run as a script, this module sets the limits for itself and becomes the program; they are inherited
by whatever the program starts. Setting them from outside would come after the program's start, and
a ``preexec_fn`` is not safe in a process with threads. Isolated and without site-packages, so that
it adds about 15 ms. How long a program may take is its caller's to say: see core.sandbox.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import NamedTuple


class Limits(NamedTuple):
    """Limits of each process of a program, not of all together.

    Attributes:
        memory_mb: Address space; on Linux only, macOS neither sets nor keeps such a limit.
        file_mb: Size of any file it writes, its log included.
        open_files: Files and sockets open at a time.
    """

    memory_mb: int = 8 * 1024
    file_mb: int = 8 * 1024
    open_files: int = 4096


def launcher(argv: list[str], limits: Limits) -> list[str]:
    """Return the command that runs ``argv`` within ``limits``."""
    numbers = [str(number) for number in limits]
    return [sys.executable, "-I", "-S", __file__, *numbers, *argv]


def main() -> None:
    """Set the limits and become the program."""
    count = len(Limits._fields)
    limits = Limits(*(int(text) for text in sys.argv[1 : count + 1]))
    argv = sys.argv[count + 1 :]
    megabyte = 1024 * 1024
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, limits.file_mb * megabyte)
    _lower(resource.RLIMIT_NOFILE, limits.open_files)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        # Python ignores these, and what is ignored stays so in the program it becomes.
        signal.signal(number, signal.SIG_DFL)
    try:
        if sys.platform == "linux":
            # Last: with it, even becoming the program may fail.
            _lower(resource.RLIMIT_AS, limits.memory_mb * megabyte)
        os.execvp(argv[0], argv)  # noqa: S606 - never a shell
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (allowed, allowed))


if __name__ == "__main__":
    main()
