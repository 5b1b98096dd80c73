"""Opens the warehouse for dbt as scripts do: it waits for a lock, and names troubles.

profiles.yml names this module as a plugin of dbt-duckdb. dbt-duckdb's own retries would
wait for a damaged file as for a lock, twice, without a word.
"""

import os
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.events.logging import AdapterLogger
from dbt_common.exceptions import DbtRuntimeError
from duckdb import DuckDBPyConnection

from clv_warehouse.project.opening import WarehouseError, connect, memory_limit
from clv_warehouse.project.places import ROOT
from clv_warehouse.project.stopping import StoppedError


class Plugin(BasePlugin):
    """Connects just before dbt does; both connections share one database."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Take how long the profile lets dbt wait for a lock."""
        self._wait_seconds = float(plugin_config["wait_seconds"])

    def update_connection_config(
        self, creds: DuckDBCredentials, config: dict[str, Any]
    ) -> None:
        """Connect; raises DbtRuntimeError, which dbt prints as one sentence."""
        if not os.environ.get("CLV_WAREHOUSE"):
            # The profile's own path is one of the project, from whatever folder.
            creds.path = str(ROOT / creds.path)
        try:
            # The profile hands it to each cursor.
            memory_limit()
            self._first = connect(
                Path(creds.path),
                read_only=False,
                wait_seconds=self._wait_seconds,
                report=AdapterLogger("DuckDB").warning,
                config=config,
            )
        except (WarehouseError, StoppedError) as error:
            raise DbtRuntimeError(str(error)) from error

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Let go, for dbt is connected now."""
        self._first.close()
