"""Tests what dbt says and does where it cannot open the warehouse."""

import subprocess
from pathlib import Path

import pytest

from locks import held
from warehouse import Warehouse, environment

SEED = ("seed", "--select", "rejection_reasons")


def seed(warehouse: Warehouse, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run dbt in an environment that has these variables."""
    assert warehouse.forked
    return warehouse.forked.run(
        *SEED,
        settings={},
        folder=warehouse.folder,
        environment=environment() | variables,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The sentence with which dbt ended; it has to be all that is said."""
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1].strip()


def test_dbt_says_at_once_whom_it_waits_for_and_then_gives_up(
    warehouse: Warehouse,
) -> None:
    with held(warehouse.path) as holder:
        done = seed(warehouse, CLV_WAIT="1")
    assert f"(process {holder.pid}). Waiting for up to 1 s." in done.stdout
    assert f"(process {holder.pid}), still after 1 s. Try again" in refusal(done)


def test_a_damaged_file_stops_dbt_without_a_wait(warehouse: Warehouse) -> None:
    warehouse.path.write_text("no database" * 1000, "utf-8")
    # A wait as long as this would fail the test.
    said = refusal(seed(warehouse, CLV_WAIT="100000"))
    assert "scratch.duckdb is no DuckDB database. Name another file" in said


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"CLV_WAREHOUSE": "Clv.duckdb"}, "cannot have the name of a schema, clv:"),
        ({"CLV_WAREHOUSE": "no/w.duckdb"}, "There is no folder no for w.duckdb."),
        ({"CLV_MEMORY_LIMIT": "much"}, "CLV_MEMORY_LIMIT is 'much', but must be"),
    ],
)
def test_dbt_says_what_is_wrong_with_the_environment(
    warehouse: Warehouse, variables: dict[str, str], sentence: str
) -> None:
    assert sentence in refusal(seed(warehouse, **variables))
    assert not list(warehouse.folder.glob("*.duckdb"))


def test_reading_the_project_opens_no_warehouse(
    warehouse: Warehouse, root: Path
) -> None:
    warehouse.path.write_text("no database", "utf-8")
    assert warehouse.forked
    for command in ("parse", "ls"):
        done = warehouse.forked.run(
            command, settings={}, folder=warehouse.folder, environment=environment()
        )
        assert done.returncode == 0, done.stdout
