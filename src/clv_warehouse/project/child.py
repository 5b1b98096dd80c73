"""Runs a program that ends when the process does that started it, however that ends.

`python -m clv_warehouse.project.child PROGRAM ...`, started with a pipe as its standard
input, runs the program until the pipe ends. The system closes the pipe when the process
at its other end is gone, also when it was killed by force. The program's standard input
is empty.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, Any

from clv_warehouse.project.stopping import SECONDS_TO_END

# A program that was asked to end has a little longer than it gives itself.
PATIENCE = SECONDS_TO_END + 2


@contextmanager
def running(
    command: Sequence[str | Path],
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Run a program that ends with the context, or with this process."""
    child = subprocess.Popen(
        [sys.executable, "-m", __name__, *command],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env=environment,
        encoding="utf-8",
        errors="replace",
    )
    assert child.stdin is not None
    try:
        yield child
    finally:
        child.stdin.close()
        if child.stdout:
            child.stdout.close()
        child.wait()


def run_to_its_end(command: Sequence[str | Path]) -> int:
    """Run a program to its end, or to that of this process; return its exit code."""
    with running(command) as child:
        return child.wait()


def main() -> int:
    """Run the program of the command line; return its exit code."""
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    # Ctrl-C reaches the program too, which says what it does then.
    for name, handle in {
        "SIGINT": lambda *_: None,
        "SIGTERM": lambda *_: program.terminate(),
        "SIGHUP": lambda *_: program.terminate(),
    }.items():
        # Windows has no SIGHUP.
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handle)
    Thread(target=_end_with_parent, args=(program,), daemon=True).start()
    code = program.wait()
    return 128 - code if code < 0 else code


def _end_with_parent(program: subprocess.Popen) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    program.terminate()
    try:
        program.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        program.kill()


if __name__ == "__main__":
    sys.exit(main())
