"""Loads and builds small exports with known trouble; cases.yml has what must come."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from clv_warehouse.project.places import ROOT
from load_command import load_command
from warehouse import Warehouse, key_of

FOLDER = ROOT.parent / "shared" / "cases"
CASES: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("cases.yml").read_text("utf-8")
)
# `make test-cases` runs all of them, `make test` the others.
CHOSEN = {
    name: case
    for name, case in CASES.items()
    if os.environ.get("ALL_CASES") or not case.get("seldom")
}
IDENTITIES = (
    "raw_rows_are_facts_or_rejected",
    "raw_money_is_fact_money_plus_rejected",
    "order_money_is_line_money",
    "day_money_is_order_money",
)
# The folders that are selected have 250 tests of keys and columns, half of what a case
# costs.
LEFT_OUT = (
    "test_type:unit",
    *(() if os.environ.get("ALL_CASES") else ("test_type:generic",)),
)
AT_SCORING_DATE = "as_of_date = (select max(as_of_date) from features.as_of_dates)"


def load(warehouse: Warehouse, folder: Path, case: dict[str, Any], *more: str) -> Any:
    """Run scripts/load.py for a case; what came of it."""
    command = case.get("load", "folder {}").format(folder).split()
    return load_command(*command, *more, "--warehouse", warehouse.path)


def plain(rows: Any) -> list[list[Any]]:
    """Rows of a query with None for null."""
    return rows.astype(object).where(rows.notna(), None).values.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOSEN)
def test_case(name: str, warehouse: Warehouse) -> None:
    case = CASES[name]
    folder = FOLDER / case.get("folder", name)
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: it is not part of the project")

    checked = load(warehouse, folder, case, "--check")
    said = checked.stdout + checked.stderr
    assert "Traceback" not in said
    assert not warehouse.path.exists()
    if "check" in case:
        assert checked.returncode == case["check"], said

    loaded = load(warehouse, folder, case)
    said = loaded.stdout + loaded.stderr
    assert "Traceback" not in said
    if "refused" in case:
        assert loaded.returncode == 1
        assert re.search(case["refused"], loaded.stderr), said
        assert not warehouse.path.exists()
        return
    assert loaded.returncode == 0, said
    for words in case.get("says", []):
        assert re.search(words, said), (words, said)

    built = warehouse.dbt(
        *("build", "--select", "reference", "staging", "orders", "features"),
        *IDENTITIES,
        *("--indirect-selection", "empty", "--exclude", *LEFT_OUT),
        **case.get("vars", {}),
    )
    assert built.returncode == 0, built.stdout
    for identity in IDENTITIES:
        assert f"PASS {identity}" in built.stdout

    if "spend" in case:
        found = warehouse.query(
            "select customer_key, past_spend from features.customer_features "
            f"where {AT_SCORING_DATE}"
        )
        spend = dict(zip(found["customer_key"], found["past_spend"], strict=True))
        expected = {key_of(name): amount for name, amount in case["spend"].items()}
        assert spend == pytest.approx(expected)
    if "customers" in case:
        (found,) = plain(
            warehouse.query(
                "select count(*) from features.customer_features "
                f"where {AT_SCORING_DATE}"
            )
        )
        assert found == [case["customers"]]
    if "rejected" in case:
        found = warehouse.query(
            "select reason, count(*) as records from orders.rejected_records group by 1"
        )
        reasons = dict(zip(found["reason"], found["records"], strict=True))
        assert reasons == case["rejected"]
    for sql, rows in case.get("rows", {}).items():
        assert plain(warehouse.query(sql)) == rows, sql


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is absent")
def test_every_case_is_told() -> None:
    told = {case.get("folder", name) for name, case in CASES.items()}
    assert told == {path.name for path in FOLDER.iterdir() if path.is_dir()}
