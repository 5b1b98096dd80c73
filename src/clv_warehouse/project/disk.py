"""Where systems differ when a file must be whole: locks, and waiting for the disk."""

import os
import sys
from pathlib import Path
from typing import IO


def lock(file: IO[str]) -> bool:
    """Lock an open file for this process; return False if another holds it.

    The system releases the lock when the file is closed, or the process ends, however
    it ends. A program that does not ask for the lock is not kept out.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def to_disk(path: Path) -> None:
    """Wait until the contents of a file or folder are on disk.

    Windows does that only for whoever may write to the file, so there it is left out: a
    power cut may then cost the newest copy.
    """
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
