"""Write the sample shop into seeds/sample/*.csv, the same bytes every time."""

import argparse

from clv_warehouse.project.command import run_main
from clv_warehouse.project.places import ROOT
from clv_warehouse.shop.sample import write_seeds

SEEDS = ROOT / "seeds" / "sample"


def main() -> int:
    """Write the seeds; return the exit code."""
    argparse.ArgumentParser(prog="make_seeds.py", description=__doc__).parse_args()
    print(f"{write_seeds(SEEDS):,} bytes of seeds written to {SEEDS}")
    return 0


if __name__ == "__main__":
    run_main(main)
