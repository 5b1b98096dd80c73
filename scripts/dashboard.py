"""Write the dashboard: one HTML file that shows a built warehouse."""

import argparse
from pathlib import Path

from clv_warehouse.project.command import run_main
from clv_warehouse.project.places import WAREHOUSES, in_project, warehouse_of
from clv_warehouse.serving.dashboard.page import write_dashboard


def main() -> int:
    """Write the page; return the exit code."""
    parser = argparse.ArgumentParser(prog="dashboard.py", description=__doc__)
    parser.add_argument("--target", choices=sorted(WAREHOUSES), default="sample")
    parser.add_argument(
        "--out", type=Path, default=in_project("data", "dashboard.html")
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="draw what is not one complete, tested build; the page says so",
    )
    arguments = parser.parse_args()
    write_dashboard(warehouse_of(arguments.target), arguments.out, arguments.force)
    print(f"{arguments.out} is written: open it in a browser.")
    return 0


if __name__ == "__main__":
    run_main(main)
