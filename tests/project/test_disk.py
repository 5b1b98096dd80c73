"""Tests that one process at a time holds a lock, and that a kill frees it."""

import subprocess
import sys
from pathlib import Path

from clv_warehouse.project.disk import lock, to_disk

HOLD = """
import sys
from clv_warehouse.project.disk import lock
file = open(sys.argv[1], "w")
print(lock(file), flush=True)
input()
"""


def test_a_lock_is_held_by_one_process_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout and holder.stdout.readline() == "True\n"
        with path.open("w") as file:
            assert not lock(file)
            holder.kill()
            holder.wait()
            assert lock(file)
    with path.open("w") as again:
        assert lock(again)


def test_files_and_folders_reach_the_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("rows")
    (tmp_path / "file").chmod(0o444)
    to_disk(tmp_path / "file")
    to_disk(tmp_path)
