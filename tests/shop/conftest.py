"""A made-up shop of twenty thousand people, made once."""

import duckdb
import pytest

from clv_warehouse.shop.goods import Catalogue
from clv_warehouse.shop.process import Batch, make_batch
from clv_warehouse.shop.schemas import SCHEMAS
from clv_warehouse.shop.settings import Settings
from clv_warehouse.shop.shop_tables import shop_tables
from clv_warehouse.shop.tables import batch_tables

SETTINGS = Settings(seed=31)
YEAR_BEFORE_END = SETTINGS.last_day - 365


@pytest.fixture(scope="session")
def batch() -> Batch:
    """Twenty thousand people."""
    return make_batch(SETTINGS, Catalogue.of(SETTINGS), 0)


@pytest.fixture(scope="session")
def shop(batch: Batch) -> duckdb.DuckDBPyConnection:
    """Their feeds as tables, the truth at the last day but 365."""
    people = SETTINGS.people_per_batch
    tables = batch_tables(batch, people, tuple(SCHEMAS), [YEAR_BEFORE_END])
    tables |= shop_tables(SETTINGS, batch.catalogue, people)
    connection = duckdb.connect()
    for feed, table in tables.items():
        connection.register(feed, table)
    return connection
