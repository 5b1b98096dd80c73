"""List the licences of what the package needs: `python -m checks.licences`.

It exits with 1 if one would bind what is shipped with it.
"""

import argparse
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
# Licences that ask of a work that uses the package to be under them too. LGPL and MPL
# ask it of changes to the package itself alone.
BINDING = re.compile(
    r"\b(A?GPL|EUPL|SSPL|CC-BY-NC|CC-BY-SA)|Affero|General Public", re.I
)
LESSER = re.compile(r"\bLGPL|Lesser", re.I)


# Where the metadata say nothing, what the package's own file LICENSE says.
BY_FILE = {"namex": "Apache License"}


def needed(names: list[str]) -> Iterator[Distribution]:
    """Yield what these requirements need, themselves included, by name."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(name) for name in names]
    while waiting:
        asked = waiting.pop()
        if asked.marker and not asked.marker.evaluate({"extra": ""}):
            continue
        try:
            each = distribution(asked.name)
        except PackageNotFoundError:
            continue
        name = each.metadata["Name"].lower()
        if name not in found:
            found[name] = each
            waiting += [Requirement(text) for text in each.requires or ()]
    yield from (found[name] for name in sorted(found))


def licence(package: Distribution) -> str:
    """The licence of a package, as its metadata says it; empty where they do not."""
    told = package.metadata
    if "License-Expression" in told:
        return str(told["License-Expression"])
    classes = [
        text.rpartition(" :: ")[2]
        for text in told.get_all("Classifier") or ()
        if text.startswith("License :: ")
    ]
    first = "".join(told.get_all("License") or ()).strip().split("\n")[0]
    return "; ".join(classes) or first[:60] or _by_file(package)


def _by_file(package: Distribution) -> str:
    """The licence that a package's own file names, where it is the one we know of."""
    known = BY_FILE.get(package.metadata["Name"].lower(), "")
    for file in package.files or ():
        if known and file.name == "LICENSE" and known in file.read_text("utf-8"):
            return f"{known} (its file LICENSE)"
    return ""


def binds(text: str) -> bool:
    """Whether a licence binds works that use the package; of several, one may not."""
    options = re.split(r"\s+OR\s+|;", text)
    return all(BINDING.search(each) and not LESSER.search(each) for each in options)


def shipped() -> list[str]:
    """What pyproject.toml says that the package needs to run."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return list(project["dependencies"])


def main() -> int:
    """List them; return 1 if one binds or says nothing."""
    argparse.ArgumentParser(prog="checks.licences", description=__doc__).parse_args()
    doubtful = 0
    for package in needed(shipped()):
        text = licence(package)
        is_doubtful = not text or binds(text)
        doubtful += is_doubtful
        mark = "  <- binds, or says nothing" if is_doubtful else ""
        print(f"{package.metadata['Name']:<32}{package.version:<14}{text}{mark}")
    return int(doubtful > 0)


if __name__ == "__main__":
    raise SystemExit(main())
