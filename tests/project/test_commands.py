"""Tests every script and check: --help, a broken pipe, a plain console."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb

from run_command import run_shop
from warehouse import NAME

HELP_OF = Path(__file__).parents[1] / "support" / "help_of.py"
NO_COMMANDS = ("__init__", "comparison")


def commands(root: Path) -> list[tuple[str, ...]]:
    """How Python starts each of them."""
    checks = sorted(path.stem for path in (root / "checks").glob("*.py"))
    return [
        *((str(path),) for path in sorted((root / "scripts").glob("*.py"))),
        *(("-m", f"checks.{name}") for name in checks if name not in NO_COMMANDS),
        ("-m", "benchmarks"),
    ]


def written(root: Path) -> dict[str, int]:
    """When each file of the project was written last."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return {
        name: (root / name).stat().st_mtime_ns
        for name in listed
        if (root / name).is_file()
    }


def test_help_says_what_a_command_does_and_does_nothing(root: Path) -> None:
    before = written(root)
    done = subprocess.run(
        [sys.executable, HELP_OF, json.dumps(commands(root))],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    for command, (status, said, wrong) in zip(commands(root), found, strict=True):
        assert status == 0, (command, wrong)
        assert said.startswith("usage: "), command
        assert wrong == "", command
    assert written(root) == before


def test_what_a_command_takes_by_default_is_in_the_project(root: Path) -> None:
    """A relative path would be one of the folder in which the command is given."""
    relative = re.compile(r'Path\("(data|target|logs|docs|bi|seeds)\b')
    for path in (root / "scripts").glob("*.py"):
        assert not relative.search(path.read_text("utf-8")), path


def test_a_script_works_from_any_folder(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, root / "scripts" / "show.py", "--target", "shop"]
    unset = {name: text for name, text in os.environ.items() if name != "CLV_WAREHOUSE"}
    done = subprocess.run(
        command, cwd=tmp_path, env=unset, capture_output=True, text=True, check=False
    )
    there = root / "data" / "warehouse.duckdb"
    assert f"There is no warehouse {there}." in done.stderr or there.exists()
    # What a person sets is read from the folder where that person is.
    chosen = unset | {"CLV_WAREHOUSE": "mine.duckdb"}
    done = subprocess.run(
        command, cwd=tmp_path, env=chosen, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "show.py: There is no warehouse mine.duckdb. Build it"
    )


def test_a_load_goes_on_when_nobody_reads_what_it_says(
    root: Path, tmp_path: Path
) -> None:
    feeds, warehouse = tmp_path / "feeds", tmp_path / "scratch.duckdb"
    feeds.mkdir()
    (feeds / "orders.csv").write_text(
        "order_id,customer_id,ordered_at,amount\no1,c1,2024-01-01,10\n", "utf-8"
    )
    command = [sys.executable, "scripts/load.py", "folder", feeds]
    with subprocess.Popen(
        [*command, "--warehouse", warehouse],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as load:
        assert load.stdout is not None and load.stderr is not None
        load.stdout.close()
        assert load.stderr.read() == ""
        assert load.wait() == 0
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.sql("select order_id from raw.orders").fetchall() == [("o1",)]


def test_rows_that_are_appended_twice_count_once(root: Path, tmp_path: Path) -> None:
    feeds, warehouse = tmp_path / "feeds", tmp_path / "scratch.duckdb"
    feeds.mkdir()
    (feeds / "orders.csv").write_text(
        "order_id,customer_id,ordered_at,amount\no1,c1,2024-01-01,10\n", "utf-8"
    )
    command = [sys.executable, "scripts/load.py", "folder", feeds]
    said = [
        subprocess.run(
            [*command, "--append", "--warehouse", warehouse],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    heads = [
        [line for line in each.splitlines() if line.startswith("1 order, ")]
        for each in said
    ]
    assert heads == [["1 order, 1 customer, 2024-01-01 to 2024-01-01, 10.00 sold."]] * 2
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.sql(
            "select loaded_row, loaded_order from raw.orders"
        ).fetchall() == [(2, 1), (2, 2)]


def test_a_warehouse_is_shown_on_a_console_of_ascii(
    root: Path, sample: duckdb.DuckDBPyConnection
) -> None:
    done = subprocess.run(
        [sys.executable, "scripts/show.py"],
        cwd=root,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"lifetime_value" in done.stdout and done.stdout.isascii()


ORDERS = "order_id,customer_id,ordered_at,amount\n"


def test_a_failed_step_ends_the_run_with_one_sentence(
    root: Path, tmp_path: Path
) -> None:
    done = run_shop(root, tmp_path, orders=ORDERS)
    assert done.returncode == 1
    said, last = done.stderr.splitlines()
    assert "orders.csv has a header but no rows" in said
    assert last.startswith("run.py: step 1 of 4: load failed. Mend what is said above")
    assert "step 2" not in done.stdout
    assert not (tmp_path / NAME).exists()


def test_a_failed_build_shows_its_error_in_full(root: Path, tmp_path: Path) -> None:
    orders = f"{ORDERS}1,ann,2024-01-05,10\n"
    done = run_shop(root, tmp_path, "--vars", "{margin: 7}", orders=orders)
    assert done.returncode == 2
    assert "var margin is 7, but must be a number, above 0 and at most 1" in done.stdout
    assert "Nothing was built. All that dbt said is in" in done.stdout
    assert "var margin is 7" in (tmp_path / "logs" / "build.log").read_text("utf-8")
    assert done.stderr.startswith("run.py: step 2 of 4: build failed.")
