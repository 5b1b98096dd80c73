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


@dataclass
class Warehouse:
    """A DuckDB file of its own that dbt of this project builds (target shop)."""

    root: Path
    folder: Path

    @property
    def path(self) -> Path:
        """The DuckDB file."""
        return self.folder / "scratch.duckdb"

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
        command = [
            *(sys.executable, "-m", "dbt.cli.main"),
            *arguments,
            *("--target", "shop"),
            *("--target-path", str(self.folder / "target")),
            *("--log-path", str(self.folder / "logs")),
            *("--vars", json.dumps(settings)),
        ]
        return subprocess.run(
            ["env", "NO_COLOR=1", *command],
            cwd=self.root,
            env=os.environ | {"CLV_WAREHOUSE": str(self.path), "DBT_USE_COLORS": "0"},
            capture_output=True,
            text=True,
            check=False,
        )

    def query(self, sql: str) -> pd.DataFrame:
        """The rows of a query."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.sql(sql).df()
