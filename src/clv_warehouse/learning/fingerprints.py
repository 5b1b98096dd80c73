"""Hashes of what a training depends on: they differ if that does."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from clv_warehouse.engines.doorway import doorway

PACKAGE = Path(__file__).parents[1]
SCHEMA = pa.schema([("model_name", pa.string()), ("code_fingerprint", pa.string())])


@doorway
def code_fingerprints(
    session: Any, models: Mapping[str, Mapping[str, Any]]
) -> pa.Table:
    """One row per model: the fingerprint of its training's code.

    `models` is var learned_models; the session says which engine takes the table.
    """
    rows = [
        {"model_name": name, "code_fingerprint": code_fingerprint(model["module"])}
        for name, model in models.items()
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def code_fingerprint(module: str, package: Path = PACKAGE) -> str:
    """Return 32 letters that differ if the code of `module`, or of an import, does.

    It covers all modules of `package` that `module` imports, directly or through
    others. Comments, docstrings and layout do not count. No module is run. Raises
    FileNotFoundError if there is no such module.
    """
    digest = sha256()
    for name, tree in sorted(modules_of(module, package).items()):
        digest.update(f"{name}\n{ast.unparse(tree)}\n".encode())
    return digest.hexdigest()[:32]


def modules_of(module: str, package: Path) -> dict[str, ast.Module]:
    """Return the code of `module` and its imports, by name, without docstrings."""
    path = source_of(module, package)
    if path is None:
        raise FileNotFoundError(f"there is no module {module} in {package}")
    found: dict[str, ast.Module] = {}
    waiting = {module: path}
    while waiting:
        name, path = waiting.popitem()
        found[name] = without_docstrings(ast.parse(path.read_text("utf-8")))
        for imported in imports_of(found[name]):
            path = source_of(imported, package)
            if path and imported not in found:
                waiting[imported] = path
    return found


def source_of(name: str, package: Path) -> Path | None:
    """Return the file of a module of the package; None if it is no such module."""
    top, *rest = name.split(".")
    if top != package.name:
        return None
    path = package.joinpath(*rest)
    for file in (path.with_suffix(".py") if rest else path, path / "__init__.py"):
        if file.is_file():
            return file
    return None


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Yield the names that code imports, late imports included.

    A name imported from a package may be one of its modules, so both forms come.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def without_docstrings(tree: ast.Module) -> ast.Module:
    """Remove the docstrings of a module, its classes and its functions."""
    for node in ast.walk(tree):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def data_fingerprint(arrays: Iterable[Any]) -> str:
    """Return 32 letters that differ if any array does; None stands for no array.

    Arrays are numpy's, or texts as an Arrow array without nulls.
    """
    digest = sha256()
    for array in arrays:
        if array is None:
            digest.update(b"none")
        elif isinstance(array, pa.Array):
            digest.update("\0".join(array.to_pylist()).encode())
        else:
            digest.update(str((array.dtype, array.shape)).encode())
            digest.update(array.tobytes())
    return digest.hexdigest()[:32]
