"""``python -m localaws``: runs the embedded AWS in the foreground until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from localaws.core.damage import StateError
from localaws.core.endings import EndSignal
from localaws.core.faults.nodes import PlanError
from localaws.core.faults.reading import read_file
from localaws.core.listener import PortInUseError
from localaws.core.lockfile import StateInUseError
from localaws.server import Server


def main() -> int:
    """Run a server; print one line once it is ready. Returns the exit code."""
    arguments = _arguments()
    enforce_iam = arguments.enforce_iam or os.environ.get("PERENNIAL_ENFORCE_IAM") == "1"
    _forget_aws_settings()
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    end = EndSignal()
    try:
        plan = read_file(arguments.faults) if arguments.faults else None
        server = Server(
            arguments.state,
            arguments.port,
            enforce_iam=enforce_iam,
            salvage=arguments.salvage,
            faults=plan,
        )
        server.start()
    except (PlanError, PortInUseError, StateInUseError, StateError) as error:
        sys.stderr.write(f"localaws: {error}\n")
        return 1
    sys.stdout.write(f"localaws ready at {server.endpoint_url}\n")
    sys.stdout.flush()
    end.wait()
    server.stop()
    return 0


def _forget_aws_settings() -> None:
    # This server is an AWS; its user's profiles and endpoints are meant for the user's programs.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="localaws", description="The embedded AWS.")
    parser.add_argument("--port", type=int, default=4566, help="port on 127.0.0.1 (0: any)")
    parser.add_argument(
        "--state", type=Path, default=Path(".perennial/aws"), help="folder that keeps everything"
    )
    parser.add_argument(
        "--enforce-iam",
        action="store_true",
        help="hold roles to their policies; so does PERENNIAL_ENFORCE_IAM=1",
    )
    parser.add_argument(
        "--salvage",
        action="store_true",
        help="of damaged state keep what can be read; damaged files are set aside",
    )
    parser.add_argument("--faults", type=Path, help="fault plan, see docs/localaws/faults.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
