"""Reads a folder of CSV or Parquet files that are named and shaped like the feeds."""

from pathlib import Path

from clv_warehouse.loading.reading import (
    LoadError,
    Reader,
    find_file,
    require_found,
)


def read(reader: Reader, folder: Path) -> dict[str, str]:
    """Return a query of each feed's file, by the feed's name."""
    paths = {}
    for feed in reader.feeds:
        find = require_found if feed.is_required else find_file
        path = find(folder, feed.name)
        if path is not None:
            paths[feed.name] = path
    _report_ignored(reader, folder, paths)
    found = {
        feed.name: reader.read_file(paths[feed.name], feed.columns, feed.name)
        for feed in reader.feeds
        if feed.name in paths
    }
    if "order_lines" not in found and "amount" not in found["orders"]:
        raise LoadError(
            f"{folder} has no order_lines, and orders has no column amount: nothing "
            "says what an order cost. Add one of them."
        )
    return {feed: f"from {feed}" for feed in found}


def _report_ignored(reader: Reader, folder: Path, paths: dict[str, Path]) -> None:
    ignored = [
        path.name for path in sorted(folder.iterdir()) if path not in paths.values()
    ]
    if ignored:
        feeds = ", ".join(feed.name for feed in reader.feeds)
        reader.report(
            f"{folder}: files not read: {', '.join(ignored)} (the feeds are {feeds})"
        )
