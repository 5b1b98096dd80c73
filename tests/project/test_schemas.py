"""Tests that the list of schemas is that of the warehouse."""

import json
from pathlib import Path

from clv_warehouse.project.schemas import schemas

# The schema of tests that are not stored, and of functions.
DEFAULT = "main"


def test_all_schemas_of_tables_are_known(parsed: Path) -> None:
    manifest = json.loads((parsed / "manifest.json").read_text("utf-8"))
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    tables = ("model", "seed", "source")
    found = {each["schema"] for each in nodes if each["resource_type"] in tables}
    assert {"clv", "raw", "staging"} < found
    assert schemas() == found - {DEFAULT}
