"""A scratch warehouse for tests: raw tables in, dbt over them, queries out."""

import hashlib
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

NAME = "scratch.duckdb"


def key_of(customer_id: str) -> str:
    """The customer_key of a shop's customer id, where that needs no tidying."""
    return PUBLIC[0].hash(customer_id)[:24]


@dataclass
class Warehouse:
    """A DuckDB file of its own that dbt of this project builds (target shop).

    Attributes:
        root: the project.
        folder: where the file is.
        parsed: a folder for what dbt has read of the project, which warehouses may
            share. Reading it takes 3 CPU seconds, but for once per set of vars.

    """

    root: Path
    folder: Path
    parsed: Path

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
        chosen = json.dumps(settings)
        target = self.parsed / hashlib.md5(chosen.encode()).hexdigest()
        command = [
            *(sys.executable, "-m", "dbt.cli.main"),
            *arguments,
            *("--target", "shop"),
            *("--project-dir", str(self.root)),
            *("--profiles-dir", str(self.root)),
            *("--target-path", str(target)),
            *("--log-path", str(self.folder / "logs")),
            *("--vars", chosen),
        ]
        return subprocess.run(
            ["env", "NO_COLOR=1", *command],
            # Where the profile changes, dbt reads the project again: warehouses have
            # one name, each in a folder of its own.
            cwd=self.folder,
            env=os.environ | {"CLV_WAREHOUSE": NAME, "DBT_USE_COLORS": "0"},
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
