"""Makes one publication: the serving copy, and the forms made from it."""

import datetime as dt
from contextlib import suppress
from pathlib import Path

import duckdb

from clv_warehouse.project.contracts import Table
from clv_warehouse.project.report import Report
from clv_warehouse.project.sql import literal
from clv_warehouse.serving.publishing.folder import (
    new_version,
    swap_in_file,
    swap_in_link,
    written_at,
    written_whole,
)
from clv_warehouse.serving.publishing.parquet import write_parquet
from clv_warehouse.serving.publishing.serving import (
    PUBLICATION,
    write_serving_copy,
)

SERVING = "serving.duckdb"
PARQUET = "parquet"


def publish_serving_copy(
    warehouse: Path,
    tables: tuple[Table, ...],
    folder: Path,
    wait_seconds: float,
    report: Report,
    is_forced: bool = False,
) -> Path:
    """Write the serving copy, swap it in, and return the folder of the version.

    Raises PublishError if the warehouse is not one complete build, unless `is_forced`.

    The caller must hold the lock of the folder. All other forms are made from this
    copy, so all hold the same rows, and the warehouse is free once it is written.
    """
    version = new_version(folder)
    with written_whole(version) as partial:
        write_serving_copy(
            warehouse, tables, partial / SERVING, wait_seconds, report, is_forced
        )
    swap_in_file(version, SERVING, folder)
    return version


def publish_parquet(version: Path, tables: tuple[Table, ...], folder: Path) -> None:
    """Write the tables of a version as Parquet and swap them in."""
    with written_whole(version / PARQUET) as partial:
        write_parquet(version / SERVING, tables, partial)
    swap_in_link(version, PARQUET, folder)


def published_at(folder: Path) -> dict[str, dt.datetime | None]:
    """Return when the serving copy and Parquet in `folder` were published, in UTC."""
    return {name: written_at(folder, name) for name in (SERVING, PARQUET)}


def builds_of(folder: Path) -> dict[str, str | None]:
    """Return of which build the serving copy and Parquet in `folder` are, where told.

    A form that is not there, or that an older version of the project wrote, is left
    out. The two differ where a publication was cut short between them.
    """
    table = f"{PUBLICATION.schema}/{PUBLICATION.name}"
    parquet = folder / PARQUET / table / "*.parquet"
    told: dict[str, str | None] = {}
    with duckdb.connect() as connection:
        for name, query in (
            (SERVING, f"select build_id from copy.{PUBLICATION.sql}"),
            (PARQUET, f"select build_id from read_parquet({literal(str(parquet))})"),
        ):
            with suppress(duckdb.Error):
                if name == SERVING:
                    path = literal(str(folder / SERVING))
                    connection.execute(f"attach {path} as copy (read_only)")
                ((told[name],),) = connection.execute(query).fetchall()
    return told
