"""Measures what all of schema recommendations costs in a build, by the shop's size.

The made-up shop has 5,000 products and a customer for each 20 purchases of a product.
Its facts and features are built beforehand. The first build that is measured judges,
learns, ranks and tests; that of the next day has nothing to learn.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.harness import FOLDER, Dbt, Row, call, rows
from benchmarks.scale import peak_of_processes
from benchmarks.shop import load_shop

SYSTEM = "clv_warehouse"
PRODUCTS = 5_000
PURCHASES_PER_CUSTOMER, PRODUCTS_PER_ORDER = 20, 4
MEMORY_LIMIT = "2GB"
MODELS = ("path:models/recommendations", "path:python_models/recommendations")
INPUTS = (
    *("+dim_customers", "+dim_products", "+fct_events", "+product_purchases"),
    *("+product_margins", "+training_plan"),
)
PLAN = ("standing_networks", "training_conditions", "training_plan")
# As the selector `daily` has it, which does not hold where models are selected.
LEFT_FOR_LATER = (
    *("test_type:unit", "test_name:not_null", "test_name:accepted_values"),
    *("test_name:between", "test_name:relationships"),
)


def of_sizes(purchases: Sequence[int], folder: Path = FOLDER) -> Iterator[Row]:
    """Measure shops of so many purchases: a build that trains, and one that ranks."""
    for size in purchases:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            shop = Path(scratch) / "shop"
            call(write_shop, shop, size)
            dbt = Dbt(Path(scratch) / "warehouse.duckdb", memory_limit=MEMORY_LIMIT)
            load_shop(shop, dbt.warehouse)
            tests = ("--exclude-resource-type", "test", "unit_test")
            dbt("build", "--select", "reference", *INPUTS, *tests)
            call(write_profiles, dbt.warehouse)
            for case in (f"size/{size}", f"size/{size}/next_day"):
                if case.endswith("next_day"):
                    dbt("run", "--select", *PLAN)
                with peak_of_processes() as peak:
                    built = dbt(
                        "build", "--select", *MODELS, "--exclude", *LEFT_FOR_LATER
                    )
                costs = built.cost | {"seconds": dbt.elapsed(), "peak_mb": peak[0]}
                yield from rows(case, SYSTEM, costs | dbt.slowest_models())
            with duckdb.connect(str(dbt.warehouse), read_only=True) as connection:
                (count,) = connection.execute(
                    "select count(*) from recommendations.product_recommendations"
                ).fetchall()[0]
            yield Row(f"size/{size}", SYSTEM, "recommendations", count)


def write_shop(folder: str, purchases: int) -> None:
    """Write orders, lines and products; few products and customers have most lines."""
    draw = np.random.default_rng(1)
    orders, customers = (
        purchases // each for each in (PRODUCTS_PER_ORDER, PURCHASES_PER_CUSTOMER)
    )
    active = draw.lognormal(0, 0.8, customers)
    popular = 1 / (np.arange(PRODUCTS) + 20)
    table = pa.table(
        {
            "customer": draw.choice(customers, orders, p=active / active.sum()),
            "day": draw.integers(0, 730, orders),
        }
    )
    lines = draw.choice(PRODUCTS, purchases, p=popular / popular.sum())
    Path(folder).mkdir()
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register("drawn", table)
        connection.register("drawn_lines", pa.table({"product": lines}))
        connection.execute(
            SHOP_SQL.format(
                folder=folder, per_order=PRODUCTS_PER_ORDER, products=PRODUCTS
            )
        )


def write_profiles(warehouse: str) -> None:
    """Write what recommendations read of profiles, whose forecasts take far longer."""
    with duckdb.connect(warehouse) as connection:
        connection.execute(
            "create schema profiles; create table profiles.customer_profiles as "
            "select customer_key, 'steady' as segment from orders.dim_customers"
        )


SHOP_SQL = """
    copy (
        select
            row_number() over () as order_id,
            'c' || customer as customer_id,
            timestamp '2024-01-01 12:00' + to_days(cast(day as integer)) as ordered_at,
            'completed' as status,
            'EUR' as currency
        from drawn
    ) to '{folder}/orders.parquet';
    copy (
        select
            1 + (row_number() over () - 1) // {per_order} as order_id,
            1 + (row_number() over () - 1) % {per_order} as line_number,
            'p' || lpad(cast(product as varchar), 5, '0') as product_id,
            1 as quantity,
            5 + product % 40 as unit_price
        from drawn_lines
    ) to '{folder}/order_lines.parquet';
    copy (
        select
            'p' || lpad(cast(range as varchar), 5, '0') as product_id,
            'Thing ' || range % 71 || ' of ' || range % 13 as product_name,
            'Category ' || range % 50 as category
        from range({products})
    ) to '{folder}/products.parquet'
"""
