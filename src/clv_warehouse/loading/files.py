"""Finds the files of a folder that hold what is to be loaded."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from clv_warehouse.loading.problems import LoadError

TEXTS = (".csv", ".tsv", ".txt")
PARQUET = ".parquet"
_READABLE = (*TEXTS, PARQUET)
_PACKED = ".gz"
_SHOWN = (".csv", PARQUET)

# What to do about files that are none of these, by what their names end with.
_WAYS_OUT = {
    **dict.fromkeys(
        (".xlsx", ".xls", ".xlsm", ".ods", ".numbers"),
        "is a workbook: save its sheet as 'CSV UTF-8'",
    ),
    **dict.fromkeys(
        (".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".zst"),
        "is an archive: unpack it",
    ),
    **dict.fromkeys(
        (".json", ".jsonl", ".ndjson", ".xml", ".html", ".avro", ".orc"),
        "is not read: export it as CSV",
    ),
}

# What may follow the name of a feed in the name of one of its parts: numbers, dates and
# words that only count. orders_archive or orders_refunds may be something else.
_MONTHS = (
    "jan|january|feb|february|mar|march|apr|april|may|jun|june|jul|july|aug|august"
    "|sep|sept|september|oct|october|nov|november|dec|december"
)
_COUNTING_WORD = re.compile(
    r"\d+|\d*[qhw]\d+|\d{8}t\d{4,6}z?|(part|page|chunk|batch|file|p|v)\d*"
    rf"|of|to|export|{_MONTHS}"
)
_BETWEEN_WORDS = re.compile(r"[\s_.()\[\]-]+")
_NUMBERS = re.compile(r"(\d+)")


def find_parts(folder: Path, name: str) -> list[Path]:
    """Find the files of the feed `name`, in the order of their names.

    These are orders.csv, its parts beside it (orders_2023.csv, orders-part-1.csv,
    "orders (1).csv", orders.2024-01.parquet) and all files of the folder orders.
    Numbers in names count as numbers: part 2 comes before part 10.

    Raises LoadError where `folder` is no folder, where two parts have one name or hold
    the same bytes, or where a part has a form that is not read.
    """
    entries = _entries(folder)
    parts = [path for path in entries if path.is_file() and _is_part(path, name)]
    parts.sort(key=lambda path: natural(_stem(path)))
    for path in entries:
        if path.is_dir() and _plain(path.name) == _plain(name):
            inside = [
                file
                for file in path.rglob("*")
                if file.is_file() and not file.name.startswith((".", "_"))
            ]
            parts += sorted(inside, key=lambda file: natural(str(file)))
    readable = [path for path in parts if kind_of(path)]
    read = {path.with_name(_stem(path)) for path in readable}
    for path in parts:
        # A workbook beside the .csv that was made of it may stay.
        if path not in readable and path.with_name(_stem(path)) not in read:
            raise LoadError(_way_out(path))
    _require_different_names(readable)
    _require_different_bytes(readable)
    return readable


def find_file(folder: Path, *stems: str) -> Path | None:
    """Find the one file of a folder that has one of the names, if any.

    Raises LoadError where `folder` is no folder, or two files would do.
    """
    files = [
        path for path in _entries(folder) if _stem(path) in stems and kind_of(path)
    ]
    if len(files) > 1:
        raise LoadError(
            f"{folder} has both {' and '.join(path.name for path in files)}. "
            "Leave only the one to load."
        )
    return files[0] if files else None


def require_found(folder: Path, *stems: str) -> Path:
    """Find the file as find_file does; raise LoadError if there is none."""
    path = find_file(folder, *stems)
    if path is None:
        raise not_found(folder, *stems)
    return path


def not_found(folder: Path, *stems: str) -> LoadError:
    """Say that a folder has no file of these names, and what it has."""
    there = [path.name for path in _entries(folder)]
    wanted = " or ".join(stem + suffix for stem in stems for suffix in _SHOWN)
    similar = suggestion(stems[-1], [Path(name).stem for name in there])
    return LoadError(
        f"No {wanted} in {folder}.{similar} It holds: {listed(there) or 'nothing'}."
    )


def require_file(path: Path) -> None:
    """Raise LoadError unless `path` is a file with something in it."""
    if not path.exists():
        raise LoadError(f"No file {path}. Check the path.")
    if not path.is_file():
        raise LoadError(f"{path} is no file. Give the path of the file itself.")
    if path.stat().st_size == 0:
        raise LoadError(f"{path} is empty. Get it again.")


def kind_of(path: Path) -> str | None:
    """Return ".csv" for every file of text, ".parquet", or None for another kind."""
    suffix = _unpacked(path).suffix
    if suffix in TEXTS:
        return ".csv"
    return suffix if suffix == PARQUET and path.suffix.casefold() != _PACKED else None


def natural(name: str) -> list[tuple[int, int | str]]:
    """Return a key that sorts numbers within names as numbers."""
    return [
        (0, int(part)) if part.isdecimal() else (1, part)
        for part in _NUMBERS.split(name.casefold())
        if part
    ]


def suggestion(name: str, there: Sequence[str], least: float = 0.6) -> str:
    """Ask whether another name was meant, if one is alike, from 0 to 1, by `least`."""
    by_case = {other.casefold(): other for other in there}
    similar = get_close_matches(name.casefold(), by_case, n=1, cutoff=least)
    return f" Did you mean {by_case[similar[0]]}?" if similar else ""


def listed(names: Iterable[str]) -> str:
    """Write names one after the other."""
    return ", ".join(names)


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise LoadError(f"No folder {folder}. Give the folder that holds the files.")
    return sorted(folder.iterdir())


def _unpacked(path: Path) -> Path:
    """Return the lower-case name of a file without what says that it is packed."""
    name = Path(path.name.casefold())
    return name.with_suffix("") if name.suffix == _PACKED else name


def _stem(path: Path) -> str:
    name = _unpacked(path)
    return name.stem if name.suffix in (*_READABLE, *_WAYS_OUT) else name.name


def _plain(name: str) -> str:
    return _BETWEEN_WORDS.sub("", name.casefold())


def _is_part(path: Path, name: str) -> bool:
    suffix = _unpacked(path).suffix
    if suffix not in _READABLE and suffix not in _WAYS_OUT:
        return False
    # "Order Lines" is order_lines: what stands between the words does not matter.
    spelled = r"[\s_-]*".join(name.split("_"))
    match = re.fullmatch(rf"{spelled}(?P<rest>[^a-z].*)?", _stem(path))
    if match is None:
        return False
    words = _BETWEEN_WORDS.split(match["rest"] or "")
    return all(_COUNTING_WORD.fullmatch(word) for word in words if word)


def _way_out(path: Path) -> str:
    suffix = _unpacked(path).suffix
    words = _WAYS_OUT.get(suffix, "is not read: export it as CSV")
    return f"{path} {words}, or take it out of the folder."


def _require_different_names(parts: Sequence[Path]) -> None:
    by_stem: dict[str, Path] = {}
    for path in parts:
        other = by_stem.setdefault(str(path.with_name(_stem(path))), path)
        if other is not path:
            raise LoadError(
                f"{path.parent} has both {other.name} and {path.name}. "
                "Leave only the one to load."
            )


def _require_different_bytes(parts: Sequence[Path]) -> None:
    by_size = defaultdict(list)
    for path in parts:
        by_size[path.stat().st_size].append(path)
    for alike in by_size.values():
        by_hash: dict[str, Path] = {}
        for path in alike if len(alike) > 1 else []:
            with path.open("rb") as file:
                other = by_hash.setdefault(
                    hashlib.file_digest(file, "sha256").hexdigest(), path
                )
            if other is not path and path.stat().st_size:
                raise LoadError(
                    f"{path} holds the same as {other.name}: it is a second download "
                    "of one export. Remove one of them."
                )
