"""Lets dbt end in seconds when it is told to, and removes what a killed one left.

profiles.yml names this module as a plugin of dbt-duckdb, which calls it for each of
dbt's connections.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from clv_warehouse.project.scratch import remove_left_over
from clv_warehouse.project.stopping import stop_as_by_ctrl_c


class Plugin(BasePlugin):
    """Treats the end of a build, which dbt leaves to the system."""

    def configure_connection(self, conn: Any) -> None:
        """Remove what killed builds spilled, and the scratch folders of the dead.

        Who opens a warehouse for writing is alone in it: no spilled file is in use.
        """
        if self.creds and not self.creds.path.startswith(":"):
            shutil.rmtree(f"{self.creds.path}.tmp", ignore_errors=True)
        remove_left_over()

    def configure_cursor(self, cursor: Any) -> None:
        """Let signals stop dbt: its hooks connect in the main thread, which gets them.

        dbt then cancels its queries, says so, and ends. Ctrl-C is treated too where dbt
        is the program; a notebook that runs dbt goes on after it.
        """
        is_program = "dbt" in Path(sys.argv[0]).parts[-3:]
        stop_as_by_ctrl_c(*(["SIGINT"] if is_program else []))
