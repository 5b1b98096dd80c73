"""A scratch warehouse for tests: raw tables in, dbt over them, queries out."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.secrets import PUBLIC
from forked_dbt import ForkedDbt

NAME = "scratch.duckdb"


def key_of(customer_id: str) -> str:
    """The customer_key of a shop's customer id, where that needs no tidying."""
    return PUBLIC[0].hash(customer_id)[:24]


def environment() -> dict[str, str]:
    """An environment in which dbt builds the warehouse of the folder it runs in."""
    return os.environ | {"CLV_WAREHOUSE": NAME}


@dataclass
class Warehouse:
    """A DuckDB file of its own that dbt of this project builds (target shop).

    Attributes:
        root: the project.
        folder: where the file is.
        forked: runs dbt of a project that does not change. Without it, each command is
            a process of its own.

    """

    root: Path
    folder: Path
    forked: ForkedDbt | None = None

    @property
    def path(self) -> Path:
        """The DuckDB file."""
        return self.folder / NAME

    def write_raw(self, **feeds: pd.DataFrame) -> None:
        """Replace the raw tables by these feeds, as they are."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("drop schema if exists raw cascade")
            connection.execute("create schema raw")
            for name, rows in feeds.items():
                connection.register("rows_in", rows)
                connection.execute(f"create table raw.{name} as select * from rows_in")
                connection.unregister("rows_in")

    def dbt(self, *arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        """Run a dbt command with these vars."""
        if self.forked:
            return self.forked.run(
                *arguments,
                settings=settings,
                folder=self.folder,
                environment=environment(),
            )
        return subprocess.run(
            [
                *(sys.executable, "-m", "dbt.cli.main", *arguments),
                *("--target", "shop", "--vars", json.dumps(settings)),
                *("--project-dir", str(self.root), "--profiles-dir", str(self.root)),
                *("--target-path", str(self.folder / "target"), "--no-use-colors"),
                *("--log-path", str(self.folder / "logs")),
            ],
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def build(self, *arguments: str, **settings: Any) -> None:
        """Build seeds and models with these vars, without tests.

        Raises AssertionError with what dbt said if that fails.
        """
        untested = ("--exclude-resource-type", "test", "unit_test")
        done = self.dbt("build", *arguments, *untested, **settings)
        assert done.returncode == 0, done.stdout

    def query(self, sql: str) -> pd.DataFrame:
        """The rows of a query, which may call key_of('17850')."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            define_key_of(connection, PUBLIC)
            return connection.sql(sql).df()
