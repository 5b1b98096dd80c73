"""Builds the whole project on a Spark session: dbt runs SQL, this the Python models."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dbt.cli.main import dbtRunner

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# dbt cannot use for one target what it parsed for another.
TARGET = ("--target", "spark", "--target-path", "target/spark")
# Unit tests judge models, not data, so the build of a shop needs none.
UNIT_TESTS = ("unit_test",)
ALL_TESTS = ("unit_test", "test")
ENGINE_TESTS = "path:tests/engines"
# Selected by folder, because dbt prints each model that it compiles by name.
PYTHON_MODELS = ("--quiet", "--select", "path:python_models")
# A test runs once everything that it reads is built.
IN_STAGES = ("--indirect-selection", "cautious")


class BuildError(Exception):
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
    options: Sequence[str] = (),
    without: Sequence[str] = UNIT_TESTS,
) -> list[Built]:
    """Build and test every model, each after the models that it reads.

    Call it in the project's folder. dbt finds `session` by itself, because a process
    has one. `options` go to dbt, such as --vars; `without` names types of resources to
    leave out. Raises BuildError if dbt fails; the models after that stay as they were.
    """
    left_out = ("--exclude-resource-type", *without)
    built: list[Built] = []
    manifest = dbt("parse", *TARGET, *options)
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
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
        run_python_model(session, scripts[node.unique_id], table)
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


def run_python_model(session: "SparkSession", script: str, table: TableName) -> None:
    """Run the script that dbt compiles from a Python model, as a hosted Spark would.

    The script holds the model's file and dbt's own `dbt` object, whose `ref` returns
    DataFrames. dbt-spark submits such scripts to Databricks, but not to a session. The
    new table replaces the old one only when it is computed, because a model may read
    its own earlier rows.
    """
    names: dict[str, Any] = {}
    exec(compile(script, table.name, "exec"), names)
    frame = names["model"](names["dbtObj"](session.table), session)
    session.sql(f"create schema if not exists {table.schema}")
    frame.write.mode("overwrite").saveAsTable(table.name)


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
