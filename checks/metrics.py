"""Checks that MetricFlow gives every metric the value that our own SQL gives.

It runs in the environment that `make test-metrics` creates.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

from clv_warehouse.project import metrics
from clv_warehouse.project.command import run_main
from clv_warehouse.project.places import ROOT

WAREHOUSE = ROOT / "data" / "sample.duckdb"
CUSTOMERS = "profiles.customer_profiles"


def run(command: str, *arguments: str | Path) -> None:
    """Run a command of this environment in the project's folder."""
    program = Path(sys.executable).with_name(command)
    subprocess.run([program, *arguments], cwd=ROOT, check=True)


def ask(names: Sequence[str], *arguments: str) -> list[dict[str, str]]:
    """Query metrics with MetricFlow's own command on the sample shop."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.csv"
        run("mf", "query", "--metrics", ",".join(names), "--csv", answer, *arguments)
        with answer.open(encoding="utf-8") as lines:
            return list(csv.DictReader(lines))


def main() -> int:
    """Compare all metrics, and those of customers by country; 1 if any differs."""
    argparse.ArgumentParser(prog="checks.metrics", description=__doc__).parse_args()
    run("dbt", "--quiet", "parse")
    defined = metrics.load()
    of_customers = [metric for metric in defined if metric.relation == CUSTOMERS]
    names = [metric.name for metric in defined]
    [totals] = ask(names)
    by_country = {
        row["customer__country"]: row
        for row in ask(
            [metric.name for metric in of_customers], "--group-by", "customer__country"
        )
    }
    compared, wrong = 0, []
    with duckdb.connect(str(WAREHOUSE), read_only=True) as warehouse:
        answers = [
            (metric.name, "all", totals[metric.name], value)
            for metric in defined
            for (value,) in warehouse.sql(metric.query()).fetchall()
        ] + [
            (metric.name, country, by_country[country][metric.name], value)
            for metric in of_customers
            for country, value in warehouse.sql(metric.query("country")).fetchall()
        ]
    for name, group, theirs, ours in answers:
        compared += 1
        if abs(float(theirs) - float(ours)) > 1e-9 * abs(float(ours)):
            wrong.append(f"{name}, {group}: MetricFlow {theirs}, our SQL {ours}")
    print("\n".join(wrong) or f"MetricFlow gives the same {compared} values.")
    return int(bool(wrong))


if __name__ == "__main__":
    run_main(main)
