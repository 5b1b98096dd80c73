"""Tests that dbt describes everything, and that the documents tell the truth."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from checks import published
from clv_warehouse.project.contracts import read_tables


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
    by_name = {table["name"]: set(table["columns"]) for table in built}
    undescribed_in, missing = {}, {}
    for table in built:
        columns = found.get((table["schema"], table["alias"]), set())
        # A part of a table leaves their description to the whole.
        whole = table["config"]["meta"].get("columns_described_in")
        described = by_name[table["name"]] | by_name.get(whole, set())
        undescribed_in[table["name"]] = columns - described
        missing[table["name"]] = by_name[table["name"]] - columns
    assert {name: names for name, names in undescribed_in.items() if names} == {}
    assert {name: names for name, names in missing.items() if names} == {}


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


def test_the_published_tables_are_listed(root: Path, parsed: Path) -> None:
    """One page lists them all; the README names the most important ones."""
    tables = read_tables(parsed / "manifest.json")
    listed = published.PAGE.read_text("utf-8").split("<!-- tables -->\n")[1]
    assert listed.split("\n<!-- /tables -->")[0] == published.table(tables)
    section = (root / "README.md").read_text("utf-8").split("## What is published")[1]
    names = set(re.findall(r"`(\w+\.\w+)`", section.split("\n## ")[0]))
    assert len(names) > 10
    assert names <= {each.full_name for each in tables}


def pages(root: Path) -> list[Path]:
    return [*root.glob("*.md"), *root.glob("docs/*.md")]


def test_links_lead_somewhere(root: Path) -> None:
    """Links between pages, to their titles too, and to files."""
    texts = {page: page.read_text("utf-8") for page in pages(root)}
    assert len(texts) > 5

    def anchors(page: Path) -> set[str]:
        titles = re.findall(r"^#+ (.+)$", texts[page], re.MULTILINE)
        return {
            re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles
        }

    lost = []
    for page, text in texts.items():
        for link in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text):
            target = link[0] or link[1]
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            found = (page.parent / path).resolve() if path else page
            if not found.exists() or (anchor and anchor not in anchors(found)):
                lost.append(f"{page.name}: {target}")
    assert lost == []


def test_commands_of_pages_exist(root: Path) -> None:
    """Modules, make targets and paths, wherever a page names one."""
    makefile = (root / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    benchmarks = {path.stem for path in root.glob("benchmarks/*.py")}
    targets |= {f"benchmark-{name}" for name in benchmarks}
    folders = "benchmarks|bi|checks|docs|macros|models|scripts|seeds|src|tests"

    def exists(path: str) -> bool:
        # For a name in capitals a reader puts one of their own.
        return any(root.glob(re.sub(r"[A-Z]{2,}", "*", path)))

    lost = []
    for page in pages(root):
        text = page.read_text("utf-8")
        for module in re.findall(r"python -m ((?:benchmarks|checks)[\w.]*)", text):
            path = module.replace(".", "/")
            if not (exists(f"{path}.py") or exists(f"{path}/__main__.py")):
                lost.append(f"{page.name}: {module}")
        for target in re.findall(r"(?:^|`)make ([a-z-]*[a-z])\b", text, re.MULTILINE):
            if target not in targets:
                lost.append(f"{page.name}: make {target}")
        for path in re.findall(rf"(?<![\w/.])(?:{folders})/[\w./*-]*[\w*]", text):
            if not exists(path):
                lost.append(f"{page.name}: {path}")
    assert lost == []


def test_consumers_read_contracted_tables_and_seeds_only(
    manifest: dict[str, Any], contracted: set[str]
) -> None:
    exposures = {each["name"]: each for each in manifest["exposures"].values()}
    seeds = {key for key in manifest["nodes"] if key.startswith("seed.")}
    for name, exposure in exposures.items():
        assert set(exposure["depends_on"]["nodes"]) <= contracted | seeds, name
    assert set(exposures["publication"]["depends_on"]["nodes"]) == contracted
