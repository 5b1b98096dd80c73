"""Starts the project's commands, and ends each with an exit code and one sentence."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO

from clv_warehouse.project.problems import FAILED, CommandError, of_the_machine
from clv_warehouse.project.stopping import stop_as_by_ctrl_c

# What the exit codes mean, as docs/operations.md says. argparse ends with 2 where the
# command line is wrong, and shells say 130 of a command that Ctrl-C ended.
DONE, STOPPED = 0, 130


def run_main(main: Callable[[], int], stopped: str = "stopped.") -> NoReturn:
    """Run a command's `main` and end the process with the exit code of `exit_code`.

    Its output never ends it. Characters that the console cannot show become question
    marks; a reader that goes away, such as `head`, misses the rest, while a load or a
    publication goes on to its end. Whoever stops it, by Ctrl-C or a signal, gets one
    sentence.
    """
    sys.stdout, sys.stderr = _patient(sys.stdout), _patient(sys.stderr)
    stop_as_by_ctrl_c()
    sys.exit(exit_code(main, stopped))


def exit_code(main: Callable[[], int], stopped: str = "stopped.") -> int:
    """Run `main`; return its exit code, or say in one sentence why it did not end well.

    That is what the error says where a person can mend what is wrong, mostly FAILED,
    and STOPPED after Ctrl-C or a signal, when it says `stopped`. Any other error is one
    of the project's code.
    """
    try:
        return main()
    except KeyboardInterrupt:
        _say(stopped)
        return STOPPED
    except CommandError as error:
        _say(str(error))
        return error.exit_code
    except Exception as error:
        # The system says what is wrong with a file or a connection in its own words.
        own = str(error) if isinstance(error, OSError) else None
        said = of_the_machine(error) or own
        if said is None:
            raise
        _say(said)
        return FAILED


def _say(sentence: str) -> None:
    print(f"{Path(sys.argv[0]).name}: {sentence}", file=sys.stderr)


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
