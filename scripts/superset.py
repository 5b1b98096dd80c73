"""Write the dashboard's files for Apache Superset, or start Superset with them."""

import argparse
import signal
import time
from pathlib import Path

from clv_warehouse.project import metrics
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import read_tables
from clv_warehouse.project.places import in_project, manifest
from clv_warehouse.serving.publishing.publication import SERVING
from clv_warehouse.serving.superset.bundle import ADDRESS, FOLDER, bundle, write, zipped
from clv_warehouse.serving.superset.dashboard import SLUG
from clv_warehouse.serving.superset.server import (
    PROJECT,
    USER,
    Superset,
    SupersetError,
    environment,
)

PUBLISHED = in_project("data", "published", SERVING)
HOME = in_project("data", "superset")
ZIP = in_project("data", f"{SLUG}_dashboard.zip")
PORT = 8088
SECONDS_BETWEEN_LOOKS = 1


def main() -> int:
    """Do what the command line says; return the exit code."""
    arguments = _arguments()
    try:
        arguments.command(arguments)
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


def _bundle(arguments: argparse.Namespace) -> None:
    """Write bi/superset/bundle from dbt's manifest."""
    files = bundle(read_tables(manifest()), metrics.load())
    write(files)
    print(f"{FOLDER}: {len(files)} files")


def _zip(arguments: argparse.Namespace) -> None:
    """Write a file for a Superset that runs elsewhere."""
    files = bundle(read_tables(manifest()), metrics.load(), arguments.address)
    arguments.to.write_bytes(zipped(files))
    print(f"{arguments.to}: import it in Superset, Dashboards, Import dashboards")


def _run(arguments: argparse.Namespace) -> None:
    """Start Superset until it is stopped."""
    if not PUBLISHED.exists():
        raise SupersetError(f"No {PUBLISHED} to look at. Publish first: make publish")
    # However this process is stopped, the server must not stay behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    superset = Superset(environment(), PROJECT, HOME, arguments.port)
    print("Setting Superset up (two minutes the first time) ...", flush=True)
    superset.set_up()
    print("Starting it ...", flush=True)
    with superset.running() as server:
        print(
            f"\n{superset.address}/superset/dashboard/{SLUG}/\n"
            f"user {USER}, password {superset.password}\nCtrl-C stops it.",
            flush=True,
        )
        while server.poll() is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)
    raise SupersetError(f"Superset has ended; {superset.log} says why.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="superset.py", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, command in (("bundle", _bundle), ("zip", _zip), ("run", _run)):
        described = commands.add_parser(name, help=command.__doc__)
        described.set_defaults(command=command)
        if name == "run":
            described.add_argument("--port", type=int, default=PORT)
        if name == "zip":
            described.add_argument(
                "--address",
                default=ADDRESS,
                help="of the database, as Superset sees it: "
                "duckdb:////srv/clv/serving.duckdb",
            )
            described.add_argument("--to", type=Path, default=ZIP)
    return parser.parse_args()


if __name__ == "__main__":
    run_main(main)
