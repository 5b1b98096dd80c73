"""Writes files that are whole at any time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clv_warehouse.project.disk import to_disk
from clv_warehouse.project.problems import CommandError, of_the_machine

PARTIAL = ".partial"


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a file to write to; rename it to `path` once it is on disk.

    It makes the folder, and removes what a run that was cut short has left there. If
    writing fails, `path` is as it was and nothing is left beside it. Raises
    CommandError where the machine lets nobody write there.
    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        try:
            yield partial
            to_disk(partial)
            partial.replace(path)
            to_disk(path.parent)
        finally:
            _remove(partial)
    except OSError as error:
        said = of_the_machine(error, path)
        if said is None:
            raise
        raise CommandError(said) from error


@contextmanager
def for_owner_alone() -> Iterator[None]:
    """Let nobody but their owner read the files that are made meanwhile."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _remove(partial: Path) -> None:
    """Remove an unfinished file, with its log if it is one of DuckDB."""
    for each in (partial, partial.with_name(partial.name + ".wal")):
        each.unlink(missing_ok=True)
