"""Runs scripts/load.py in this process, which spares the start of another."""

import subprocess
from pathlib import Path

from script_command import script_command


def load_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `python scripts/load.py` with these arguments; what came of it.

    An exception that the command lets through reaches the test.
    """
    return script_command("load.py", *arguments)
