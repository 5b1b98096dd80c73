"""Compares lifetime values with what a made-up shop's customers spent in three years.

The warehouse is built as of a date after which the shop goes on for three years. Its
lifetime values, without discount and before the margin, are expected spend: of the year
until the longest horizon, of the two years after it, which are extrapolated, and of all
three.
"""

import json
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.harness import FOLDER, Dbt, Row, call
from benchmarks.judging import judge_predictions, write_predictions
from benchmarks.shop import load_shop, make_known_shop

CUSTOMERS = 20_000
# All of it lies in the past, because orders of days to come are rejected.
START, YEARS_BEFORE, YEARS_AFTER = date(2019, 1, 1), 3, 3
AS_OF = START + timedelta(days=365 * YEARS_BEFORE)
DAYS = 365 * (YEARS_BEFORE + YEARS_AFTER) + 1
FORECASTS = """
    with margin as (
        select margin from clv.shop_margin
    ),

    parts as (
        select customer_key, part, part_value / margin as predicted_spend
        from (
            unpivot clv.customer_lifetime_value
            on horizon_value, tail_value, lifetime_value
            into name part value part_value
        )
        cross join margin
    ),

    spans (part, first_day, last_day) as (
        values
        ('horizon_value', 1, 365),
        ('tail_value', 366, $last_day),
        ('lifetime_value', 1, $last_day)
    )

    select
        $as_of as origin_date,
        cast(spans.last_day as integer) as horizon_days,
        parts.part as model,
        parts.customer_key,
        cast(any_value(parts.predicted_spend) as double) as predicted_spend,
        cast(null as double) as chance_of_buying,
        cast(null as double) as spend_p10,
        cast(null as double) as spend_p50,
        cast(null as double) as spend_p90,
        cast(greatest(coalesce(sum(days.net_amount), 0), 0) as double) as actual_spend,
        cast(count_if(days.is_purchase) as integer) as actual_purchases
    from parts
    inner join spans using (part)
    left join features.customer_days as days
        on
            parts.customer_key = days.customer_key
            and days.activity_date >= $as_of + spans.first_day
            and days.activity_date <= $as_of + spans.last_day
    group by all
"""


def benchmark(customers: int = CUSTOMERS, folder: Path = FOLDER) -> Iterator[Row]:
    """Build a shop as of a past date and judge the lifetime values of its customers."""
    shop = make_known_shop(customers, START, DAYS, AS_OF, folder / "cache")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        dbt = Dbt(Path(scratch) / "shop.duckdb")
        load_shop(shop, dbt.warehouse)
        settings = {
            "as_of_date": str(AS_OF),
            "discount_rate": 0,
            "lifetime_years": YEARS_AFTER,
        }
        dbt("seed", "--select", "reference")
        dbt(
            "run",
            "--vars",
            json.dumps(settings),
            "--select",
            "+customer_lifetime_value",
        )
        call(write_forecasts, dbt.warehouse)
        for found in judge_predictions(dbt):
            yield Row("three years later", found.model, found.measure, found.value)


def write_forecasts(warehouse: str) -> None:
    """Replace the backtest by the parts of lifetime value and what came of them."""
    values = {"as_of": AS_OF, "last_day": 365 * YEARS_AFTER}
    with duckdb.connect(warehouse) as connection:
        forecasts = connection.execute(FORECASTS, values).to_arrow_table()
        write_predictions(connection, forecasts)
