"""Folders for what nobody needs once the process has ended, however it ended.

A process that is killed removes nothing. So whoever makes a scratch folder removes the
folders of processes that are gone. A lock says who is there: the system releases it
with its process, also when the machine is switched off.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from clv_warehouse.project.disk import lock

PREFIX, LOCK = "clv_scratch_", "lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder in the temporary folder, which only this user may read.

    It is gone after the context or, if this process is killed, when any process of this
    user makes the next one.
    """
    remove_left_over()
    folder, held = _locked_folder()
    try:
        yield folder
    finally:
        # Windows removes no file that is open.
        held.close()
        shutil.rmtree(folder, ignore_errors=True)


def remove_left_over() -> None:
    """Remove the scratch folders of this user's processes that have ended."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if folder.is_symlink() or not _is_mine(folder):
                continue
            with _open_lock(folder) as file:
                is_left_over = lock(file)
                # Windows removes no file that is open.
                if os.name == "nt":
                    file.close()
                if is_left_over:
                    shutil.rmtree(folder, ignore_errors=True)


def _locked_folder() -> tuple[Path, IO[str]]:
    """Make a folder and lock it; return the open file that holds the lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        # Between the two another process may take it for one that is left over.
        try:
            file = _open_lock(folder)
        except FileNotFoundError:
            continue
        if lock(file) and (folder / LOCK).exists():
            return folder, file
        file.close()


def _open_lock(folder: Path) -> IO[str]:
    return (folder / LOCK).open("w")


def _is_mine(folder: Path) -> bool:
    return os.name == "nt" or folder.stat().st_uid == os.getuid()
