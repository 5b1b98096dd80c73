"""Publish a built warehouse: a DuckDB copy for readers, Parquet, PostgreSQL.

It publishes the tables under contract. Every publication begins with the serving copy,
and the other forms are made from that copy, so all hold the same rows. At its end it
says which forms are new, and which are still of an earlier publication.
"""

import argparse
import datetime as dt
import os
import re
import time
from pathlib import Path
from typing import NoReturn

from clv_warehouse.project import settings
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import read_tables
from clv_warehouse.project.places import WAREHOUSES, in_project, manifest, warehouse_of
from clv_warehouse.serving.publishing.folder import locked, remove_old_versions
from clv_warehouse.serving.publishing.postgres import (
    check_postgres,
    publish_to_postgres,
)
from clv_warehouse.serving.publishing.publication import (
    PARQUET,
    SERVING,
    builds_of,
    publish_parquet,
    publish_serving_copy,
    published_at,
)
from clv_warehouse.serving.publishing.roles import read_roles
from clv_warehouse.serving.publishing.serving import PUBLICATION

FORMS = {
    "serving": "a DuckDB file of the published tables",
    "parquet": "that, and the same tables as Parquet",
    "postgres": "that, and the same tables in PostgreSQL",
    "all": "that, Parquet, and PostgreSQL where CLV_POSTGRES names a database",
}
POSTGRES = "PostgreSQL"
NEW = "new"


def main() -> int:
    """Publish what the command line names; return the exit code."""
    _publish(_arguments())
    return 0


def _publish(arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    form, folder = arguments.form, arguments.to
    # Readers of PostgreSQL end in seconds, a build in minutes or hours.
    wait, wait_for_readers = (
        (0, 60) if arguments.wait is None else (arguments.wait, arguments.wait)
    )
    copies_kept = settings.values(arguments.vars)["published_copies_kept"]
    tables = read_tables(arguments.manifest)
    roles = read_roles(arguments.roles, tables) if arguments.roles else ()
    warehouse = warehouse_of(arguments.target)
    forms = {name: _age(at) for name, at in published_at(folder).items()}
    try:
        if arguments.dsn:
            forms[POSTGRES] = "as it was"
            at = check_postgres(
                (*tables, PUBLICATION), arguments.dsn, arguments.reader, roles
            )
            forms[POSTGRES] = _age(at)
        with locked(folder, wait):
            _say_different(builds_of(folder))
            version = publish_serving_copy(
                warehouse, tables, folder, wait, _say, arguments.force
            )
            tables = (*tables, PUBLICATION)
            forms[SERVING] = NEW
            _say(f"{folder / SERVING}: {len(tables)} tables of {warehouse}")
            if form in ("parquet", "all"):
                publish_parquet(version, tables, folder)
                forms[PARQUET] = NEW
                _say(f"{folder / PARQUET}: the same, as SCHEMA/TABLE/*.parquet")
            if arguments.dsn:
                rows = publish_to_postgres(
                    version / SERVING,
                    tables,
                    arguments.dsn,
                    arguments.reader,
                    wait_for_readers,
                    _say,
                    roles,
                )
                forms[POSTGRES] = NEW
                _say(f"{POSTGRES}: the same, {rows:,} rows")
                for role in roles:
                    _say(f"Role {role.name} reads {len(role.columns)} tables of it")
            remove_old_versions(folder, copies_kept)
    finally:
        builds = builds_of(folder)
        if forms.get(POSTGRES) == NEW:
            builds[POSTGRES] = builds.get(SERVING)
        for name, age in forms.items():
            build = f", of build {builds[name]}" if builds.get(name) else ""
            _say(f"{name:<15} {age}{build}")
    _say(f"Published in {time.monotonic() - started:.1f} s.")


def _say_different(builds: dict[str, str | None]) -> None:
    if len(set(builds.values())) > 1:
        told = " and ".join(f"{name} of build {each}" for name, each in builds.items())
        _say(
            f"Before this, {told}: a publication was cut short, or of some forms only."
        )


def _age(at: dt.datetime | None) -> str:
    return f"old, of {at:%Y-%m-%d %H:%M:%S} UTC" if at else "not published"


def _say(line: str) -> None:
    print(line, flush=True)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # It repeats an argument that it does not know, and a password that is in it.
        if re.search("[@=]|://", message):
            message = (
                "this is not how arguments are given; PostgreSQL's address is given "
                "as --dsn ADDRESS (publish.py FORM --help)"
            )
        super().error(message)


def _arguments() -> argparse.Namespace:
    parser = _Parser(prog="publish.py", description=__doc__)
    forms = parser.add_subparsers(dest="form", required=True)
    for name, text in FORMS.items():
        command = forms.add_parser(name, help=text, description=f"Publish {text}.")
        command.add_argument("--target", choices=sorted(WAREHOUSES), default="sample")
        command.add_argument(
            "--to",
            type=Path,
            default=in_project("data", "published"),
            help="the folder of published files (default: %(default)s)",
        )
        command.add_argument(
            "--manifest",
            type=Path,
            default=manifest(),
            help="what dbt wrote of the project (default: %(default)s)",
        )
        command.add_argument(
            "--wait",
            type=float,
            metavar="SECONDS",
            help="how long to wait for a build, another publish, or readers of "
            "PostgreSQL's old tables (default: 60 for readers, 0 for the others)",
        )
        command.add_argument(
            "--force",
            action="store_true",
            help="publish what is not one complete, tested build; what is published "
            "says so in monitoring.publication",
        )
        command.add_argument(
            "--vars",
            default="{}",
            metavar="YAML",
            help="settings, as dbt takes them: '{published_copies_kept: 5}'",
        )
        command.set_defaults(dsn=None, reader=None, roles=None)
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
            command.add_argument(
                "--roles",
                type=Path,
                default=os.environ.get("CLV_POSTGRES_ROLES") or None,
                metavar="YAML",
                help="a file that says which role reads which columns and rows "
                "(docs/privacy.md; default: the environment variable "
                "CLV_POSTGRES_ROLES, or the views of roles stay)",
            )
    arguments = parser.parse_args()
    # A variable of the environment may be there and hold nothing.
    arguments.dsn = (arguments.dsn or "").strip()
    if arguments.form == "postgres" and not arguments.dsn:
        parser.error("postgres needs --dsn, or the environment variable CLV_POSTGRES")
    return arguments


if __name__ == "__main__":
    run_main(main, stopped="stopped; each published form is whole.")
