"""Runs a benchmark, prints its figures and writes them to data/benchmarks."""

import argparse
import os
import sys
from pathlib import Path
from types import ModuleType

from benchmarks import (
    ablation,
    accuracy,
    budget,
    build,
    channels,
    dashboard,
    display,
    encoder,
    encoder_value,
    experiments,
    explain,
    influence,
    kinds,
    lifetime,
    loop,
    monitoring,
    publish,
    recommendations,
    scale,
    score,
    sequences,
    sql,
    train,
    truth,
    uplift,
)
from benchmarks.harness import FOLDER, report
from clv_warehouse.project.command import run_main


def main() -> int:
    """Run the benchmark that the command line names; return the exit code."""
    arguments = vars(_arguments())
    name, benchmark = arguments.pop("name"), arguments.pop("benchmark")
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(
        f"{name}, on {os.cpu_count()} cores; before the start, others kept "
        f"{os.getloadavg()[0]:.1f} of them busy",
        flush=True,
    )
    try:
        path = report(name, benchmark(**arguments))
    except (RuntimeError, OSError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    print(f"Written to {path}.")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True)

    def add(name: str, module: ModuleType) -> argparse.ArgumentParser:
        text = str(module.__doc__).splitlines()[0]
        command = names.add_parser(name, help=text, description=module.__doc__)
        command.set_defaults(benchmark=module.benchmark)
        return command

    command = add("sql", sql)
    command.add_argument(
        "--lines", type=_count, nargs="+", default=[1_000_000, 10_000_000]
    )
    command.add_argument(
        "--pandas-lines",
        type=_count,
        default=sql.MOST_LINES_IN_PANDAS,
        help="the most that pandas is given",
    )
    command = add("train", train)
    command.add_argument("--customers", type=_count, default=train.CUSTOMERS)
    command = add("influence", influence)
    command.add_argument("--customers", type=_count, default=influence.CUSTOMERS)
    command = add("score", score)
    command.add_argument("--customers", type=_count, nargs="+", default=[1_000_000])
    command = add("explain", explain)
    command.add_argument(
        "--customers", type=_count, nargs="+", default=[explain.CUSTOMERS]
    )
    command = add("dashboard", dashboard)
    command.add_argument(
        "--customers", type=_count, nargs="+", default=[dashboard.CUSTOMERS]
    )
    command = add("display", display)
    command.add_argument(
        "--customers", type=_count, nargs="+", default=list(display.CUSTOMERS)
    )
    command.add_argument(
        "--data", type=Path, default=display.DATA, help="the folder of public data"
    )
    command = add("encoder", encoder)
    command.add_argument(
        "--cases", nargs="+", choices=encoder.CASES, default=list(encoder.CASES)
    )
    command.add_argument(
        "--origins", nargs="+", default=list(encoder.ORIGINS), help="dates"
    )
    command.add_argument("--seeds", type=_count, nargs="+", default=list(encoder.SEEDS))
    command.add_argument(
        "--people",
        type=_count,
        default=encoder_value.PEOPLE,
        help="of the shop of case value",
    )
    command.add_argument(
        "--data", type=Path, default=encoder.DATA, help="the folder of public data"
    )
    command = add("sequences", sequences)
    command.add_argument(
        "--data",
        type=Path,
        nargs="+",
        default=[],
        help="files of sequences, or their folders; two public sets without it",
    )
    command.add_argument(
        "--systems",
        nargs="+",
        choices=sequences.SYSTEMS,
        default=list(sequences.SYSTEMS),
    )
    command.add_argument(
        "--customers", type=_count, default=0, help="at most; all without it"
    )
    command = add("experiments", experiments)
    command.add_argument(
        "--customers",
        type=int,
        default=experiments.CUSTOMERS,
        help="of the made-up shop, which takes the most time; 0 leaves it out",
    )
    command.add_argument(
        "--data", type=Path, default=experiments.DATA, help="the folder of public data"
    )
    command = add("ablation", ablation)
    command.add_argument("--seeds", type=_count, default=ablation.SEEDS)
    command = add("scale", scale)
    command.add_argument("--lines", type=_count, nargs="+", default=[1_000_000])
    command = add("publish", publish)
    command.add_argument("--customers", type=_count, default=publish.CUSTOMERS)
    command = add("truth", truth)
    command.add_argument("--customers", type=_count, default=truth.CUSTOMERS)
    command = add("channels", channels)
    command.add_argument("--customers", type=_count, default=channels.CUSTOMERS)
    command = add("lifetime", lifetime)
    command.add_argument("--customers", type=_count, default=lifetime.CUSTOMERS)
    command = add("monitoring", monitoring)
    command.add_argument("--seed", type=int, default=monitoring.SEED)
    command = add("loop", loop)
    command.add_argument("--customers", type=_count, default=loop.CUSTOMERS)
    command.add_argument("--rounds", type=_count, default=loop.ROUNDS)
    command.add_argument("--seed", type=_count, default=loop.SEED)
    for name in ("score", "scale"):
        names.choices[name].add_argument(
            "--engine",
            choices=("duckdb", "sail", "local"),
            default="duckdb",
            help="sail and local Spark need the environment of make install-spark",
        )
    add("build", build)
    command = add("uplift", uplift)
    command.add_argument(
        "--data", type=Path, default=uplift.DATA, help="the folder of public data"
    )
    command = add("budget", budget)
    command.add_argument("--customers", type=_count, default=budget.CUSTOMERS)
    command = add("recommendations", recommendations)
    command.add_argument(
        "--cases",
        nargs="+",
        choices=recommendations.CASES,
        default=list(recommendations.CASES),
    )
    command = add("accuracy", accuracy)
    command.add_argument(
        "--shops", nargs="+", choices=accuracy.SHOPS, default=list(accuracy.SHOPS)
    )
    command.add_argument(
        "--data", type=Path, default=accuracy.DATA, help="the folder of public data"
    )
    command = add("kinds", kinds)
    command.add_argument(
        "--kinds", nargs="+", choices=kinds.KINDS, default=list(kinds.KINDS)
    )
    command.add_argument("--seed", type=_count, default=1, help="of the purchases")
    return parser.parse_args()


def _count(text: str) -> int:
    count = int(text.replace("_", ""))
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return count


if __name__ == "__main__":
    run_main(main)
