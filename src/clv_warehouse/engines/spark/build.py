"""Builds the whole project on a Spark session: dbt runs SQL, this the Python models."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from dbt.cli.main import dbtRunner

from clv_warehouse.engines.spark.secrets import hand_to
from clv_warehouse.project.contracts import Table, read_memory
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.secrets import Secret
from clv_warehouse.project.sql import quoted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# dbt cannot use for one target what it parsed for another.
TARGET = ("--target", "spark", "--target-path", "target/spark")
MANIFEST = "target/spark/manifest.json"
# Unit tests judge models, not data, so the build of a shop needs none.
UNIT_TESTS = ("unit_test",)
ALL_TESTS = ("unit_test", "test")
ENGINE_TESTS = "path:tests/engines"
# Selected by folder, because dbt prints each model that it compiles by name.
PYTHON_MODELS = ("--quiet", "--select", "path:python_models")
# A test runs once everything that it reads is built.
IN_STAGES = ("--indirect-selection", "cautious")


class BuildError(CommandError):
    """A step of the build failed; dbt printed why."""


@dataclass(frozen=True)
class TableName:
    """The name of a table of the warehouse."""

    schema: str
    identifier: str

    @property
    def name(self) -> str:
        """Both parts, as Spark and DuckDB write them."""
        return f"{self.schema}.{self.identifier}"


@dataclass(frozen=True)
class Built:
    """A model that was built: its name, its table, and when it was written."""

    name: str
    table: TableName
    started_at: datetime
    completed_at: datetime


def build(
    session: "SparkSession",
    secrets: Iterable[Secret],
    options: Sequence[str] = (),
    without: Sequence[str] = UNIT_TESTS,
) -> list[Built]:
    """Build and test every model, each after the models that it reads.

    Call it in the project's folder. dbt finds `session` by itself, because a process
    has one. `options` go to dbt, such as --vars; `without` names types of resources to
    leave out. Raises BuildError if dbt fails; the models after that stay as they were.
    """
    hand_to(session, secrets)
    left_out = ("--exclude-resource-type", *without)
    built: list[Built] = []
    manifest = dbt("parse", *TARGET, *options)
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    memory = {table.full_name: table for table in read_memory(Path(MANIFEST))}
    # Each model comes after the models that it reads.
    python_models = sorted(
        (node for node in models if node.language == "python"),
        key=lambda node: len(ancestors(manifest, node.unique_id)),
    )
    python_names = [node.name for node in python_models]
    of_python = {node.unique_id for node in python_models}
    waiting = {
        key
        for key, node in manifest.nodes.items()
        if node.resource_type in ("model", "seed") and key not in of_python
    }

    def build_nodes(keys: Collection[str], *stage: str) -> None:
        if keys:
            names = sorted(manifest.nodes[key].name for key in keys)
            selection = (*left_out, *stage, *options, "--select", *names)
            built.extend(built_by(dbt("build", *TARGET, *selection)))

    compiled = dbt("compile", *PYTHON_MODELS, *TARGET, *options)
    scripts = {each.node.unique_id: each.node.compiled_code for each in compiled}
    for node in python_models:
        needed = ancestors(manifest, node.unique_id) & waiting
        build_nodes(needed, *IN_STAGES)
        waiting -= needed
        table = TableName(node.schema, node.alias)
        print(f"{table.name}: Python on Spark", flush=True)
        started_at = datetime.now(UTC)
        run_python_model(
            session, scripts[node.unique_id], table, memory.get(table.name)
        )
        built.append(Built(node.name, table, started_at, datetime.now(UTC)))
    build_nodes(waiting)
    tested = (*sorted(python_names), ENGINE_TESTS)
    dbt("test", *TARGET, *left_out, *options, "--select", *tested)
    return built


def built_by(results: Any) -> Iterator[Built]:
    """Find the models among what a dbt command has run."""
    for result in results:
        node = result.node
        if node.resource_type != "model":
            continue
        for timing in result.timing:
            if timing.name == "execute":
                yield Built(
                    node.name,
                    TableName(node.schema, node.alias),
                    timing.started_at.replace(tzinfo=UTC),
                    timing.completed_at.replace(tzinfo=UTC),
                )


def run_python_model(
    session: "SparkSession",
    script: str,
    table: TableName,
    memory: Table | None = None,
) -> None:
    """Run the script that dbt compiles from a Python model, as a hosted Spark would.

    The script holds the model's file and dbt's own `dbt` object, whose `ref` returns
    DataFrames. dbt-spark submits such scripts to Databricks, but not to a session.
    `memory` describes the table where it remembers: the script then gives new rows.
    """
    names: dict[str, Any] = {}
    exec(compile(script, table.name, "exec"), names)
    frame = names["model"](names["dbtObj"](session.table), session)
    if memory:
        remember(session, memory, frame)
        return
    session.sql(f"create schema if not exists {table.schema}")
    frame.write.mode("overwrite").saveAsTable(table.name)


def remember(session: "SparkSession", table: Table, frame: Any) -> None:
    """Add a run's rows to a table that remembers, as macros/memory.sql does on DuckDB.

    Where they replace others, the table is written anew: without Delta or Iceberg,
    Spark deletes no rows.
    """
    from clv_warehouse.engines.spark.relation import Rows, Spark, together

    spark, added = Spark(session), Rows(frame).to_arrow_table()
    found = spark.table(session, table)
    if found is not None and added.num_rows:
        older = found.to_arrow_table()
        kept = staying(older, added, table.replaced_by)
        if kept.num_rows < older.num_rows:
            spark.overwrite(session, table, together(kept, added))
            return
    spark.add(session, table, added.to_reader())


def staying(older: pa.Table, added: pa.Table, replaced_by: Sequence[str]) -> pa.Table:
    """Return the older rows that the added ones do not replace."""
    if not replaced_by:
        return older.slice(0, 0)
    with duckdb.connect() as connection:
        connection.register("older", older)
        connection.register("added", added)
        columns = ", ".join(map(quoted, replaced_by))
        return connection.sql(
            f"from older anti join added using ({columns})"
        ).to_arrow_table()


def run_unit_tests(options: Sequence[str] = ()) -> None:
    """Run the unit tests of the models; raises BuildError if one fails."""
    dbt("test", *TARGET, *options, "--select", "test_type:unit")


def dbt(*arguments: str) -> Any:
    """Run a dbt command in this process and return its result."""
    ended = dbtRunner().invoke(list(arguments))
    if not ended.success:
        raise BuildError(f"dbt {arguments[0]} failed") from ended.exception
    return ended.result


def ancestors(manifest: Any, key: str) -> set[str]:
    """Return all nodes that a node reads, directly or through others."""
    found: set[str] = set()
    to_visit = list(manifest.nodes[key].depends_on_nodes)
    while to_visit:
        parent = to_visit.pop()
        if parent not in found and parent in manifest.nodes:
            found.add(parent)
            to_visit.extend(manifest.nodes[parent].depends_on_nodes)
    return found
