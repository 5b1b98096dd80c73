"""Reads from dbt's manifest which tables are published, and which remember.

Published are those under contract; those that remember have the tag memory.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.sql import quoted

KEY_TESTS = ("unique", "unique_together")
MEMORY = "memory"


class PublishError(CommandError):
    """Publishing is not possible; the message says why and what to do."""


class ManifestError(PublishError):
    """What dbt wrote of the project is not there or cannot be read."""


@dataclass(frozen=True)
class Column:
    """A column of a table; `data_type` is DuckDB's, in lower case.

    `pii` is the kind of personal data that it may hold, as docs/privacy.md lists them:
    key for the keys of customers, text for what people write; empty for none.
    """

    name: str
    data_type: str
    description: str
    pii: str = ""


@dataclass(frozen=True)
class Table:
    """A table that is published, or that remembers.

    Attributes:
        schema: its schema, the same in every form of publication.
        name: its name in that schema.
        description: what one row is, and what the table is for.
        columns: its columns, in the order of the contract.
        keys: sets of columns that identify a row, by the project's tests. The first is
            the table's key; there is none without such a test.
        replaced_by: in a table that remembers, the columns whose values say which rows
            a run replaces. Without any, new rows replace all.

    """

    schema: str
    name: str
    description: str
    columns: tuple[Column, ...]
    keys: tuple[tuple[str, ...], ...]
    replaced_by: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Schema and name, as messages and people write them."""
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """Schema and name as an SQL identifier."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def row_sql(self) -> str:
        """A query of one row: the parameters named as its columns, with their types."""
        return "select " + ", ".join(
            f"cast(${column.name} as {column.data_type}) as {quoted(column.name)}"
            for column in self.columns
        )

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify a row; empty if no test names them."""
        return self.keys[0] if self.keys else ()

    @property
    def time_column(self) -> str | None:
        """The column that says when a row happened; files are cut by its year.

        That is the date in the key, or the first timestamp of a fact (fct_*).
        Nothing else grows without end.
        """
        types = {column.name: column.data_type for column in self.columns}
        if len(self.key) > 1:
            for name in self.key:
                if types[name] == "date":
                    return name
        if self.name.startswith("fct_"):
            for name, data_type in types.items():
                if data_type.startswith("timestamp"):
                    return name
        return None

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that rows are sorted by: time, then the key."""
        time = (self.time_column,) if self.time_column else ()
        return tuple(dict.fromkeys((*time, *self.key)))


def read_tables(manifest: Path) -> tuple[Table, ...]:
    """Read the models with an enforced contract from the manifest that dbt wrote.

    Every dbt command that compiles writes a manifest. Raises PublishError if there is
    none, or if it cannot be read.
    """
    tables = _tables(manifest, lambda config: config["contract"]["enforced"])
    if not tables:
        raise PublishError(
            f"{manifest} has no model with an enforced contract; only those are "
            "published. Set contract: {enforced: true} in a model's YAML file."
        )
    return tables


def read_memory(manifest: Path) -> tuple[Table, ...]:
    """Read the models that remember; raises ManifestError likewise."""
    return _tables(manifest, lambda config: MEMORY in config["tags"])


def _tables(
    manifest: Path, is_chosen: Callable[[dict[str, Any]], bool]
) -> tuple[Table, ...]:
    """Read the models whose config is chosen, by name."""
    try:
        nodes = json.loads(manifest.read_text("utf-8"))["nodes"]
    except FileNotFoundError as error:
        raise ManifestError(
            f"No {manifest}, which says what the tables are. Run dbt build, or dbt "
            "parse, from the project's folder."
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise ManifestError(
            f"{manifest} cannot be read ({error}). Make it again: dbt parse."
        ) from error
    keys = _keys(nodes.values())
    tables = [
        _table(node, keys.get(unique_id, []))
        for unique_id, node in nodes.items()
        if node["resource_type"] == "model" and is_chosen(node["config"])
    ]
    return tuple(sorted(tables, key=lambda table: table.full_name))


def _keys(nodes: Iterable[dict[str, Any]]) -> dict[str, list[tuple[str, ...]]]:
    """Return the sets of columns that tests say are unique, by model."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for node in nodes:
        test = node.get("test_metadata")
        if test and test["name"] in KEY_TESTS and not node["config"].get("where"):
            arguments = test["kwargs"]
            columns = arguments.get("columns") or [arguments["column_name"]]
            found.setdefault(node["attached_node"], []).append(tuple(columns))
    return found


def _table(node: dict[str, Any], keys: list[tuple[str, ...]]) -> Table:
    columns = tuple(
        Column(
            column["name"],
            column["data_type"].lower(),
            column["description"],
            column.get("config", {}).get("meta", {}).get("pii", ""),
        )
        for column in node["columns"].values()
    )
    names = [column.name for column in columns]
    # The shortest key comes first; among equals, the one that the contract names first.
    keys = sorted(keys, key=lambda key: (len(key), names.index(key[0])))
    replaced_by = node["config"].get("unique_key") or ()
    return Table(
        node["schema"],
        node["alias"],
        node["description"],
        columns,
        tuple(keys),
        (replaced_by,) if isinstance(replaced_by, str) else tuple(replaced_by),
    )
