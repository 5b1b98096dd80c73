"""Tests that files that find no room on the disk leave nothing half, and say why.

A limit on the size of files stands for the full disk. It holds for a process, so each
test has one of its own.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from clv_warehouse.engines.memory import LOCK
from publishing import build

SUPPORT = Path(__file__).resolve().parents[1] / "support"
LIMIT = 2**16

PAGE = """
from pathlib import Path
from clv_warehouse.project.command import run_main
from clv_warehouse.project.files import written_whole

def main():
    with written_whole(Path(sys.argv[1]) / "page.html") as page:
        page.write_text("x" * 10_000_000)
"""
PUBLICATION = """
from pathlib import Path
import publishing
from clv_warehouse.project.command import run_main

def main():
    folder = Path(sys.argv[1])
    publishing.publish(Path(sys.argv[2]), folder)
"""
BACKUP = """
from pathlib import Path
import duckdb
from clv_warehouse.engines.memory import back_up
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import Column, Table

def main():
    columns = (Column("order_id", "bigint", ""), Column("amount", "double", ""))
    table = Table("shop", "fct_orders", "", columns, ())
    with duckdb.connect(sys.argv[2], read_only=True) as session:
        back_up(session, [table], Path(sys.argv[1]) / "backup.duckdb", print)
"""


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that is larger than the limit."""
    path = tmp_path_factory.mktemp("full") / "scratch.duckdb"
    build(path, 1, rows=100_000)
    return path


@pytest.mark.parametrize("code", [PAGE, PUBLICATION, BACKUP])
def test_nothing_half_is_left(tmp_path: Path, warehouse: Path, code: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    done = subprocess.run(
        [
            *(sys.executable, "-c", f"import sys\n{code}\nrun_main(main)"),
            *(folder, warehouse),
        ],
        cwd=SUPPORT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    (sentence,) = done.stderr.splitlines()
    assert "would become larger than this user's files may be" in sentence
    left = {path.name for path in folder.rglob("*")} - {"versions", ".lock"}
    assert left <= {LOCK}
