"""Runs scripts/run.py on a small export."""

import os
import subprocess
import sys
from pathlib import Path

from warehouse import NAME


def run_shop(
    root: Path, tmp_path: Path, *arguments: str, orders: str
) -> subprocess.CompletedProcess[str]:
    """Run all steps of a shop whose feed orders is given, in files of its own."""
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "orders.csv").write_text(orders, "utf-8")
    return subprocess.run(
        [
            *(sys.executable, root / "scripts" / "run.py", "--target", "shop"),
            *("--page", "page.html", *arguments, "--", "folder", "feeds"),
        ],
        cwd=tmp_path,
        env=os.environ
        | {
            "CLV_WAREHOUSE": NAME,
            "DBT_TARGET_PATH": str(tmp_path / "target"),
            "DBT_LOG_PATH": str(tmp_path / "logs"),
            # build.log has what dbt says; its own log has thousands of lines more.
            "DBT_LOG_LEVEL_FILE": "none",
        },
        capture_output=True,
        text=True,
        check=False,
    )
