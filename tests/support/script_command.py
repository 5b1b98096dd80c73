"""Runs a script of scripts/ in this process, which spares the start of another."""

import importlib.util
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from clv_warehouse.project.command import exit_code
from clv_warehouse.project.places import ROOT


@cache
def _script(name: str) -> ModuleType:
    path = ROOT / "scripts" / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def script_command(
    name: str, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run `python scripts/NAME` with these arguments; what came of it.

    An exception that the command lets through reaches the test.
    """
    out, err = StringIO(), StringIO()
    command = [name, *map(str, arguments)]
    with patch.object(sys, "argv", command), redirect_stdout(out), redirect_stderr(err):
        try:
            status = exit_code(_script(name).main)
        except SystemExit as wrong_usage:
            status = wrong_usage.code
    return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())
