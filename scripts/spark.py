"""Build the warehouse on Spark or Sail from schema raw; other options go to dbt."""

import argparse
import os
import sys

from clv_warehouse.engines.spark.build import BuildError, build
from clv_warehouse.engines.spark.sessions import SESSIONS
from clv_warehouse.project.command import run_main
from clv_warehouse.project.places import ROOT
from clv_warehouse.project.scratch import scratch_folder
from clv_warehouse.project.secrets import required


def main() -> int:
    """Build; return the exit code."""
    parser = argparse.ArgumentParser(prog="spark.py", description=__doc__)
    parser.add_argument("command", choices=("build",))
    parser.add_argument(
        "--engine",
        choices=SESSIONS,
        default="plain",
        help="plain: the environment's session; sail or local: one in this process",
    )
    arguments, options = parser.parse_known_args()
    # dbt reads the project, and Spark its own files, in the current folder.
    os.chdir(ROOT)
    with scratch_folder() as scratch:
        try:
            secrets = required()
            with SESSIONS[arguments.engine](scratch) as session:
                build(session, secrets, options)
        except BuildError as error:
            print(f"spark.py: {error}; see dbt's message above.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    run_main(main)
