"""Which schemas the warehouse has, as the project's own files say."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from clv_warehouse.project.places import ROOT
from clv_warehouse.project.yaml_files import read_yaml


@cache
def schemas() -> frozenset[str]:
    """The schemas of all models, seeds and sources."""
    project = read_yaml(ROOT / "dbt_project.yml")
    found = {*_configured(project["models"]), *_configured(project["seeds"])}
    for path in (ROOT / "models").rglob("*.yml"):
        # To read the YAML of all models would take a second.
        if "\nsources:" in path.read_text("utf-8"):
            sources = read_yaml(path)["sources"]
            found |= {source.get("schema", source["name"]) for source in sources}
    return frozenset(found)


def _configured(folders: dict[str, Any]) -> Iterator[str]:
    """The values of +schema, at whatever depth of the folders."""
    for name, value in folders.items():
        if name == "+schema":
            yield value
        elif isinstance(value, dict):
            yield from _configured(value)
