"""Publish a built warehouse: a DuckDB copy for readers, Parquet, PostgreSQL.

It publishes the tables under contract. Every publication begins with the serving copy,
and the other forms are made from that copy, so all hold the same rows.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from clv_warehouse.project import settings
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import PublishError, read_tables
from clv_warehouse.project.places import WAREHOUSES, warehouse_of
from clv_warehouse.serving.publishing.folder import locked, remove_old_versions
from clv_warehouse.serving.publishing.postgres import publish_to_postgres
from clv_warehouse.serving.publishing.publication import (
    PARQUET,
    SERVING,
    publish_parquet,
    publish_serving_copy,
)

FORMS = {
    "serving": "a DuckDB file of the published tables",
    "parquet": "that, and the same tables as Parquet",
    "postgres": "that, and the same tables in PostgreSQL",
    "all": "that, Parquet, and PostgreSQL where CLV_POSTGRES names a database",
}


def main() -> int:
    """Publish what the command line names; return the exit code."""
    arguments = _arguments()
    try:
        _publish(arguments)
    except (PublishError, settings.SettingError) as error:
        print(f"publish.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("publish.py: stopped; each published form is whole.", file=sys.stderr)
        return 130
    return 0


def _publish(arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    form, folder, wait = arguments.form, arguments.to, arguments.wait
    copies_kept = settings.values(arguments.vars)["published_copies_kept"]
    tables = read_tables(arguments.manifest)
    warehouse = warehouse_of(arguments.target)
    with locked(folder, wait):
        version = publish_serving_copy(warehouse, tables, folder, wait, _say)
        _say(f"{folder / SERVING}: {len(tables)} tables of {warehouse}")
        if form in ("parquet", "all"):
            publish_parquet(version, tables, folder)
            _say(f"{folder / PARQUET}: the same, as SCHEMA/TABLE/*.parquet")
        if arguments.dsn:
            rows = publish_to_postgres(
                version / SERVING,
                tables,
                arguments.dsn,
                arguments.reader,
                max(wait, arguments.wait_for_readers),
                _say,
            )
            _say(f"PostgreSQL: the same, {rows:,} rows")
        remove_old_versions(folder, copies_kept)
    _say(f"Published in {time.monotonic() - started:.1f} s.")


def _say(line: str) -> None:
    print(line, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="publish.py", description=__doc__)
    forms = parser.add_subparsers(dest="form", required=True)
    for name, text in FORMS.items():
        command = forms.add_parser(name, help=text, description=f"Publish {text}.")
        command.add_argument("--target", choices=sorted(WAREHOUSES), default="sample")
        command.add_argument(
            "--to",
            type=Path,
            default=Path("data/published"),
            help="the folder of published files (default: %(default)s)",
        )
        command.add_argument(
            "--manifest",
            type=Path,
            default=Path(os.environ.get("DBT_TARGET_PATH", "target"), "manifest.json"),
            help="what dbt wrote of the project (default: %(default)s)",
        )
        command.add_argument(
            "--wait",
            type=float,
            default=0,
            metavar="SECONDS",
            help="how long to wait for a build, another publish, or readers of "
            "PostgreSQL's old tables (default: 0; 60 for readers)",
        )
        command.add_argument(
            "--vars",
            default="{}",
            metavar="YAML",
            help="settings, as dbt takes them: '{published_copies_kept: 5}'",
        )
        command.set_defaults(dsn=None, reader=None, wait_for_readers=60)
        if name in ("postgres", "all"):
            command.add_argument(
                "--dsn",
                default=os.environ.get("CLV_POSTGRES"),
                help="PostgreSQL's address, such as postgresql://user@host/database "
                "(default: the environment variable CLV_POSTGRES); keep the password "
                "in ~/.pgpass",
            )
            command.add_argument(
                "--reader",
                default=os.environ.get("CLV_POSTGRES_READER"),
                metavar="ROLE",
                help="a role that may read the tables (default: the environment "
                "variable CLV_POSTGRES_READER, or no other than before)",
            )
    arguments = parser.parse_args()
    if arguments.form == "postgres" and not arguments.dsn:
        parser.error("postgres needs --dsn, or the environment variable CLV_POSTGRES")
    return arguments


if __name__ == "__main__":
    run_main(main)
