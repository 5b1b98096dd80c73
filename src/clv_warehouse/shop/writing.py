"""Writes a made-up shop of any size as Parquet, batch by batch."""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from clv_warehouse.shop.goods import Catalogue
from clv_warehouse.shop.process import make_batch
from clv_warehouse.shop.schemas import OF_SHOP, SCHEMAS
from clv_warehouse.shop.settings import Settings
from clv_warehouse.shop.shop_tables import shop_tables
from clv_warehouse.shop.tables import batch_tables

Report = Callable[[int, int], None]


def write_shop(
    settings: Settings,
    people: int,
    folder: Path,
    feeds: Collection[str],
    truth_days: Sequence[int],
    report: Report,
) -> dict[str, int]:
    """Write `feeds` of a shop of `people` into `folder`; return the rows of each feed.

    Each feed becomes a file of its name with a row group per batch, so memory does not
    grow with `people`. `truth_days` are the as-of days of the feed truth. After each
    batch `report` gets the number of people and rows written.
    """
    catalogue = Catalogue.of(settings)
    rows = dict.fromkeys(feeds, 0)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        writers = {
            feed: files.enter_context(
                pq.ParquetWriter(folder / f"{feed}.parquet", SCHEMAS[feed])
            )
            for feed in feeds
        }

        def write(feed: str, table: pa.Table) -> None:
            writers[feed].write_table(table, row_group_size=max(1, table.num_rows))
            rows[feed] += table.num_rows

        of_shop = shop_tables(settings, catalogue, people)
        for feed in OF_SHOP:
            if feed in feeds:
                write(feed, of_shop[feed])
        size = settings.people_per_batch
        for index, begin in enumerate(range(0, people, size)):
            batch = make_batch(settings, catalogue, index)
            kept = min(size, people - begin)
            for feed, table in batch_tables(batch, kept, feeds, truth_days).items():
                write(feed, table)
            report(begin + kept, sum(rows.values()))
    return rows
