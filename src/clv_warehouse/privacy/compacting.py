"""Writes a DuckDB file anew, so that nothing is left of rows that were deleted.

DELETE, DROP and UPDATE leave the old bytes in blocks of the file that wait to be used
again. A copy into a fresh file holds what the tables hold, and nothing else.
"""

from pathlib import Path

import duckdb

from clv_warehouse.project.files import for_owner_alone, written_whole
from clv_warehouse.project.opening import (
    attach,
    catalog_of,
    explaining,
    memory_limit,
    trusted,
)
from clv_warehouse.project.sql import literal, quoted


def compact(path: Path) -> None:
    """Replace a warehouse by a fresh copy of itself, with the same mode.

    Raises WarehouseError while another program has it open; the file is whole at any
    moment.
    """
    with written_whole(path) as partial:
        copy_whole(path, partial)
    # What the old file still had to write is in the copy already.
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def copy_whole(path: Path, target: Path) -> None:
    """Copy all that a DuckDB file holds into a new file: tables, views, comments."""
    mode = path.stat().st_mode & 0o777
    with (
        for_owner_alone(),
        trusted(duckdb.connect(config=memory_limit())) as connection,
        explaining(path),
    ):
        connection.execute(f"set temp_directory = {literal(f'{target}.tmp')}")
        # The views name their catalog, which is the file's name.
        source = catalog_of(path)
        # Opened for writing, so that nobody else may be writing meanwhile.
        attach(connection, path, source, read_only=mode & 0o200 == 0)
        connection.execute(f"attach {literal(str(target))} as fresh_copy")
        connection.execute(f"copy from database {quoted(source)} to fresh_copy")
        connection.execute("detach fresh_copy")
        connection.execute(f"detach {quoted(source)}")
    target.chmod(mode)
