"""Search better settings of the network on past dates, within some minutes.

Settings that do well on few rows are tried on more, and the best meets those that stand
at dates that the search has not seen. Each training is a row of clv.tuning_trials. No
window is looked at by which a network is judged, so the next build judges what is
chosen here as fairly as before. The warehouse is read meanwhile, so no build can run.
"""

import argparse
from pathlib import Path

import yaml

from clv_warehouse.clv.backtest import known_rows
from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.search import (
    TOO_SHORT,
    Proposal,
    SearchError,
    proposal,
    searched,
)
from clv_warehouse.engines.duckdb import DuckDb
from clv_warehouse.learning.apart import apart
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import read_memory
from clv_warehouse.project.opening import opened
from clv_warehouse.project.places import WAREHOUSES, manifest, warehouse_of
from clv_warehouse.project.settings import values

TRIALS = "clv.tuning_trials"


def main() -> int:
    """Search, write the trials down and say what to do; return the exit code."""
    arguments = _arguments()
    warehouse = warehouse_of(arguments.target)
    chosen = values(arguments.vars)
    standing = NetworkConfig.of(chosen["network"])
    (table,) = (
        table for table in read_memory(arguments.manifest) if table.full_name == TRIALS
    )
    with opened(warehouse) as connection:
        features = connection.table("features.customer_features")
        targets = connection.table("features.customer_targets")
        (end,) = features.aggregate("max(as_of_date)").fetchall()[0]
        trials = apart(
            *(searched, standing, end, max(chosen["horizons"])),
            60 * arguments.minutes,
            **known_rows(features, targets, standing.features),
            days=connection.table("features.shop_days"),
        )
    if not len(trials):
        raise SearchError(TOO_SHORT)
    with opened(warehouse, read_only=False, wait_seconds=600) as connection:
        DuckDb().add(connection, table, trials.to_reader())
    print(f"{len(trials)} trainings are in {TRIALS}.")
    found = proposal(trials.to_pylist(), standing)
    print(advice(found, chosen["network"], arguments.target))
    return 0


def advice(found: Proposal, network: dict, target: str) -> str:
    """Say in a sentence or two what the search has found."""
    told = (
        f"at {found.dates} past dates rank, total and error together were "
        f"{found.gain:+.1%} better, with noise of {found.noise:.1%}"
    )
    if not found.is_better:
        why = told if found.settings else "too few dates could be compared"
        return f"Nothing beat the settings that stand by more than noise: {why}."
    given = yaml.safe_dump(
        {"network": network | found.settings}, default_flow_style=True, width=10_000
    ).strip()
    return (
        f"Better settings: {told}. Train with them, and let the build judge them:\n"
        f"  dbt build --target {target} --vars '{given}'"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tune.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--target", choices=sorted(WAREHOUSES), default="sample")
    parser.add_argument(
        "--minutes",
        type=float,
        default=10,
        help="how long to search (default: %(default)s)",
    )
    parser.add_argument(
        "--vars", default="{}", help="the vars that the builds have, if they have any"
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        default=manifest(),
        help="what dbt wrote of the project (default: %(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_main(main)
