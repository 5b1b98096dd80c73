"""Tests every script and check: --help, a broken pipe, a plain console."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb

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
    for command in commands(root):
        done = subprocess.run(
            [sys.executable, *command, "--help"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout.startswith("usage: "), command
        assert done.stderr == "", command
    assert written(root) == before


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
