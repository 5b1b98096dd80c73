"""Holds who may import whom, as CONTRIBUTING.md says, and that there are no circles."""

import ast
import json
import os
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "clv_warehouse"
# What each folder, or module beside the folders, may import beside itself. A folder
# that is not named is a domain.
MAY_IMPORT = {
    "project": set(),
    "engines": {"project"},
    "learning": {"engines", "project"},
    "loading": {"project"},
    "serving": {"project"},
    "shop": {"project"},
    "frames": {"project"},
}
A_DOMAIN_MAY_IMPORT = {"learning", "engines", "project"}
# Beside the package: these import it, never the other way round.
OUTSIDE = {"scripts", "benchmarks", "checks", "tests"}


def imports_of(source: Path) -> dict[str, set[str]]:
    """By module of the package in `source`, all modules that it imports."""
    found = {}
    modules = {
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in source.rglob("*.py")
    }
    for name, path in modules.items():
        imported = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name} has a relative import"
                # What is imported from a package may be one of its modules.
                imported |= {
                    f"{node.module}.{alias.name}"
                    if f"{node.module}.{alias.name}" in modules
                    else str(node.module)
                    for alias in node.names
                }
        found[name] = imported
    return found


def wrong_imports(source: Path) -> list[str]:
    """Imports that the rule forbids, and circles."""
    imports = imports_of(source)
    wrong = []
    for module, imported in sorted(imports.items()):
        folder = module.split(".")[1] if "." in module else ""
        allowed = MAY_IMPORT.get(folder, A_DOMAIN_MAY_IMPORT) | {folder}
        for name in sorted(imported):
            top, *rest = name.split(".")
            if top in OUTSIDE or (top == PACKAGE and rest and rest[0] not in allowed):
                wrong.append(f"{module} imports {name}")
    try:
        inside = {name: known & imports.keys() for name, known in imports.items()}
        TopologicalSorter(inside).prepare()
    except CycleError as error:
        wrong.append(f"a circle: {' imports '.join(reversed(error.args[1]))}")
    return wrong


def test_every_import_follows_the_rule(root: Path) -> None:
    assert wrong_imports(root / "src") == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("learning/progress.py", "from clv_warehouse.clv.prior import Prior"),
        ("clv/prior.py", "from clv_warehouse.recommendations import ranking"),
        ("loading/feeds.py", "import clv_warehouse.engines.relation"),
        ("serving/dashboard/page.py", "from clv_warehouse.shop import words"),
        ("project/sql.py", "from benchmarks.harness import run"),
        ("engines/relation.py", "from clv_warehouse.engines.duckdb import DuckDb"),
    ],
)
def test_a_planted_wrong_import_is_found(
    root: Path, tmp_path: Path, module: str, line: str
) -> None:
    for path in (root / "src" / PACKAGE).rglob("*.py"):
        copy = tmp_path / path.relative_to(root / "src")
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8")
        planted = copy.match(f"{PACKAGE}/{module}")
        # Late, as a circle often is.
        copy.write_text(f"{text}\n\ndef late():\n    {line}\n" if planted else text)
    assert len(wrong_imports(tmp_path)) == 1


# Windows has none of these; the others are large, and their absence is no fault here.
ONLY_POSIX = ("fcntl", "resource", "termios", "pty", "pwd", "grp")
LARGE = ("keras", "tensorflow", "pyspark", "pysail", "playwright", "mcp")
IMPORT_ALL = """
import importlib, importlib.util, json, pathlib, sys
import duckdb, multiprocessing, pandas, pyarrow, shutil, subprocess, tempfile
for name in json.loads(sys.argv[1]):
    sys.modules[name] = None
imported, absent = [], []
for path in sorted(pathlib.Path("src").rglob("*.py")):
    module = ".".join(path.relative_to("src").with_suffix("").parts)
    try:
        importlib.import_module(module.removesuffix(".__init__"))
        imported.append(module)
    except ImportError as error:
        absent.append((module, error.name))
for path in sorted(pathlib.Path("scripts").glob("*.py")):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        imported.append(path.name)
    except ImportError as error:
        absent.append((path.name, error.name))
print(json.dumps({"imported": imported, "absent": absent}))
"""


def test_modules_and_scripts_import_without_what_windows_lacks(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, json.dumps([*ONLY_POSIX, *LARGE])],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    absent = [each for each in told["absent"] if each[1].split(".")[0] not in LARGE]
    assert absent == []
    for module in ("publish.py", "load.py", "show.py", "memory.py", "dashboard.py"):
        assert module in told["imported"]


VARIABLE = "OPENBLAS_NUM_THREADS"
THREADS = """
import clv_warehouse, numpy, scipy.linalg, threadpoolctl
found = [each["num_threads"] for each in threadpoolctl.threadpool_info()
         if each["internal_api"] == "openblas"]
print(max(found, default=1))
"""


def test_matrix_products_take_one_thread(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", THREADS],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        env={name: each for name, each in os.environ.items() if name != VARIABLE},
    )
    assert done.stdout.strip() == "1"
