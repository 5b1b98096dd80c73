"""The whole build on a Spark session: dbt's SQL models, Python models between them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dbt.cli.main import dbtRunner

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What dbt has parsed for one target it cannot use for another.
TARGET = ("--target", "spark", "--target-path", "target/spark")
# Unit tests judge the models, not the data: a shop's build needs none.
UNIT_TESTS = ("unit_test",)
ALL_TESTS = ("unit_test", "test")
ENGINE_TESTS = "path:tests/engines"
# By their folder, for dbt prints what it compiles by name.
PYTHON_MODELS = ("--quiet", "--select", "path:python_models")
# A test waits until all that it reads is there.
IN_STAGES = ("--indirect-selection", "cautious")


class BuildError(Exception):
    """A step of the build has failed; dbt has said why."""


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
    """A model of the project: its name, its table, and when that was written."""

    name: str
    table: TableName
    started_at: datetime
    completed_at: datetime


def build(
    session: "SparkSession",
    options: Sequence[str] = (),
    without: Sequence[str] = UNIT_TESTS,
) -> list[Built]:
    """Build every model in the order of what reads what, and test it.

    Runs in the project's folder. dbt finds `session` by itself, as there is one per
    process. `options` go to dbt, such as --vars; resources of the types `without` are
    left out. Raises BuildError where dbt fails; later models are then as they were.
    """
    left_out = ("--exclude-resource-type", *without)
    built: list[Built] = []
    manifest = dbt("parse", *TARGET, *options)
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    # Each after those that it reads.
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
    """Do what a hosted Spark does with the script that dbt compiles of a Python model.

    The script has the model's file and dbt's own `dbt` object, whose `ref` finds
    DataFrames. dbt-spark submits scripts to Databricks, but not to a session. The table
    is replaced when the new one is computed: a model may read its own earlier rows.
    """
    names: dict[str, Any] = {}
    exec(compile(script, table.name, "exec"), names)
    frame = names["model"](names["dbtObj"](session.table), session)
    session.sql(f"create schema if not exists {table.schema}")
    frame.write.mode("overwrite").saveAsTable(table.name)


def run_unit_tests(options: Sequence[str] = ()) -> None:
    """Judge the models by their unit tests; raises BuildError where one fails."""
    dbt("test", *TARGET, *options, "--select", "test_type:unit")


def dbt(*arguments: str) -> Any:
    """Run a dbt command in this process and return its result."""
    ended = dbtRunner().invoke(list(arguments))
    if not ended.success:
        raise BuildError(f"dbt {arguments[0]} failed") from ended.exception
    return ended.result


def ancestors(manifest: Any, key: str) -> set[str]:
    """All that a node reads, directly or not."""
    found: set[str] = set()
    to_visit = list(manifest.nodes[key].depends_on_nodes)
    while to_visit:
        parent = to_visit.pop()
        if parent not in found and parent in manifest.nodes:
            found.add(parent)
            to_visit.extend(manifest.nodes[parent].depends_on_nodes)
    return found
