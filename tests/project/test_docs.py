"""What dbt's documentation must say of every table, column, macro and consumer."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest


@pytest.fixture(scope="module")
def manifest(parsed: Path) -> dict[str, Any]:
    return json.loads((parsed / "manifest.json").read_text())


@pytest.fixture(scope="module")
def tables(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Models, seeds and source tables."""
    nodes = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    ]
    return nodes + list(manifest["sources"].values())


@pytest.fixture(scope="module")
def contracted(tables: list[dict[str, Any]]) -> set[str]:
    return {
        table["unique_id"]
        for table in tables
        if table["resource_type"] == "model" and table["config"]["contract"]["enforced"]
    }


def undescribed(things: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [name for name, thing in things if not thing["description"].strip()]


def test_every_table_and_column_is_described(tables: list[dict[str, Any]]) -> None:
    assert len(tables) > 40
    columns = [
        (f"{table['name']}.{name}", column)
        for table in tables
        for name, column in table["columns"].items()
    ]
    assert undescribed([(table["name"], table) for table in tables]) == []
    assert undescribed(columns) == []


def test_the_described_columns_are_those_of_the_warehouse(
    sample: duckdb.DuckDBPyConnection, tables: list[dict[str, Any]]
) -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in sample.sql(
        "select table_schema, table_name, column_name from information_schema.columns"
    ).fetchall():
        found.setdefault((schema, table), set()).add(column)
    built = [table for table in tables if table["resource_type"] != "source"]
    differing = {
        table["name"]: found.get((table["schema"], table["alias"]), set())
        ^ set(table["columns"])
        for table in built
    }
    assert {name: names for name, names in differing.items() if names} == {}


def test_every_macro_and_argument_is_described(manifest: dict[str, Any]) -> None:
    # An engine's version of a macro has the arguments of the macro that it stands for.
    macros = [
        macro
        for macro in manifest["macros"].values()
        if macro["package_name"] == "clv_warehouse"
        and not macro["name"].startswith(("default__", "spark__"))
    ]
    assert len(macros) > 20
    arguments = [
        (f"{macro['name']}({argument['name']})", argument)
        for macro in macros
        for argument in macro["arguments"]
    ]
    assert len(arguments) > 40
    assert undescribed([(macro["name"], macro) for macro in macros]) == []
    assert undescribed(arguments) == []


def test_every_metric_and_consumer_is_described(manifest: dict[str, Any]) -> None:
    named = ("metrics", "semantic_models", "exposures")
    things = [(key, value) for kind in named for key, value in manifest[kind].items()]
    assert len(things) > 15
    assert undescribed(things) == []


def test_every_consumer_has_an_owner_to_write_to(manifest: dict[str, Any]) -> None:
    for exposure in manifest["exposures"].values():
        owner = exposure["owner"]
        assert owner["name"] and "@" in (owner["email"] or ""), exposure["name"]


def test_the_overview_is_ours(manifest: dict[str, Any]) -> None:
    overviews = [
        doc["block_contents"]
        for doc in manifest["docs"].values()
        if doc["name"] == "__overview__" and doc["package_name"] == "clv_warehouse"
    ]
    assert len(overviews) == 1
    assert "customer_profiles" in overviews[0]


def test_consumers_read_contracted_tables_and_seeds_only(
    manifest: dict[str, Any], contracted: set[str]
) -> None:
    exposures = {each["name"]: each for each in manifest["exposures"].values()}
    seeds = {key for key in manifest["nodes"] if key.startswith("seed.")}
    for name, exposure in exposures.items():
        assert set(exposure["depends_on"]["nodes"]) <= contracted | seeds, name
    assert set(exposures["publication"]["depends_on"]["nodes"]) == contracted
