"""Write what benchmarks accuracy and scale measured into the documents."""

import argparse

from benchmarks import accuracy, scale
from benchmarks.harness import ROOT, measured, write_between_marks
from clv_warehouse.project.command import run_main

TABLES = {"accuracy": accuracy.table, "scale": scale.table}


def main() -> int:
    """Write the tables; return the exit code."""
    argparse.ArgumentParser(prog="checks.tables", description=__doc__).parse_args()
    for name, table in TABLES.items():
        page = ROOT / "docs" / f"{name}.md"
        write_between_marks(page, name, table(measured(name)))
        print(f"{page.relative_to(ROOT)}: what benchmark {name} measured")
    return 0


if __name__ == "__main__":
    run_main(main)
