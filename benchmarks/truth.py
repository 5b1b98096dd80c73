"""Compares forecasts of made-up shops with the truth, which is known there.

The truth is each customer's expected spend, given the whole process that made the shop.
No model that knows the same past can forecast better. The sample shop ends on its
as-of date. A larger shop goes on for a year after it, so the truth and the forecasts
can both be compared with the spend of that year.
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
from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.secrets import PUBLIC

CUSTOMERS = 20_000
START, DAYS = date(2022, 1, 1), 1461
AS_OF = START + timedelta(days=DAYS - 366)
# Comparing the truth with the expected spend would compare it with itself.
FORECASTS = """
    with forecasts as (
        select customer_key, horizon_days, scored_by as system, predicted_spend
        from clv.clv_scores
        where scored_by = 'network'
        union all
        select customer_key, horizon_days, 'prior', prior_spend
        from clv.clv_scores
        where not is_extrapolated
        union all
        select key_of(customer_id), horizon_days, 'truth', greatest(expected_spend, 0)
        from truth
    ),

    held_against as (
        select key_of(customer_id) as customer_key, horizon_days, 'expected' as what,
            expected_spend as spend, 0 as purchases
        from truth
        union all
        select key_of(truth.customer_id), truth.horizon_days, 'actual',
            greatest(coalesce(sum(days.net_amount), 0), 0),
            count_if(days.is_purchase)
        from truth
        left join features.customer_days as days
            on
                key_of(truth.customer_id) = days.customer_key
                and days.activity_date > truth.as_of_date
                and days.activity_date <= truth.as_of_date + truth.horizon_days
        group by truth.customer_id, truth.horizon_days
    )

    select
        $as_of as origin_date,
        horizon_days,
        system || '/' || what as model,
        customer_key,
        predicted_spend,
        cast(null as double) as chance_of_buying,
        cast(null as double) as spend_p10,
        cast(null as double) as spend_p50,
        cast(null as double) as spend_p90,
        cast(spend as double) as actual_spend,
        cast(purchases as integer) as actual_purchases
    from forecasts
    inner join held_against using (customer_key, horizon_days)
    semi join clv.clv_scores using (customer_key)
    where list_contains($held_against, what) and (system <> 'truth' or what = 'actual')
"""


def benchmark(customers: int = CUSTOMERS, folder: Path = FOLDER) -> Iterator[Row]:
    """Judge the sample shop's scores, and those of a shop of so many people."""
    shop = make_known_shop(customers, START, DAYS, AS_OF, folder / "cache")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        dbt = Dbt(Path(scratch) / "sample.duckdb", target="sample")
        dbt("seed")
        dbt("run", "--select", "+clv_scores")
        truth = "select * from raw.true_values"
        yield from judged(dbt, "sample shop, ", truth, "expected")
        dbt = Dbt(Path(scratch) / "shop.duckdb")
        load_shop(shop, dbt.warehouse)
        settings = {"as_of_date": str(AS_OF)}
        dbt("seed", "--select", "reference")
        dbt("run", "--vars", json.dumps(settings), "--select", "+clv_scores")
        truth = f"from read_parquet('{shop / 'truth.parquet'}')"
        yield from judged(dbt, "", truth, "expected", "actual")


def judged(dbt: Dbt, shop: str, truth: str, *held_against: str) -> Iterator[Row]:
    """Judge scores against the rows of a query, by what they are held against."""
    call(write_forecasts, dbt.warehouse, truth, *held_against)
    for found in judge_predictions(dbt):
        system, _, what = found.model.partition("/")
        case = f"{shop}{what} spend, {found.horizon_days} days"
        yield Row(case, system, found.measure, found.value)


def write_forecasts(warehouse: str, truth: str, *held_against: str) -> None:
    """Replace the backtest by what is judged, under names SYSTEM/TRUTH."""
    with duckdb.connect(warehouse) as connection:
        define_key_of(connection, PUBLIC)
        connection.execute(f"create temp table truth as {truth}")
        ((as_of,),) = connection.execute("select max(as_of_date) from truth").fetchall()
        forecasts = connection.execute(
            FORECASTS, {"as_of": as_of, "held_against": list(held_against)}
        ).to_arrow_table()
        write_predictions(connection, forecasts)
