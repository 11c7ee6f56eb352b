"""Training's entry under SageMaker script mode, which runs a program by file name.

Stands beside bootstrap.py at the root of `sourcedir.tar.gz`. Nothing else belongs here.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from bootstrap import run_step  # type: ignore[import-not-found] # its neighbour in the bundle

    sys.exit(run_step("train", sys.argv[1:]))
