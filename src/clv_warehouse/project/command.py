"""Starts the project's commands, so that no console or pipe can stop their work."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO

from clv_warehouse.project.stopping import stop_as_by_ctrl_c

# What shells say of a command that Ctrl-C ended.
STOPPED = 130


def run_main(main: Callable[[], int]) -> NoReturn:
    """Run a command's `main` and end the process with the exit code that it returns.

    Its output never ends it. Characters that the console cannot show become question
    marks; a reader that goes away, such as `head`, misses the rest, while a load or a
    publication goes on to its end. Whoever stops it, by Ctrl-C or a signal, gets one
    sentence.
    """
    sys.stdout, sys.stderr = _patient(sys.stdout), _patient(sys.stderr)
    stop_as_by_ctrl_c()
    try:
        code = main()
    except KeyboardInterrupt:
        print(f"{Path(sys.argv[0]).name}: stopped.", file=sys.stderr)
        code = STOPPED
    sys.exit(code)


def _patient(stream: TextIO) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(_Pipe(stream.fileno())),
        encoding=stream.encoding,
        errors="replace",
        line_buffering=True,
    )


class _Pipe(io.FileIO):
    """A file of the process that takes what is written even if nobody reads it."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes
