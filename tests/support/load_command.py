"""Runs scripts/load.py in this process, which spares the start of another."""

import importlib.util
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from clv_warehouse.project.places import ROOT


@cache
def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("load", ROOT / "scripts" / "load.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def load_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `python scripts/load.py` with these arguments; what came of it.

    An exception that the command lets through reaches the test.
    """
    out, err = StringIO(), StringIO()
    command = ["load.py", *map(str, arguments)]
    with patch.object(sys, "argv", command), redirect_stdout(out), redirect_stderr(err):
        try:
            status = _script().main()
        except SystemExit as wrong_usage:
            status = wrong_usage.code
    return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())
