"""Where the copies are that a command changes along with a warehouse."""

import argparse
from pathlib import Path

from clv_warehouse.project.places import backup_of, in_project, manifest

# Where publish.py writes unless it is told otherwise.
PUBLISHED = in_project("data", "published")


def add_copies(parser: argparse.ArgumentParser) -> None:
    """Let the command line name published files and backups, and wait for a publish."""
    parser.add_argument(
        "--published",
        type=Path,
        default=PUBLISHED,
        help="the folder of published files (default: %(default)s)",
    )
    parser.add_argument(
        "--backup",
        type=Path,
        action="append",
        default=[],
        help="a backup of memory.py; may be given several times (default: "
        "data/memory-TARGET.duckdb where it is there)",
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        default=manifest(),
        help="what dbt wrote of the project (default: %(default)s)",
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=0,
        metavar="SECONDS",
        help="how long to wait for another publish.py (default: %(default)s)",
    )


def backups(arguments: argparse.Namespace) -> list[Path]:
    """The backups that were named, or else the target's own, where it is there."""
    own = backup_of(arguments.target)
    return arguments.backup or ([own] if own.exists() else [])
