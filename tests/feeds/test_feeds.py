"""Malformed exports give a clean load or one sentence, and never half a warehouse."""

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from malformed import Export, exports

from clv_warehouse.project.places import ROOT
from warehouse import Warehouse

# `make test-feeds` sets these to 500 and 30.
LOADED = int(os.environ.get("FEEDS", "40"))
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


@pytest.fixture(scope="module")
def command() -> Callable[..., tuple[int, str, str]]:
    """Runs scripts/load.py in this process; its exit status and what it printed."""
    spec = importlib.util.spec_from_file_location("load", ROOT / "scripts" / "load.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    def run(*arguments: str) -> tuple[int, str, str]:
        out, err = StringIO(), StringIO()
        old, sys.argv = sys.argv, ["load.py", *arguments]
        try:
            with redirect_stdout(out), redirect_stderr(err):
                status = script.main()
        finally:
            sys.argv = old
        return status, out.getvalue(), err.getvalue()

    return run


def test_a_malformed_export_is_loaded_or_refused_in_one_sentence(
    command: Callable[..., tuple[int, str, str]],
) -> None:
    loaded = 0

    @settings(max_examples=LOADED, **SEEDED)
    @given(export=exports())
    def load(export: Export) -> None:
        nonlocal loaded
        with tempfile.TemporaryDirectory() as scratch:
            folder, warehouse = Path(scratch) / "export", Path(scratch) / "w.duckdb"
            folder.mkdir()
            export.write(folder)
            arguments = ("folder", str(folder), "--warehouse", str(warehouse))

            doubt, _, _ = command(*arguments, "--check")
            assert doubt in (0, 1)
            assert not warehouse.exists()

            status, _, err = command(*arguments)
            if status:
                assert doubt == 1
                assert err.startswith("load.py: ")
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
    command: Callable[..., tuple[int, str, str]],
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
            status, _, _ = command(
                *("folder", str(folder), "--warehouse", str(warehouse.path))
            )
            assume(status == 0)
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
