"""Keeps the folder of published files, in which every file is whole at any time.

    serving.duckdb              the newest serving copy
    parquet                     a link to the newest Parquet files
    versions/TIME/              the files of one publication, kept for a while
    versions/TIME.partial/      a publication that is being written, or was cut short

A publication writes its files below versions, waits until they are on disk, and swaps
them in by a rename.
"""

import datetime as dt
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clv_warehouse.project.contracts import PublishError
from clv_warehouse.project.disk import lock, to_disk
from clv_warehouse.project.problems import in_words

PARTIAL = ".partial"
VERSION = "%Y%m%dT%H%M%S.%fZ"
SECONDS_BETWEEN_TRIES = 0.2


@contextmanager
def locked(folder: Path, wait_seconds: float) -> Iterator[None]:
    """Hold the folder for one publisher, and remove what a killed one left.

    Raises PublishError if another still holds it after `wait_seconds`.
    """
    try:
        (folder / "versions").mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        raise PublishError(
            f"{folder} cannot be written: {in_words(error, folder)} "
            "Or name another folder with --to."
        ) from error
    with file:
        deadline = time.monotonic() + wait_seconds
        while not lock(file):
            if time.monotonic() >= deadline:
                raise PublishError(
                    f"Another publish.py is writing to {folder}. Try again when it has "
                    "ended, or give --wait SECONDS."
                )
            time.sleep(SECONDS_BETWEEN_TRIES)
        for pattern in (f"*{PARTIAL}", f"*/*{PARTIAL}"):
            for leftover in (folder / "versions").glob(pattern):
                shutil.rmtree(leftover)
        yield


def new_version(folder: Path) -> Path:
    """Return the path of a version that sorts after all others; do not create it."""
    return folder / "versions" / dt.datetime.now(dt.UTC).strftime(VERSION)


def written_at(folder: Path, name: str) -> dt.datetime | None:
    """Return when FOLDER/NAME was written, in UTC; None if it is not there.

    That is when its version was begun, or the file's own time if the version is gone.
    """
    published = folder / name
    if not published.exists():
        return None
    for version in folder.glob("versions/*Z"):
        of_version = version / name
        if of_version.exists() and of_version.samefile(published):
            return dt.datetime.strptime(version.name, VERSION)
    changed = dt.datetime.fromtimestamp(published.stat().st_mtime, dt.UTC)
    return changed.replace(tzinfo=None)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a folder to write to; rename it to `path` once everything is on disk."""
    partial = path.with_name(path.name + PARTIAL)
    partial.mkdir()
    try:
        yield partial
        for parent, _, names in os.walk(partial):
            for name in names:
                to_disk(Path(parent, name))
            to_disk(Path(parent))
        partial.rename(path)
        to_disk(path.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def swap_in_file(version: Path, name: str, folder: Path) -> None:
    """Replace FOLDER/NAME by the file of that name in `version`, in one step."""
    new = folder / f".{name}.new"
    new.unlink(missing_ok=True)
    # A hard link is a second name of the file: it copies nothing and cannot dangle.
    new.hardlink_to(version / name)
    # A reader may have written to the old copy; its log must not touch the new one.
    (folder / f"{name}.wal").unlink(missing_ok=True)
    new.replace(folder / name)
    to_disk(folder)


def swap_in_link(version: Path, name: str, folder: Path) -> None:
    """Make FOLDER/NAME a link to the folder of that name in `version`, in one step."""
    new = folder / f".{name}.new"
    new.unlink(missing_ok=True)
    new.symlink_to(Path("versions", version.name, name), target_is_directory=True)
    new.replace(folder / name)
    to_disk(folder)


def remove_old_versions(folder: Path, keep: int) -> None:
    """Remove old versions; keep the newest, `keep` before it, and those linked to."""
    linked = (folder / "parquet").resolve().parent
    versions = sorted((folder / "versions").iterdir())
    for version in versions[: max(0, len(versions) - 1 - keep)]:
        if version.resolve() != linked:
            # Renamed first, so that a kill leaves a folder that the next run removes.
            partial = version.with_name(version.name + PARTIAL)
            version.rename(partial)
            shutil.rmtree(partial)
