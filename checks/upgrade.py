"""Builds the sample shop over a warehouse that an older version built, and compares.

    python -m checks.upgrade 8342b18

The older version is a commit of this repository. All tables under contract must be as
in a warehouse that this version builds alone, but for those that remember.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from checks.same import compare, report
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import read_memory, read_tables
from clv_warehouse.project.places import ROOT
from clv_warehouse.project.scratch import scratch_folder

# What lists trainings knows those of the older version.
TELLS_OF_TRAININGS = ("clv.trainings",)
# An alarm says what the newer version has changed in published tables.
TELLS_OF_BUILDS = (
    *("monitoring.builds", "monitoring.schema_changes", "monitoring.alarms"),
    "reports.alarms_today",
)


def main() -> int:
    """Compare; return 1 if a table differs."""
    parser = argparse.ArgumentParser(prog="upgrade.py", description=__doc__)
    parser.add_argument("commit", help="the older version")
    commit = parser.parse_args().commit
    with scratch_folder() as scratch:
        older = scratch / "older"
        subprocess.run(
            ["git", "worktree", "add", "--quiet", "--detach", older, commit],
            cwd=ROOT,
            check=True,
        )
        try:
            upgraded = scratch / "sample.duckdb"
            build(older, upgraded, scratch / "target_older")
            build(ROOT, upgraded, scratch / "target")
            (scratch / "alone").mkdir()
            alone = scratch / "alone" / "sample.duckdb"
            build(ROOT, alone, scratch / "target")
            manifest = scratch / "target" / "manifest.json"
            return int(not are_same(upgraded, alone, manifest))
        finally:
            subprocess.run(
                ["git", "worktree", "remove", "--force", older], cwd=ROOT, check=True
            )


def build(project: Path, warehouse: Path, target: Path) -> None:
    """Build the sample shop with the version of a folder, with its default tests."""
    subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "--quiet", "build"),
            *("--target", "sample", "--target-path", target),
            *("--project-dir", project, "--profiles-dir", project),
        ],
        cwd=project,
        env=os.environ
        | {"CLV_WAREHOUSE": str(warehouse), "PYTHONPATH": str(project / "src")},
        check=True,
    )


def are_same(upgraded: Path, alone: Path, manifest: Path) -> bool:
    """Print a line per table, and what differs; say whether all are the same."""
    left_out = {table.full_name for table in read_memory(manifest)}
    left_out |= {*TELLS_OF_TRAININGS, *TELLS_OF_BUILDS}
    tables = [
        table for table in read_tables(manifest) if table.full_name not in left_out
    ]
    builds = ("this version alone", "over the older version")
    return report(builds, compare(tables, [alone, upgraded]))


if __name__ == "__main__":
    run_main(main)
