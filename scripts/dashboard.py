"""Write the dashboard: one HTML file that shows a built warehouse."""

import argparse
import sys
from pathlib import Path

import duckdb

from clv_warehouse.project.command import run_main
from clv_warehouse.project.places import WAREHOUSES, warehouse_of
from clv_warehouse.serving.dashboard.page import write_dashboard


def main() -> int:
    """Write the page; 1 if the warehouse is not there."""
    parser = argparse.ArgumentParser(prog="dashboard.py", description=__doc__)
    parser.add_argument("--target", choices=sorted(WAREHOUSES), default="sample")
    parser.add_argument("--out", type=Path, default=Path("data/dashboard.html"))
    arguments = parser.parse_args()
    path = warehouse_of(arguments.target)
    try:
        write_dashboard(path, arguments.out)
    except (duckdb.Error, OSError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        print(f"Build it first: dbt build --target {arguments.target}", file=sys.stderr)
        return 1
    print(f"{arguments.out} is written: open it in a browser.")
    return 0


if __name__ == "__main__":
    run_main(main)
