"""A copy of the project whose data and target are its own."""

import shutil
from pathlib import Path

from clv_warehouse.project.places import ROOT

OWN = ("src", "data", "target", "logs")


def linked_project(folder: Path) -> None:
    """Make the folder: links to what a run only reads, and a copy of the library.

    The library looks for data beside the folder in which it really is.
    """
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name not in OWN and not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    shutil.copytree(ROOT / "src", folder / "src")
    (folder / "data").mkdir()
