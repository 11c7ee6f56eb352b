"""Runs AWS CLI commands, each in a fork of a process that has imported the CLI. Run by its path.

Starting Python and importing the CLI takes most of a command's time. A line of JSON on stdin is a
command (arguments, and the files its stdin, stdout and stderr are); its exit code comes back.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from awscli import clidriver


def run(order: dict[str, Any]) -> int:
    """Become the command: what ``aws`` does after its imports."""
    for target, name in enumerate(("stdin", "stdout", "stderr")):
        flags = os.O_RDONLY if name == "stdin" else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(order[name], flags), target)
    sys.stdin = os.fdopen(0)
    sys.argv = ["aws", *order["arguments"]]
    try:
        return int(clidriver.main())
    except SystemExit as ending:
        return int(ending.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


clidriver.create_clidriver()  # imports the plugins
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os._exit(run(json.loads(line)))
    _, status = os.waitpid(child, 0)
    sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
    sys.stdout.flush()
