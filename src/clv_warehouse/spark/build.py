"""The whole build on a Spark session: dbt's SQL models, Python models between them."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession

from clv_warehouse.spark.python_models import PythonModel, Table, run_python_model

# What dbt has parsed for one target it cannot use for another.
TARGET = ("--target", "spark", "--target-path", "target/spark")
# Unit tests judge the models, not the data: a shop's build needs none.
DATA_TESTS = ("--exclude-resource-type", "unit_test")
ENGINE_TESTS = "path:tests/engines"
# A test waits until all that it reads is there.
IN_STAGES = ("--indirect-selection", "cautious")


class BuildError(Exception):
    """A step of the build has failed; dbt has said why."""


def build(session: SparkSession, options: Sequence[str] = ()) -> list[Table]:
    """Build every model in the order of what reads what, test them; their tables.

    Runs in the project's folder. dbt finds `session` by itself, as there is one per
    process. `options` go to dbt, such as --vars. Raises BuildError where dbt fails;
    later models are then as they were.
    """
    manifest = dbt("parse", *TARGET, *options)
    models = python_models(manifest)
    waiting = {
        key
        for key, node in manifest.nodes.items()
        if node.resource_type in ("model", "seed") and key not in models
    }

    def build_nodes(keys: Collection[str], *stage: str) -> None:
        if keys:
            names = sorted(manifest.nodes[key].name for key in keys)
            dbt("build", *TARGET, *DATA_TESTS, *stage, *options, "--select", *names)

    for key, model in models.items():
        needed = ancestors(manifest, key) & waiting
        build_nodes(needed, *IN_STAGES)
        waiting -= needed
        print(f"{model.this.name}: Python on Spark", flush=True)
        run_python_model(session, model)
    build_nodes(waiting)
    names = sorted(model.name for model in models.values())
    dbt("test", *TARGET, *DATA_TESTS, *options, "--select", *names, ENGINE_TESTS)
    return [
        Table(node.schema, node.alias)
        for node in manifest.nodes.values()
        if node.resource_type == "model"
    ]


def run_unit_tests(options: Sequence[str] = ()) -> None:
    """Judge the models by their unit tests; raises BuildError where one fails."""
    dbt("test", *TARGET, *options, "--select", "test_type:unit")


def dbt(*arguments: str) -> Any:
    """Run a dbt command in this process and return its result."""
    ended = dbtRunner().invoke(list(arguments))
    if not ended.success:
        raise BuildError(f"dbt {arguments[0]} failed") from ended.exception
    return ended.result


def python_models(manifest: Any) -> dict[str, PythonModel]:
    """Find the project's Python models by id, each after those that it reads."""
    found = {
        key: node
        for key, node in manifest.nodes.items()
        if node.resource_type == "model" and node.language == "python"
    }
    in_order = sorted(found, key=lambda key: len(ancestors(manifest, key)))
    return {key: python_model(manifest, found[key]) for key in in_order}


def python_model(manifest: Any, node: Any) -> PythonModel:
    """Describe one Python model."""
    reads = [manifest.nodes[key] for key in node.depends_on_nodes]
    return PythonModel(
        name=node.name,
        path=Path(node.original_file_path),
        this=Table(node.schema, node.alias),
        reads={read.name: Table(read.schema, read.alias) for read in reads},
        meta=node.config.meta,
    )


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
