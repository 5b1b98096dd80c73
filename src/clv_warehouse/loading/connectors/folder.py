"""Reads a folder of files named and shaped like the feeds, whole or in parts."""

from pathlib import Path

from clv_warehouse.loading.files import find_parts, not_found
from clv_warehouse.loading.problems import LoadError, Problem
from clv_warehouse.loading.reading import Reader


def read(reader: Reader, folder: Path) -> dict[str, str]:
    """Return a query of each feed's files, by the feed's name."""
    parts = {feed.name: find_parts(folder, feed.name) for feed in reader.feeds}
    for feed in reader.feeds:
        is_needed = feed.is_required and not reader.options.is_append
        if is_needed and not parts[feed.name]:
            raise not_found(folder, feed.name)
    _report_ignored(reader, folder, parts)
    found = {}
    for feed in reader.feeds:
        if paths := parts[feed.name]:
            try:
                found[feed.name] = reader.read_files(
                    paths, feed.columns, feed.name, folder
                )
            except LoadError as error:
                # We go on, so that all files that are wrong are known at once.
                files = ", ".join(str(path.relative_to(folder)) for path in paths)
                reader.problems.append(Problem(files, str(error)))
    has_money = parts["order_lines"] or "amount" in found.get("orders", {"amount"})
    if not has_money and not reader.options.is_append:
        message = (
            f"{folder} has no order_lines, and orders has no column amount: nothing "
            "says what an order cost. Add one of them."
        )
        reader.problems.append(Problem("orders", message))
    if parts["order_lines"] and "order_id" not in found.get("orders", {"order_id"}):
        message = (
            f"{folder}: orders has no column order_id, to which order_lines refers. "
            "Add the column."
        )
        reader.problems.append(Problem("orders", message))
    return {feed: f"from {feed}" for feed in found}


def _report_ignored(reader: Reader, folder: Path, parts: dict[str, list[Path]]) -> None:
    read = {path for paths in parts.values() for path in paths}
    folders = {parent for path in read for parent in path.parents}
    ignored = [
        path.name
        for path in sorted(folder.iterdir())
        if path not in read | folders and not path.name.startswith(".")
    ]
    for name in ignored:
        for feed in reader.feeds:
            if name.casefold().startswith((f"{feed.name}_", f"{feed.name}-")):
                reader.doubts.append(
                    Problem(
                        name,
                        f"{name} is not read, though it may be a part of the feed "
                        f"{feed.name}. If it is, put it into the folder {feed.name} "
                        "with the others; if not, take it out.",
                    )
                )
    if ignored:
        reader.note(
            f"{folder}: files not read: {', '.join(ignored)} (the feeds are "
            f"{_names(reader)}; a part of orders that is called otherwise goes into "
            "the folder orders)"
        )


def _names(reader: Reader) -> str:
    return ", ".join(feed.name for feed in reader.feeds)
