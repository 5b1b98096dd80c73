"""Starts commands with --help in forks of one process that has the large libraries.

To start Python and to import them takes half a second for each command.
"""

import json
import os
import runpy
import sys
import tempfile
import traceback
from pathlib import Path

import duckdb  # noqa: F401
import pandas  # noqa: F401
import pyarrow  # noqa: F401


def run(command: list[str]) -> None:
    """Run a command as Python does: `-m` and a module, or a file."""
    if command[0] == "-m":
        sys.argv = [command[1], "--help"]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [command[0], "--help"]
        sys.path[0] = str(Path(command[0]).parent)
        runpy.run_path(command[0], run_name="__main__")


def help_of(command: list[str]) -> tuple[int, str, str]:
    """What came of a command: its exit code, its output and its errors."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        if not (child := os.fork()):
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            code = 0
            try:
                run(command)
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(bool(end.code))
            except BaseException:
                traceback.print_exc()
                code = 1
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return os.waitstatus_to_exitcode(status), said[0], said[1]


if __name__ == "__main__":
    print(json.dumps([help_of(command) for command in json.loads(sys.argv[1])]))
