"""Another process that has a warehouse open."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOLD = (
    "import duckdb, sys; connection = duckdb.connect(sys.argv[1]);"
    "print('open', flush=True); sys.stdin.read()"
)


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold a file open for writing; it is let go when the standard input is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        yield holder
