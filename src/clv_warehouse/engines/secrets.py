"""Hands the shop's secrets to dbt's connections, so that they are written down nowhere.

profiles.yml names this module as a plugin of dbt-duckdb. dbt never sees the statements
that it runs, so that its logs and artifacts cannot show them.
"""

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from clv_warehouse.project.secrets import PUBLIC, hand_to, own


class Plugin(BasePlugin):
    """Sets the variables that the macro `keyed_hash` reads, on each connection."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Take whose secrets the profile names: those of the sample are public."""
        self._is_public = plugin_config["secrets"] == "public"

    def configure_cursor(self, cursor: Any) -> None:
        """Hand over the secrets that are there; raises SecretError for a bad one."""
        hand_to(cursor, PUBLIC if self._is_public else own())
