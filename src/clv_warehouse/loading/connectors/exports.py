"""Finds the files of a shop system's export by their columns, and reads their parts.

People rename exports, and large shops get them in parts. So a connector knows a file by
the columns that only this kind of file has, and reads all files of one kind as one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from clv_warehouse.loading.feeds import Column
from clv_warehouse.loading.files import kind_of, natural
from clv_warehouse.loading.problems import LoadError
from clv_warehouse.loading.reading import LOADED_ORDER, PROVENANCE, Reader
from clv_warehouse.loading.texts import plain_name
from clv_warehouse.project.sql import quoted

MONEY = "decimal(18,4)"


def optional(name: str, data_type: str = "varchar", *aliases: str) -> Column:
    """Return a column that an export may lack."""
    return Column(name, data_type, is_required=False, aliases=aliases)


def first_told(column: str) -> str:
    """Write the SQL of the first value of a column, in the order of the rows."""
    return f'any_value("{column}" order by {LOADED_ORDER})'


def find_kinds(
    reader: Reader, source: Path, kinds: Mapping[str, Sequence[str]]
) -> dict[str, list[Path]]:
    """Return the files of `source`, a file or a folder, by their kind.

    `kinds` names the columns that a file of each kind has; the first kind that fits is
    a file's kind. Raises LoadError where `source` holds none of them. Files of a folder
    that are of no kind are reported.
    """
    found: dict[str, list[Path]] = {}
    unknown = []
    for path in files_of(source):
        kind = _kind(reader, path, kinds)
        if kind is None:
            unknown.append(path.name)
        else:
            found.setdefault(kind, []).append(path)
    if not found:
        wanted = "; ".join(
            f"{kind} has the columns {', '.join(names)}"
            for kind, names in kinds.items()
        )
        raise LoadError(
            f"{source} is no export that this connector knows ({wanted}). "
            f"{_columns_there(reader, source, unknown)}Export it again in English, or "
            "name its columns in a mapping file: load.py map."
        )
    if unknown:
        reader.note(
            f"{source}: files not read: {', '.join(unknown)} (no columns of "
            f"{', '.join(kinds)})"
        )
    return found


def files_of(source: Path) -> list[Path]:
    """Return a file, or the files of a folder: part 2 before part 10."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise LoadError(f"No file or folder {source}. Check the path.")
    paths = [
        path
        for path in source.iterdir()
        if path.is_file() and not path.name.startswith(".")
    ]
    return sorted(paths, key=lambda path: natural(path.name))


def read_parts(
    reader: Reader, paths: Sequence[Path], columns: Sequence[Column], view: str
) -> set[str]:
    """Make `view` of all files; return the names of the columns that any of them has.

    Raises LoadError as Reader.read_file does.
    """
    found: set[str] = set()
    queries = []
    for part, path in enumerate(paths, start=1):
        name = f"{view}_{part}"
        found |= reader.read_file(path, columns, name)
        queries.append(f"from {name}")
    reader.connection.execute(
        f"create temp view {view} as {' union all by name '.join(queries)}"
    )
    return found


def empty(reader: Reader, columns: Sequence[Column], view: str) -> None:
    """Make `view` as read_parts does, of no file at all."""
    types = {column.name: column.data_type for column in columns} | PROVENANCE
    select = ", ".join(
        f"cast(null as {data_type}) as {quoted(name)}"
        for name, data_type in types.items()
    )
    reader.connection.execute(f"create temp view {view} as select {select} where false")


def _kind(reader: Reader, path: Path, kinds: Mapping[str, Sequence[str]]) -> str | None:
    if kind_of(path) is None:
        return None
    there = {plain_name(name) for name in reader.columns_of(path)}
    for kind, names in kinds.items():
        if all(plain_name(name) in there for name in names):
            return kind
    return None


def _columns_there(reader: Reader, source: Path, unknown: Sequence[str]) -> str:
    if source.is_file() and kind_of(source):
        return f"It has the columns {', '.join(reader.columns_of(source))}. "
    return f"It holds: {', '.join(unknown) or 'nothing'}. "
