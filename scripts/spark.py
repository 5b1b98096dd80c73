"""Build the warehouse on Spark, or check that a shop is there what it is on DuckDB."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from clv_warehouse.spark.build import BuildError, build
from clv_warehouse.spark.check import check_made, check_sample
from clv_warehouse.spark.sessions import SESSIONS

SHOWN, WIDTH = 5, 500


def main() -> int:
    """Do what the command line says; return the exit code."""
    arguments, options = _arguments()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="clv_spark_") as scratch:
        try:
            with SESSIONS[arguments.engine](Path(scratch)) as session:
                if arguments.command == "build":
                    build(session, options)
                    return 0
                if arguments.customers:
                    found = check_made(session, arguments.customers, Path(scratch))
                else:
                    found = check_sample(session, arguments.warehouse)
        except BuildError as error:
            print(f"spark.py: {error}; see dbt's message above.", file=sys.stderr)
            return 1
    for table, wrong in found.items():
        print(f"{table}: {f'{len(wrong)} values differ' if wrong else 'the same'}")
        for difference in wrong[:SHOWN]:
            print(f"  {difference}"[:WIDTH])
    failed = sum(map(bool, found.values()))
    print(f"{len(found) - failed} passed, {failed} failed")
    print(f"on {arguments.engine} in {time.monotonic() - started:.0f} s")
    return int(failed > 0)


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="spark.py", description=__doc__)
    parser.add_argument(
        "command",
        choices=("build", "check"),
        help="build the shop of schema raw (further options go to dbt), or check",
    )
    parser.add_argument(
        "--engine",
        choices=SESSIONS,
        default="plain",
        help="plain: the environment's session; sail or local: one in this process",
    )
    parser.add_argument(
        "--warehouse",
        type=Path,
        default=Path("data/sample.duckdb"),
        help="what to compare with: the DuckDB file of target sample",
    )
    parser.add_argument(
        "--customers",
        type=int,
        default=0,
        help="check a made-up shop of so many, not the sample shop",
    )
    arguments, options = parser.parse_known_args()
    if options and arguments.command == "check":
        parser.error(f"check knows no {options[0]}")
    return arguments, options


if __name__ == "__main__":
    sys.exit(main())
