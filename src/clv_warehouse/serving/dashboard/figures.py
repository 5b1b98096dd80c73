"""Packs the tables of schema `reports`, which the dashboard shows, as JSON.

models/reports describes each of them. They are contracted, and the page holds a bounded
number of their rows. So a published copy serves as well as the warehouse itself, and
the page's size does not depend on the number of customers.
"""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from clv_warehouse.project.builds import Build, complete_build
from clv_warehouse.project.opening import opened

# The tables that the page reads. A panel whose tables are missing is left out, but the
# tables in NEEDED must exist.
TABLES = (
    "shop",
    "segments",
    "segment_overview",
    "value_bands",
    "metric_definitions",
    "metric_values",
    "periods_compared",
    "revenue_by_month",
    "expected_by_month",
    "months_ahead",
    "planned_days",
    "expected_by_horizon",
    "cohorts",
    "new_customers",
    "new_customer_curves",
    "experiments_judged",
    "hold_outs",
    "campaigns_compared",
    "budget_frontier",
    "offers_compared",
    "changes",
    "customer_lists",
    "list_members",
    "top_customers",
    "top_customer_reasons",
    "top_customer_changes",
    "products_sold_together",
    "products_rising",
    "recommenders_compared",
    "front_page",
    "site_steps",
    "search_terms",
    "alarms_today",
    "trust",
    "judged_forecasts",
    "judged_deciles",
    "models_compared",
    "feeds",
    "rejections",
    "order_summary",
)
NEEDED = ("shop", "segments", "value_bands")
# Which rows the page holds of a table that has many. scripts/lists.js says so.
SHOWN = {"list_members": "position <= 1000"}
# Decimal places of what is packed: more than the page shows.
PLACES = 6

Figures = dict[str, Any]


def figures(
    warehouse: Path, is_forced: bool = False
) -> tuple[Build, dict[str, Figures]]:
    """Return the newest build and its tables by name, in JSON's types only.

    A table is its columns by name. `warehouse` is the file that dbt built, or a
    published copy. Raises WarehouseError if it cannot be read or lacks a table that the
    page needs, IncompleteBuildError if it is not one complete build, unless
    `is_forced`.
    """
    with opened(warehouse) as connection:
        build = complete_build(connection, is_forced=is_forced)
        there = connection.sql(
            "select table_name from information_schema.tables"
            " where table_schema = 'reports'"
        ).fetchall()
        known = {*NEEDED, *(name for (name,) in there)}
        return build, {
            name: pack(
                connection.sql(
                    f"from reports.{name} where {SHOWN.get(name, 'true')} order by all"
                )
            )
            for name in TABLES
            if name in known
        }


def pack(relation: duckdb.DuckDBPyRelation) -> Figures:
    """Return a table by columns; scripts/tables.js turns them into rows again."""
    table = relation.to_arrow_table()
    return {name: _packed(table[name]) for name in table.column_names}


def _packed(column: pa.ChunkedArray) -> Any:
    """Keep numbers and booleans; replace texts and dates by their places in a list.

    Texts repeat in every row: segments, countries, months.
    """
    if pa.types.is_boolean(column.type) or pa.types.is_integer(column.type):
        return column.to_pylist()
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return [_short(value) for value in pc.cast(column, pa.float64()).to_pylist()]
    coded = pc.cast(column, pa.string()).combine_chunks().dictionary_encode()
    return {
        "texts": coded.dictionary.to_pylist(),
        "places": coded.indices.to_pylist(),
    }


def _short(number: float | None) -> float | None:
    """Round, and drop the `.0` that JSON would carry for whole numbers."""
    if number is None:
        return None
    rounded = round(number, PLACES)
    return int(rounded) if rounded == int(rounded) else rounded
