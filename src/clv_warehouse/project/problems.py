"""What ends a command with one sentence: what is wrong, and what to do about it."""

import errno
import os
import re
from pathlib import Path

from clv_warehouse.project.sql import first_line

# Exit codes: a person can mend what is wrong; the data of a build cannot be trusted.
FAILED, UNTRUSTED = 1, 3


class CommandError(Exception):
    """A command cannot do what it was asked; the message says why and what to do.

    The command ends with `exit_code`.
    """

    exit_code = FAILED


_FULL = (
    "There is no room left on the disk of {path}. Make room, then give the same "
    "command again."
)
_FORBIDDEN = (
    "This user may not use {path}. Let the user read and write it, or run as the user "
    "who owns it."
)
# By the system's number of an error. DuckDB's messages end with the system's words.
_SENTENCES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: (
        "{path} would become larger than this user's files may be. Raise that limit "
        "(ulimit -f), then give the same command again."
    ),
    errno.EROFS: (
        "{path} is on a disk that can only be read. Name a place that can be written."
    ),
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EISDIR: "{path} is a folder, where a file is needed. Name a file.",
    errno.ENOTDIR: "{path} leads through a file, where it needs folders.",
    errno.EEXIST: "{path} is a file, where a folder is needed. Name another.",
    errno.ENOENT: "There is no {path}. Make it, or name another.",
}
_MEMORY = (
    "The memory that DuckDB may use did not suffice. Give it more by the environment "
    "variable CLV_MEMORY_LIMIT, such as CLV_MEMORY_LIMIT=8GB."
)


def in_words(error: Exception, path: Path | None = None) -> str:
    """What `of_the_machine` says, or else the first line of the error itself."""
    return of_the_machine(error, path) or first_line(error)


def of_the_machine(error: Exception, path: Path | None = None) -> str | None:
    """Say what the machine lacks or forbids: room, memory, rights, a file or folder.

    `error` is the system's (OSError) or DuckDB's. `path` is what was used, where the
    error does not name it. None where the error is of another kind.
    """
    said = str(error)
    if "Out of Memory Error" in said:
        # DuckDB says so too where it may not put more on disk.
        return _FULL.format(path=path) if "temp_directory" in said else _MEMORY
    number = error.errno if isinstance(error, OSError) else None
    for each in _SENTENCES:
        if number is None and first_line(error).endswith(f": {os.strerror(each)}"):
            number = each
    if number not in _SENTENCES:
        return None
    named = getattr(error, "filename", None)
    if found := re.search(r'(?:file|directory) "(.+?)"', said):
        named = found[1]
    return _SENTENCES[number].format(path=named or path or "the place of the output")
