"""Load a shop's raw data into the warehouse, replacing what is there."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from clv_warehouse.loading.connectors import CONNECTORS
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.load import LoadedFeed, link, load
from clv_warehouse.loading.reading import LoadError
from clv_warehouse.project.command import run_main
from clv_warehouse.project.places import warehouse_of


def main() -> int:
    """Load what the command line names; return the exit code."""
    arguments = _arguments()
    warehouse: Path = arguments.warehouse
    try:
        feeds = read_feeds()
        if arguments.in_place:
            loaded = link(arguments.source, warehouse, feeds, _say)
        else:
            connector = CONNECTORS[arguments.connector]
            loaded = load(connector, Path(arguments.source), warehouse, feeds, _say)
    except LoadError as error:
        print(f"load.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("load.py: stopped; the warehouse is as it was.", file=sys.stderr)
        return 130
    print(_summary(loaded, warehouse))
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _arguments() -> argparse.Namespace:
    known = "\n".join(
        f"  {name:<18}{connector.source}" for name, connector in CONNECTORS.items()
    )
    parser = argparse.ArgumentParser(
        prog="load.py",
        description=__doc__,
        epilog=f"connectors and their sources:\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("connector", choices=CONNECTORS, help="the shape of the data")
    parser.add_argument("source", help="the file or folder to load")
    parser.add_argument(
        "--in-place",
        action="store_true",
        help="folder only: make views of its Parquet files, FEED.parquet or "
        "FEED/*.parquet, and copy nothing; an address such as s3://... will do too",
    )
    parser.add_argument(
        "--warehouse",
        type=Path,
        default=_default_warehouse(),
        help="the DuckDB file to load into (default: %(default)s)",
    )
    arguments = parser.parse_args()
    if arguments.in_place and arguments.connector != "folder":
        parser.error("--in-place goes with the connector folder only")
    return arguments


def _default_warehouse() -> Path:
    return warehouse_of("shop")


def _summary(loaded: Sequence[LoadedFeed], warehouse: Path) -> str:
    """Say what was loaded, and what to type next."""
    lines = [f"\nLoaded into schema raw of {warehouse}:"]
    for feed in loaded:
        span = f"  {feed.first_date} to {feed.last_date}" if feed.first_date else ""
        lines.append(f"  {feed.name:<12}{feed.rows:>14,} rows{span}")
    setting = ""
    if warehouse != _default_warehouse():
        setting = f"CLV_WAREHOUSE={shlex.quote(str(warehouse))} "
    return "\n".join([*lines, f"Next: {setting}dbt build --target shop"])


if __name__ == "__main__":
    run_main(main)
