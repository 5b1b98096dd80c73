"""Malformed exports give a clean load or one sentence, and never half a warehouse."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from malformed import Export, exports

from load_command import load_command
from warehouse import Warehouse

# `make test-feeds` sets these to 500 and 30.
LOADED = int(os.environ.get("FEEDS", "6"))
BUILT = int(os.environ.get("FEEDS_BUILT", "0"))
SEEDED = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
}
IDENTITIES = (
    "raw_rows_are_facts_or_rejected",
    "raw_money_is_fact_money_plus_rejected",
    "order_money_is_line_money",
)


@pytest.mark.slow
def test_a_malformed_export_is_loaded_or_refused_in_one_sentence() -> None:
    loaded = 0

    @settings(max_examples=LOADED, **SEEDED)
    @given(export=exports())
    def load(export: Export) -> None:
        nonlocal loaded
        with tempfile.TemporaryDirectory() as scratch:
            folder, warehouse = Path(scratch) / "export", Path(scratch) / "w.duckdb"
            folder.mkdir()
            export.write(folder)
            arguments = ("folder", folder, "--warehouse", warehouse)

            checked = load_command(*arguments, "--check")
            assert checked.returncode in (0, 1)
            assert not warehouse.exists()

            done = load_command(*arguments)
            if done.returncode:
                assert checked.returncode == 1
                assert done.stderr.startswith("load.py: ")
                assert not warehouse.exists()
            else:
                assert_loaded(warehouse)
                loaded += 1

    load()
    # A generator whose exports were all refused would say little of loading.
    assert loaded > LOADED / 3


def assert_loaded(warehouse: Path) -> None:
    """Every row of the raw orders bears its place."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        ((rows, places),) = connection.execute(
            "select count(*), count(distinct loaded_order) from raw.orders"
        ).fetchall()
    assert rows == places > 0


@pytest.mark.skipif(not BUILT, reason="make test-feeds builds some of the exports")
def test_what_is_loaded_is_built_or_refused(
    warehouse_in: Callable[[Path], Warehouse],
) -> None:
    built = 0

    @settings(max_examples=BUILT * 8, **SEEDED)
    @given(export=exports())
    def build(export: Export) -> None:
        nonlocal built
        assume(built < BUILT)
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "export"
            folder.mkdir()
            export.write(folder)
            warehouse = warehouse_in(Path(scratch))
            loaded = load_command("folder", folder, "--warehouse", warehouse.path)
            assume(loaded.returncode == 0)
            built += 1
            done = warehouse.dbt(
                *("build", "--select", "reference", "staging", "orders", *IDENTITIES),
                *("--indirect-selection", "empty"),
                *("--exclude-resource-type", "unit_test"),
            )
            assert "Traceback" not in done.stdout + done.stderr
            if done.returncode:
                # A build stops where nobody says which currency counts.
                assert "Compilation Error" in done.stdout, done.stdout
                assert "currenc" in done.stdout, done.stdout

    build()
    assert built == BUILT
