"""Runs the unit tests of dbt beside all others, on the warehouse of the sample shop.

`dbt test --select test_type:unit` runs the same ones and takes a minute: it reads the
project first, and while it waits for Python a second core idles.
"""

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from warehouse import Warehouse

DOMAINS = sorted(
    path.name
    for path in (Path(__file__).resolve().parents[1] / "models").iterdir()
    if "unit_tests:" in "".join(each.read_text("utf-8") for each in path.glob("*.yml"))
)


@pytest.fixture(scope="module")
def built(sample: duckdb.DuckDBPyConnection, warehouse_in, tmp_path_factory):
    """A copy of the sample shop, whose tables say which columns there are."""
    warehouse = warehouse_in(tmp_path_factory.mktemp("unit_tests"))
    shutil.copyfile(warehouse.root / "data" / "sample.duckdb", warehouse.path)
    return warehouse


@pytest.mark.slow
@pytest.mark.parametrize("domain", DOMAINS)
def test_unit_tests_of_a_domain_pass(domain: str, built: Warehouse) -> None:
    done = built.dbt("test", "--select", f"path:models/{domain},test_type:unit")
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"PASS=(\d+)", done.stdout)[-1]) > 0
